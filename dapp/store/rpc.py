"""ipfshttpclient held to limits: a deadline, a cap on every answer, no redirects, no proxies.

ipfshttpclient 0.8.0a2 bounds the wait for each piece of an answer, not their number or their sum; a daemon
that sends one byte a second, or never stops, would hold or fill the caller. Its transport is `requests`, so
the limits go there. Its `connect`, which warns about the daemon's version, is not called.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import ipfshttpclient
import requests
from ipfshttpclient.http_requests import ClientSync

from dapp.store.bounded import ANSWER_BYTES, BoundedAdapter, bounded_session
from dapp.store.deadline import Deadline
from dapp.store.errors import InvalidStore

__all__ = ["ANSWER_BYTES", "BoundedClient", "multiaddr_of"]


class BoundedClient(ipfshttpclient.Client):  # type: ignore[misc]
    """One operation's client: use as a context manager; set `cap_bytes` before each request."""

    def __init__(self, address: str, idle_s: float, total_s: float) -> None:
        """address: a multiaddr. idle_s: the longest wait for a connection or for the next bytes."""
        super().__init__(address, timeout=idle_s)
        self.deadline = Deadline(total_s)
        self._adapter = BoundedAdapter(self.deadline)
        self._client = _Transport(address, "api/v0", timeout=idle_s)
        self._client.adapter = self._adapter
        self._client.open_session()

    def capped(self, cap_bytes: int) -> BoundedClient:
        """Itself, with answers of at most cap_bytes from now on."""
        self._adapter.cap_bytes = cap_bytes
        return self

    def close(self) -> None:
        super().close()
        self.deadline.close()


def multiaddr_of(place: str) -> str:
    """The multiaddr of a daemon given as one or as a URL. Raises InvalidStore."""
    if place.startswith("/"):
        address = place
    else:
        url = urlsplit(place)
        try:
            host, port = url.hostname, url.port
        except ValueError:
            host = port = None
        if "@" in url.netloc:
            raise InvalidStore("The URL of an IPFS daemon must not hold a user name or a password.")
        if url.scheme not in ("http", "https") or not host or url.path not in ("", "/") or url.query:
            raise InvalidStore("The URL of an IPFS daemon is a scheme, a host and a port, and nothing more.")
        kind = "ip6" if ":" in host else "ip4" if host.replace(".", "").isdigit() else "dns"
        address = f"/{kind}/{host}/tcp/{port or (443 if url.scheme == 'https' else 80)}/{url.scheme}"
    try:
        ClientSync(address, "api/v0")
    except (ipfshttpclient.exceptions.AddressError, LookupError, ValueError) as error:
        raise InvalidStore(f"{place!r} is not the multiaddr of an IPFS daemon: {error}") from error
    if address.startswith("/unix"):
        raise InvalidStore(f"{place!r}: daemons on Unix sockets are not supported.")
    return address


class _Transport(ClientSync):  # type: ignore[misc]
    """ipfshttpclient's transport over a plain session: its own takes proxies from the environment."""

    adapter: BoundedAdapter

    def _make_session(self) -> requests.Session:
        return bounded_session(self.adapter)
