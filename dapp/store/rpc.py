"""ipfshttpclient held to limits: a deadline, a cap on every answer, no redirects, no proxies.

ipfshttpclient 0.8.0a2 bounds the wait for each piece of an answer, not their number or their sum; a daemon
that sends one byte a second, or never stops, would hold or fill the caller. Its transport is `requests`, so
the limits go there. Its `connect`, which warns about the daemon's version, is not called.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import ipfshttpclient
import requests
from ipfshttpclient.http_requests import ClientSync
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from dapp.store.deadline import Deadline
from dapp.store.errors import InvalidStore, TooLarge, Unreachable

ANSWER_BYTES = 65_536  # an answer in JSON, or an error's text
_PIECE_BYTES = 65_536


class BoundedClient(ipfshttpclient.Client):  # type: ignore[misc]
    """One operation's client: use as a context manager; set `cap_bytes` before each request."""

    def __init__(self, address: str, idle_s: float, total_s: float) -> None:
        """address: a multiaddr. idle_s: the longest wait for a connection or for the next bytes."""
        super().__init__(address, timeout=idle_s)
        self.deadline = Deadline(total_s)
        self._adapter = _Adapter(self.deadline)
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

    adapter: _Adapter

    def _make_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["Accept-Encoding"] = "identity"
        session.mount("http://", self.adapter)
        session.mount("https://", self.adapter)
        return session


class _Adapter(HTTPAdapter):
    """Sends requests on watched sockets, and caps what comes back."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self.cap_bytes = ANSWER_BYTES
        self._deadline = deadline

        class WatchedHTTP(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return deadline.watch(super()._new_conn())

        class WatchedHTTPS(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return deadline.watch(super()._new_conn())

        class PoolHTTP(HTTPConnectionPool):
            ConnectionCls = WatchedHTTP

        class PoolHTTPS(HTTPSConnectionPool):
            ConnectionCls = WatchedHTTPS

        self.poolmanager.pool_classes_by_scheme = {"http": PoolHTTP, "https": PoolHTTPS}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        if self._deadline.left_s <= 0:
            raise requests.Timeout("out of time")
        response = super().send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )
        if response.is_redirect or response.is_permanent_redirect:
            response.close()
            raise Unreachable(f"{request.url} redirects elsewhere: it is no IPFS daemon.", retryable=False)
        response.raw = _Capped(response.raw, self.cap_bytes if response.ok else ANSWER_BYTES, self._deadline)
        return response


class _Capped:
    """A urllib3 response that yields at most cap_bytes, undecoded, before the deadline, and raises beyond."""

    def __init__(self, raw: Any, cap_bytes: int, deadline: Deadline) -> None:
        self._raw = raw
        self._cap_bytes = cap_bytes
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amt: int | None, decode_content: bool) -> Iterator[bytes]:
        received = 0
        for piece in self._raw.stream(_PIECE_BYTES, decode_content=False):
            received += len(piece)
            if received > self._cap_bytes:
                self._raw.close()
                raise TooLarge(
                    f"The daemon sent more than the {self._cap_bytes:,} bytes allowed.",
                    limit_bytes=self._cap_bytes,
                    size_bytes=None,
                )
            yield piece
        if self._deadline.left_s <= 0:  # the answer did not end, its socket was shut down
            raise requests.Timeout("out of time")
