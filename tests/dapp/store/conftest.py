"""Contents, stores and daemons for the store's tests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dapp.store.embedded import EmbeddedStore
from dapp.store.ipfs import IpfsStore, Timeouts
from dapp.store.server import StoreServer

Answer = Callable[[BaseHTTPRequestHandler], None]
LARGEST_CONTENT = 175 * 262_144 + 1


@pytest.fixture(scope="session")
def content() -> Callable[[int], bytes]:
    """The first N bytes of the content that tests/vectors/cid.json describes."""
    whole = b"".join(
        hashlib.sha256(b"quorate cid vector %d" % i).digest() for i in range(LARGEST_CONTENT // 32 + 1)
    )
    return lambda size_bytes: whole[:size_bytes]


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(tmp_path / "store")


@pytest.fixture
def server(store: EmbeddedStore) -> Iterator[StoreServer]:
    """Our own daemon over `store`, on a free port, for files of up to 1 MiB."""
    with StoreServer(store, max_file_bytes=1 << 20) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def peer(server: StoreServer) -> IpfsStore:
    """The client's side of `server`."""
    return IpfsStore(server.url.removeprefix("ipfs:"), Timeouts(idle_s=5, total_s=20, find_s=2))


class HostileDaemon(ThreadingHTTPServer):
    """Answers every request by `answer(handler)`; `requests` lists the paths asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer: Answer = lambda handler: handler.send_error(500)
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                daemon.requests.append(self.path)
                self.close_connection = True
                daemon.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the client under test hangs up, as it should

    def client(self, timeouts: Timeouts | None = None) -> IpfsStore:
        chosen = timeouts or Timeouts(idle_s=2, total_s=10, find_s=1)
        return IpfsStore(f"http://127.0.0.1:{self.server_address[1]}", chosen)


@pytest.fixture
def hostile() -> Iterator[HostileDaemon]:
    with HostileDaemon() as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()
