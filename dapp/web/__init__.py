"""The web interface: pages made on the server, signed by a wallet in the browser, from chain, index and
store. It holds no key.
"""

from __future__ import annotations

from dapp.web.app import create_app
from dapp.web.settings import WebSettings

__all__ = ["WebSettings", "create_app"]
