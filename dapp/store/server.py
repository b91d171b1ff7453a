"""An embedded store over HTTP, for processes and machines without an IPFS node.

It speaks the part of an IPFS daemon's RPC that dapp.store.ipfs uses (add, cat, block/get, block/stat), so any
client of a daemon reads and writes it. Whoever reaches it may add and read, nobody can change what is there.
`python -m dapp.store.server DIRECTORY` runs it, on the loopback interface unless told otherwise.
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dapp.hosts import is_meant_for_us
from dapp.store.deadline import Deadline
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import Full, InvalidCid, NotFound, StoreError, TooLarge
from dapp.store.multipart import InvalidBody, body_pieces, only_file
from dapp.store.unixfs import CHUNK_BYTES, LINKS_PER_NODE

MAX_FILE_BYTES = 256 << 20  # a model of 64 million float32 parameters
MAX_CONNECTIONS = 64  # a thread each
IDLE_S = 30.0  # between two pieces of a request
CONNECTION_S = 600.0  # for a connection as a whole
_VERSION = "0.8.0"  # of the RPC that is spoken
_SETTINGS = {
    "cid-version": "1",
    "hash": "sha2-256",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK_BYTES}",
    "max-file-links": str(LINKS_PER_NODE),
    "trickle": "false",
    "wrap-with-directory": "false",
    "only-hash": "false",
    "nocopy": "false",
}
_log = logging.getLogger(__name__)


class StoreServer(ThreadingHTTPServer):
    """Serves `store` from construction to server_close; port 0 takes a free one. See `url`."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        store: EmbeddedStore,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        """names: the DNS names it answers to, besides localhost and every IP address."""
        self.store = store
        self.names = frozenset(name.lower() for name in ("localhost", *names))
        self.max_file_bytes = max_file_bytes
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """What open_store takes to reach it."""
        host, port = self.server_address[:2]
        return f"ipfs:http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}"

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the DNS for this machine's name

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        deadline = Deadline(CONNECTION_S)
        try:
            deadline.watch(request)
            super().process_request_thread(request, client_address)
        finally:
            deadline.close()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.info("a connection from %s broke: %s", client_address, sys.exception())


def serve(store: EmbeddedStore, host: str = "127.0.0.1", port: int = 5001, names: Sequence[str] = ()) -> None:
    """Serves until interrupted. Raises StoreError where the address cannot be had."""
    try:
        server = StoreServer(store, host, port, names)
    except OSError as error:
        raise StoreError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            fix="Name another address or a free port.",
        ) from error
    with server:
        server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "quorate-store"
    sys_version = ""
    timeout = IDLE_S
    server: StoreServer

    def do_POST(self) -> None:
        self._body = body_pieces(self.rfile, self.headers, self.server.max_file_bytes)
        url = urlsplit(self.path)
        self._options = {name: values[-1] for name, values in parse_qs(url.query).items()}
        verb = _VERBS.get(url.path)
        try:
            if not is_meant_for_us(self.headers, self.server.names):
                self._refuse(403, "this RPC is not for browsers, nor for the host name given")
            elif verb is None:
                self._refuse(404, "no such command here")
            else:
                verb(self)
        except InvalidBody as error:
            self._refuse(400, str(error))
        except InvalidCid as error:
            self._refuse(400, error.message)
        except NotFound as error:
            self._refuse(500, f"block was not found locally: could not find {error.values['cid']}")
        except TooLarge as error:
            self._refuse(413, error.message)
        except Full:
            self._refuse(500, "no space left on device")
        except StoreError as error:
            _log.error("%s", error.message)
            self._refuse(500, f"the store failed ({error.code})")

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def _version(self) -> None:
        self._answer_json({"Version": _VERSION, "Commit": "", "Repo": "", "System": "quorate"})

    def _add(self) -> None:
        for name, value in _SETTINGS.items():
            if self._options.get(name, value).lower() != value:
                raise InvalidBody(f"this store imports with {name}={value} only")
        size_bytes = 0

        def counted() -> Iterator[bytes]:
            nonlocal size_bytes
            for piece in only_file(self._body, self.headers):
                size_bytes += len(piece)
                yield piece

        cid = self.server.store.put_chunks(counted(), self.server.max_file_bytes)
        self._answer_json({"Name": cid, "Hash": cid, "Size": str(size_bytes)})

    def _cat(self) -> None:
        if {"offset", "length"} & self._options.keys():
            raise InvalidBody("offset and length are not supported")
        blocks = self.server.store.stream(self._cid(), self.server.max_file_bytes)
        first = next(blocks)  # an error so far has a status of its own; a later one can only cut the answer
        self._drain()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._chunk(first)
            for block in blocks:
                self._chunk(block)
            self.wfile.write(b"0\r\n\r\n")
        except StoreError as error:
            _log.error("an answer was cut: %s", error.message)
            self.close_connection = True

    def _block_get(self) -> None:
        self._answer("application/octet-stream", self.server.store.get_block(self._cid()))

    def _block_stat(self) -> None:
        cid = self._cid()
        self._answer_json({"Key": cid, "Size": len(self.server.store.get_block(cid))})

    def _cid(self) -> str:
        return self._options.get("arg", "").removeprefix("/ipfs/")

    def _answer_json(self, value: dict[str, object]) -> None:
        self._answer("application/json", json.dumps(value).encode() + b"\n")

    def _answer(self, content_type: str, body: bytes) -> None:
        self._drain()
        self._send(200, content_type, body)

    def _refuse(self, status: int, message: str) -> None:
        unread = "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0") != "0"
        self.close_connection = self.close_connection or unread
        body = json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode() + b"\n"
        self._send(status, "application/json", body)

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _chunk(self, block: bytes) -> None:
        if block:
            self.wfile.write(b"%x\r\n" % len(block) + block + b"\r\n")

    def _drain(self) -> None:
        for _ in self._body:
            pass


_VERBS: dict[str, Callable[[_Handler], None]] = {
    "/api/v0/version": _Handler._version,
    "/api/v0/add": _Handler._add,
    "/api/v0/cat": _Handler._cat,
    "/api/v0/block/get": _Handler._block_get,
    "/api/v0/block/stat": _Handler._block_stat,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the store in a directory until interrupted; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m dapp.store.server", description="Serve a content store.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument(
        "--name", action="append", default=[], help="a DNS name to answer to; may be repeated"
    )
    arguments = parser.parse_args(argv)
    try:
        serve(EmbeddedStore(arguments.directory), arguments.host, arguments.port, arguments.name)
    except StoreError as error:
        sys.stderr.write(f"{error.code}: {error.message} {error.fix}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
