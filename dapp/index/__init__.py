"""Chain events as tables: what pages list, filter and search, made from the chain alone and made again at
will.
"""

from __future__ import annotations

from dapp.index.follow import Caught, catch_up
from dapp.index.index import Index, IndexFailed

__all__ = ["Caught", "Index", "IndexFailed", "catch_up"]
