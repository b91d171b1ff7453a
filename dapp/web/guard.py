"""What every request passes before anything else sees it, and every answer on its way out.

A host name that could have been rebound, a foreign page, a missing token, a body that is too large: each is
refused here, for all routes alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dapp.web.settings import LOOPBACK
from ml.errors import QuorateError

TOKEN_HEADER: Final = "X-Quorate-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_BYTES: Final = 65_536
ADDRESS_BYTES: Final = 2_048  # path and query as they came
CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class RequestRefused(QuorateError):
    """A request that did not come from a page of this run, or that is too large."""

    code = "web-refused"
    default_fix = "Open the address that `quorate web` prints, and reload the page after a restart."


class Guard:
    """Around the whole application.

    bodies   routes whose bodies may be larger than BODY_BYTES: how a path begins, and the bytes
    """

    def __init__(self, app: ASGIApp, token: str, port: int, bodies: Mapping[str, int]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = {f"[{name}]" if ":" in name else name for name in LOOPBACK}
        self._port = port
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            return
        headers = Headers(scope=scope)
        guarded = _WithHeaders(send)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(refusal)(scope, receive, guarded)
            return
        limit = self._limit(scope["path"])
        if not _fits(headers.get("content-length", "0"), limit):
            await _answer(_too_large(limit))(scope, receive, guarded)
            return
        bounded = _Bounded(receive, limit)
        try:
            await self._app(scope, bounded, guarded)
        except _TooLarge:
            if not guarded.started:
                await _answer(_too_large(limit))(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> RequestRefused | None:
        if len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) > ADDRESS_BYTES:
            return RequestRefused(f"an address has at most {ADDRESS_BYTES:,} bytes here", status=414)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return RequestRefused("this server does not answer to that host name", status=403)
        origin, ours = headers.get("origin"), f"http://{host}"
        if origin is not None and origin != ours:
            return RequestRefused("another page may not ask this server", status=403)
        site = headers.get("sec-fetch-site", "same-origin")
        is_link = (
            headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"
        )
        if site not in ("same-origin", "none") and not is_link:
            return RequestRefused("another page may not ask this server", status=403)
        if scope["method"] in SAFE_METHODS:
            return None
        if origin is None or site not in ("same-origin", "none"):
            return RequestRefused("a change has to come from a page of this server", status=403)
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token):
            return RequestRefused("the token of this run is missing or old: reload the page", status=403)
        return None

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host, ""
        return name.lower() in self._hosts and port in ("", str(self._port))

    def _limit(self, path: str) -> int:
        return next((size for start, size in self._bodies.items() if path.startswith(start)), BODY_BYTES)


class _TooLarge(Exception):
    """More of a body than its route takes."""


class _Bounded:
    """Counts the bytes of a body as they come."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLarge
        return message


class _WithHeaders:
    """Puts the headers on an answer that does not have them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def _fits(length: str, limit: int) -> bool:
    return length.isascii() and length.isdecimal() and len(length) < 16 and int(length) <= limit


def _too_large(limit: int) -> RequestRefused:
    return RequestRefused(f"at most {limit:,} bytes are taken here", status=413)


def _answer(refusal: RequestRefused) -> JSONResponse:
    status = refusal.values["status"]
    return JSONResponse({"error": refusal.to_dict()}, status if isinstance(status, int) else 403)
