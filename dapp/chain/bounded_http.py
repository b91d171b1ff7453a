"""HTTP to an endpoint held to limits.

`requests` bounds the wait for each piece of an answer, not their number or their sum; a node that sends one
byte a second, or never stops, would hold or fill the caller.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import requests
from eth_typing import URI
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from web3.exceptions import Web3RPCError
from web3.providers import HTTPProvider
from web3.types import RPCEndpoint

from dapp.chain.errors import EndpointDown

ANSWER_BYTES: Final = 2**25
ANSWER_S: Final = 60.0
HEADERS_S: Final = 20.0
_PIECE_BYTES: Final = 2**16


class BoundedHttp(HTTPProvider):
    """Answers of at most ANSWER_BYTES, which end within ANSWER_S."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, session = URI(url), requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        super().__init__(url, {"timeout": timeout_s}, session=session, exception_retry_configuration=None)

    def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
        """Raises EndpointDown, Web3RPCError: as if the node refused so much itself."""
        ends_at_s = time.monotonic() + ANSWER_S
        found = bytearray()
        with self._request_session_manager.get_response_from_post_request(
            self._url, data=request_data, stream=True, **self.get_request_kwargs()
        ) as response:
            response.raise_for_status()
            for piece in _pieces(response):
                found += piece
                if len(found) > ANSWER_BYTES:
                    raise Web3RPCError(f"more than the {ANSWER_BYTES:,} bytes that an answer may have")
                if time.monotonic() > ends_at_s:
                    raise EndpointDown(
                        f"the endpoint did not end its answer in {ANSWER_S:.0f} s", retryable=True
                    )
        return bytes(found)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """What has come of the body, as soon as it has come. Raises ConnectionError."""
    try:
        while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
            yield piece
    except HTTPError as error:
        raise requests.ConnectionError(str(error)) from error


class _Patient:
    """A connection whose peer has HEADERS_S to begin its answer."""

    sock: socket.socket | None

    def getresponse(self) -> Any:
        timer = threading.Timer(HEADERS_S, self._shut_down)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()

    def _shut_down(self) -> None:
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class _PatientHttp(_Patient, HTTPConnection):
    pass


class _PatientHttps(_Patient, HTTPSConnection):
    pass


class _PoolHttp(HTTPConnectionPool):
    ConnectionCls = _PatientHttp


class _PoolHttps(HTTPSConnectionPool):
    ConnectionCls = _PatientHttps


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PoolHttp, "https": _PoolHttps}
