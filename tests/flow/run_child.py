"""A recorder or a node in a process of its own that ends itself with SIGKILL at a named point."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dapp.chain.client import Chain
from dapp.chain.outbox import Failpoint, SendSettings
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer
from dapp.journal import Journal
from dapp.ledger.book import Book
from dapp.ledger.check import Limits, open_packs
from dapp.ledger.client import RecorderClient
from dapp.ledger.content import Shelves
from dapp.ledger.node import Node, NodeSettings
from dapp.ledger.recording import Progress, Recording, RecordSettings
from dapp.ledger.server import RecorderServer
from dapp.store import open_store
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.results import Results
from tests.flow.kill_child import PATIENCE_S, Place

PAUSE_S = 0.02


@dataclass(frozen=True)
class RunPlace:
    """Where the run is recorded, and on which port."""

    place: Place
    run: bytes
    training: Path
    port: int


def recorder_of(
    at: RunPlace, failpoint: Failpoint, mine: bool = True
) -> tuple[Recording, Callable[[], None]]:
    """The recorder, and what closes it."""
    chain, journal = _chain(at, 0, failpoint)
    book = Book.open(at.place.data_dir / "recorder", at.run)
    results = Results.open(at.training)
    store = open_store(f"embedded:{at.place.store_dir}")
    settings = RecordSettings(mine=mine, broadcast=False, age_s=3_600, poll_s=5)
    archive = Archive.open(at.training / "archive")
    recording = Recording(chain, store, results, archive, book, settings, failpoint)

    def close() -> None:
        book.close()
        journal.close()
        results.close()

    return recording, close


def node_of(at: RunPlace, index: int, failpoint: Failpoint) -> tuple[Node, Callable[[], None]]:
    """The node with this account, and what closes it."""
    chain, journal = _chain(at, index, failpoint)
    folder = at.place.data_dir / f"node-{index}"
    book = Book.open(folder, at.run)
    own, peer = (open_store(f"embedded:{path}") for path in (folder / "store", at.place.store_dir))
    client = RecorderClient(f"http://127.0.0.1:{at.port}", at.run, idle_s=2, total_s=4)
    packs = open_packs(folder, Limits())
    node = Node(
        chain, journal, book, Shelves(own, {"recorder": peer}), packs, client, NodeSettings(), failpoint
    )

    def close() -> None:
        book.close()
        journal.close()

    return node, close


def record(at: RunPlace, point: str | None, votes: int) -> None:
    """Record until everything is registered and this many votes are carried; dies at `point`."""
    faulthandler.dump_traceback_later(PATIENCE_S)  # says where, should it hang
    recording, close = recorder_of(at, _killer(point))
    with RecorderServer(recording.desk, port=at.port):
        while True:
            recording.hurry()
            try:
                progress = recording.step()
            except QuorateError as error:
                if not error.retryable:
                    raise
                continue
            if progress.is_idle and len(recording.book.rollbacks()) == votes:
                break
            time.sleep(PAUSE_S)
    close()


def record_without_mining(at: RunPlace) -> None:
    """As a daemon does, until everything is registered; the nodes mine."""
    faulthandler.dump_traceback_later(PATIENCE_S)
    recording, close = recorder_of(at, _killer(None), mine=False)
    stop = threading.Event()

    def on_step(progress: Progress) -> None:
        recording.hurry()
        if progress.is_idle:
            stop.set()

    with RecorderServer(recording.desk, port=at.port):
        recording.run(stop, on_step)
    close()


def serve(at: RunPlace, index: int, point: str | None) -> None:
    """Be a node until it has attested or voted once; dies at `point`."""
    faulthandler.dump_traceback_later(PATIENCE_S)
    node, close = node_of(at, index, _killer(point))
    while not any(did.startswith(("attested", "named")) for did in node.step().did):
        time.sleep(PAUSE_S)
    close()


def _chain(at: RunPlace, index: int, failpoint: Failpoint) -> tuple[Chain, Journal]:
    rpc = connect(at.place.url)
    signer = Signer.devnet(index)
    journal = Journal.open(at.place.data_dir, rpc.chain_id, rpc.block(0).hash, signer.address)
    settings = SendSettings(poll_s=0.02, resend_s=0.5, wait_s=30)
    return Chain(rpc, at.place.deployment, signer, journal, settings, failpoint), journal


def _killer(point: str | None) -> Failpoint:
    def failpoint(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return failpoint
