"""Contents, stores and daemons for the store's tests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dapp.store.embedded import EmbeddedStore
from dapp.store.ipfs import IpfsStore, Timeouts
from dapp.store.server import StoreServer

LARGEST_CONTENT = 175 * 262_144 + 1


@pytest.fixture(scope="session")
def content() -> Callable[[int], bytes]:
    """The first N bytes of the content that tests/vectors/cid.json describes."""
    whole = hashlib.shake_256(b"quorate cid vector").digest(LARGEST_CONTENT)
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
