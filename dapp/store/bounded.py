"""HTTP held to limits: a deadline, a cap on every answer, no redirects, no proxies.

`requests` bounds the wait for each piece of an answer, not their number or their sum; a peer that sends one
byte a second, or never stops, would hold or fill the caller.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from dapp.store.deadline import Deadline
from dapp.store.errors import TooLarge, Unreachable

ANSWER_BYTES = 65_536  # an answer in JSON, or an error's text
_PIECE_BYTES = 65_536


def bounded_session(adapter: BoundedAdapter) -> requests.Session:
    """A session that goes through `adapter` only, and takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Accept-Encoding"] = "identity"
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class BoundedAdapter(HTTPAdapter):
    """Sends requests on watched sockets, and caps what comes back at `cap_bytes`."""

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
            raise Unreachable(f"{request.url} redirects elsewhere: it is none of ours.", retryable=False)
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
                    f"The peer sent more than the {self._cap_bytes:,} bytes allowed.",
                    limit_bytes=self._cap_bytes,
                    size_bytes=None,
                )
            yield piece
        if self._deadline.left_s <= 0:  # the answer did not end, its socket was shut down
            raise requests.Timeout("out of time")
