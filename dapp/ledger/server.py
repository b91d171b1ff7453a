"""The recorder's server: a Desk over HTTP, on the loopback interface unless told otherwise.

GET  /v1/state               where the run stands, and what nodes are asked for
GET  /v1/headers?from=N      a page of headers from height N on
POST /v1/nonce | /v1/attestation | /v1/vote
Messages are canonical JSON of at most MESSAGE_BYTES. A refusal is the four fields of an error, and 4xx.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from dapp.hosts import is_meant_for_us
from dapp.ledger.desk import Desk
from dapp.ledger.errors import LedgerError, RecorderRefused
from ml.canonical import canonical_json, parse_canonical_json
from ml.errors import QuorateError
from ml.history.header import MAX_UINT48

MESSAGE_BYTES: Final = 4_096
MAX_CONNECTIONS: Final = 64
BODY_S: Final = 10.0  # for the whole of a message
CONNECTION_S: Final = 120.0  # for a connection as a whole
STOP_S: Final = 2
_log = logging.getLogger(__name__)


def application(desk: Desk, names: Sequence[str] = ()) -> ASGIApp:
    """The server's web application. names: DNS names it answers to, besides localhost."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(QuorateError)
    def refuse(request: Request, error: QuorateError) -> Response:
        return _refusal(error)

    @app.get("/v1/state")
    def state() -> Response:
        return _answer(200, desk.state())

    @app.get("/v1/headers")
    def headers(request: Request) -> Response:
        text = request.query_params.get("from", "")
        if not (text.isascii() and text.isdecimal() and len(text) <= 15 and int(text) <= MAX_UINT48):
            raise RecorderRefused("from must be a height")
        return _answer(200, {"headers": desk.headers(int(text))})

    async def taken(request: Request, take: Callable[[object], dict[str, Any]]) -> Response:
        message = parse_canonical_json(await request.body(), MESSAGE_BYTES)
        return _answer(200, await run_in_threadpool(take, message))

    @app.post("/v1/nonce")
    async def nonce(request: Request) -> Response:
        return await taken(request, desk.nonce)

    @app.post("/v1/attestation")
    async def attestation(request: Request) -> Response:
        return await taken(request, desk.attestation)

    @app.post("/v1/vote")
    async def vote(request: Request) -> Response:
        return await taken(request, desk.vote)

    return _Guard(app, frozenset(name.lower() for name in ("localhost", *names)))


class RecorderServer:
    """Serves a desk in a thread of its own, from `start` to `stop`; port 0 takes a free one."""

    def __init__(self, desk: Desk, host: str = "127.0.0.1", port: int = 0, names: Sequence[str] = ()) -> None:
        """Raises LedgerError where the address cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(MAX_CONNECTIONS)  # so that nobody is turned away before `start`
        except OSError as error:
            self._socket.close()
            raise LedgerError(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                fix="Name another address or a free port.",
            ) from error
        place = f"[{host}]" if ":" in host else host
        self.url = f"http://{place}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(desk, names),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=STOP_S,
                h11_max_incomplete_event_size=8_192,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="recorder-server", daemon=True
        )

    def start(self) -> Self:
        """Answer from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End within STOP_S and a little."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_S + 2)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Protocol(H11Protocol):
    """uvicorn waits for the head of a request for ever; a connection ends here whatever it does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(CONNECTION_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        super().connection_lost(exc)


class _Guard:
    """Refuses browsers and foreign host names, and reads a message whole, within bounds, before the rest."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = None
        body = b""
        if not is_meant_for_us(Headers(scope=scope), self._names):
            refusal = RecorderRefused(
                "this server is not for browsers, nor for the host name given", status=403
            )
        else:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await _whole(receive)
            except TimeoutError:
                refusal = RecorderRefused("the message took too long", status=408)
            except RecorderRefused as error:
                refusal = error
        if refusal is not None:
            await _refusal(refusal, close=True)(scope, receive, send)
            return
        with contextlib.suppress(ConnectionError):
            await self._app(scope, _replay(body, receive), send)


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MESSAGE_BYTES:
            raise RecorderRefused(f"a message has at most {MESSAGE_BYTES} bytes", status=413)
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _refusal(error: QuorateError, close: bool = False) -> Response:
    """A refusal with its reason; of a fault of our own no more than that there is one."""
    if isinstance(error, LedgerError) and not isinstance(error, RecorderRefused):
        _log.error("%s: %s", error.code, error.message)
        error = RecorderRefused("the recorder cannot keep anything now", retryable=True, status=503)
    status = error.values.get("status", 400)
    response = _answer(status if isinstance(status, int) else 400, {"error": error.to_dict()})
    if close:
        response.headers["Connection"] = "close"
    return response


def _answer(status: int, value: dict[str, Any]) -> Response:
    return Response(canonical_json(value), status, media_type="application/json")
