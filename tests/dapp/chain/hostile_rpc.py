"""A node that lies: a proxy in front of anvil whose answers to chosen methods are twisted."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Twist = Callable[[dict[str, Any], Callable[[], dict[str, Any]]], "bytes | dict[str, Any] | int"]


class HostileRpc:
    """`twists` maps a method to a function of the request and of what asks the real node.

    It returns another JSON answer, raw bytes, or an HTTP status. '*' stands for every method.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.twists: dict[str, Twist] = {}
        self.seen: list[str] = []
        self.url = ""

    def answer(self, body: bytes) -> tuple[int, bytes]:
        request = json.loads(body)
        self.seen.append(request["method"])

        def real() -> dict[str, Any]:
            message = urllib.request.Request(
                self.upstream, body, {"Content-Type": "application/json"}, method="POST"
            )
            with urllib.request.urlopen(message, timeout=10) as response:
                result: dict[str, Any] = json.loads(response.read())
                return result

        twist = self.twists.get(request["method"], self.twists.get("*"))
        given = real() if twist is None else twist(request, real)
        if isinstance(given, int):
            return given, b"<html>Service Unavailable</html>"
        return 200, given if isinstance(given, bytes) else json.dumps(given).encode()


@contextmanager
def hostile(upstream: str) -> Iterator[HostileRpc]:
    """The proxy at work on a free port of this machine."""
    proxy = HostileRpc(upstream)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = proxy.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def result(request: dict[str, Any], value: object) -> dict[str, Any]:
    """A JSON-RPC answer."""
    return {"jsonrpc": "2.0", "id": request["id"], "result": value}
