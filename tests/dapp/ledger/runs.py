"""A small world for runs: a chain in this process, a trainer, a recorder with its server, and nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.clock import TravelClock
from dapp.chain.deploy import deploy
from dapp.chain.devnet import InProcess
from dapp.chain.ledger import Ledger, RunTerms, RunView, run_view
from dapp.chain.outbox import Failpoint, SendSettings, no_failpoint
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.journal import Journal
from dapp.ledger.book import Book
from dapp.ledger.check import Limits, open_packs
from dapp.ledger.client import RecorderClient
from dapp.ledger.content import Shelves
from dapp.ledger.node import Node, NodeSettings, Report
from dapp.ledger.recording import Progress, Recording, RecordSettings, Restore
from dapp.ledger.requests import Requests
from dapp.ledger.server import RecorderServer
from dapp.stages import rollback
from dapp.stages.context import Context
from dapp.store import Store, open_store
from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.result import Result
from ml.history.results import Results
from ml.history.tensors import weights_file, weights_of

RECORDER, NODES, STRANGER = 0, (1, 2, 3), 9
DIFFICULTY_BITS = 4
WINDOW_S = 600


@dataclass
class Trainer:
    """Writes what a recorder in a training loop writes, without training: weights that change a little."""

    results: Results
    archive: Archive
    row: int | None = None
    pack: bytes | None = None

    def epoch(self, accuracy_ppm: int, weight: float | None = None, **changes: object) -> Result:
        number = len(self.results)
        tensors = checkpoint(float(number) if weight is None else weight)
        stored = self.archive.put(tensors, self.pack)
        file = weights_file(weights_of(tensors))
        values: dict[str, object] = {
            "step": number + 1,
            "weights_sha256": sha256(file),
            "weights_bytes": len(file),
            "pack": stored.pack,
            "pack_bytes": stored.size_bytes,
            "accuracy_ppm": accuracy_ppm,
            "loss_micro": 2_000_000 - accuracy_ppm,
            "base_row": self.row,
        }
        result = Result(**(values | changes))  # type: ignore[arg-type]
        self.row = self.results.put(result)
        self.pack = stored.pack
        return result

    def restore(self, restore: Restore) -> None:
        self.row, self.pack = restore.row, restore.pack


def checkpoint(weight: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "weights/layer": torch.rand(16, 16, generator=generator) + weight,
        "state/momentum": torch.full((16,), weight),
    }


def accuracy_of(weights: dict[str, Tensor]) -> int:
    """What a node that measures finds: the trainer's weights tell their own."""
    return int(weights["layer"].mean() * 1_000)


@dataclass
class Stage:
    """One chain with one run on it."""

    folder: Path
    rpc: Rpc
    clock: TravelClock
    deployment: Deployment
    store: Store
    run: bytes
    trainer: Trainer
    closing: ExitStack
    nodes: dict[int, Node] = field(default_factory=dict)
    _recording: Recording | None = None
    _server: RecorderServer | None = None

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.rpc.chain_id, self.chain(STRANGER).ledger.address)

    @property
    def view(self) -> RunView:
        return run_view(self.chain(STRANGER), self.run)

    @property
    def requests(self) -> Requests:
        return Requests(self.folder / "recorder")

    @property
    def recording(self) -> Recording:
        if self._recording is None:
            self._recording = self.recorder()
        return self._recording

    @property
    def server(self) -> RecorderServer:
        if self._server is None:
            self._server = self.closing.enter_context(RecorderServer(self.recording.desk))
        return self._server

    def address(self, index: int) -> str:
        return Signer.devnet(index).address

    def chain(self, index: int, journal: Journal | None = None) -> Chain:
        return chain_of(self.rpc, self.deployment, index, journal)

    def open_vote(self, index: int = RECORDER, reason: str = "nan", wish: bytes | None = None) -> None:
        """Ask for a rollback, as the recorder or a node."""
        journal = Journal.in_memory()
        chain = self.chain(index, journal)
        rollback.open_vote(Context(chain, self.store, journal, self.clock), self.run, reason, wish)

    def recorder(self, failpoint: Failpoint = no_failpoint, **settings: object) -> Recording:
        journal = Journal.open(self.folder / "recorder", 1, bytes(32), self.address(RECORDER))
        book = Book.open(self.folder / "recorder" / "book", self.run)
        self.closing.callback(journal.close)
        self.closing.callback(book.close)
        given: dict[str, object] = {"batch": 3, "age_s": 3_600.0, "broadcast": False} | settings
        return Recording(
            self.chain(RECORDER, journal),
            self.store,
            self.trainer.results,
            self.trainer.archive,
            book,
            RecordSettings(**given),  # type: ignore[arg-type]
            failpoint,
            requests=self.requests,
        )

    def node(self, index: int, **settings: object) -> Node:
        """The node with this account, with a folder of its own; it fetches from the recorder's store."""
        if index not in self.nodes:
            folder = self.folder / f"node-{index}"
            journal = Journal.open(folder, 1, bytes(32), self.address(index))
            book = Book.open(folder / "book", self.run)
            self.closing.callback(journal.close)
            self.closing.callback(book.close)
            limits = Limits()
            shelves = Shelves(open_store(f"embedded:{folder / 'store'}"), {"the recorder": self.store})
            given: dict[str, object] = {"limits": limits} | settings
            self.nodes[index] = Node(
                self.chain(index, journal),
                journal,
                book,
                shelves,
                open_packs(folder, limits),
                RecorderClient(self.server.url, self.run),
                NodeSettings(**given),  # type: ignore[arg-type]
            )
        return self.nodes[index]

    def steps(self, *indices: int) -> dict[int, Report]:
        return {index: self.node(index).step() for index in indices}

    def until_idle(self, *indices: int, rounds: int = 40) -> Progress:
        """Recorder and nodes in turn, until nothing is left to register."""
        self.recording.hurry()
        for _ in range(rounds):
            progress = self.recording.step()
            if progress.is_idle:
                return progress
            self.steps(*indices)
        raise AssertionError(f"not done: {progress}")

    def until(self, done: Callable[[], bool], *indices: int, rounds: int = 20) -> None:
        for _ in range(rounds):
            if done():
                return
            self.recording.step()
            self.steps(*indices)
        raise AssertionError("never")


def chain_of(rpc: Rpc, deployment: Deployment, index: int, journal: Journal | None = None) -> Chain:
    return Chain(rpc, deployment, Signer.devnet(index), journal, SendSettings(poll_s=0.01))


@dataclass
class Ground:
    """A chain in this process with the contracts on it, for any number of runs."""

    node: InProcess
    rpc: Rpc
    deployment: Deployment
    runs: int = 0


@contextmanager
def new_ground() -> Iterator[Ground]:
    with InProcess() as node:
        rpc = node.rpc()
        deployer = Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.01))
        yield Ground(node, rpc, deploy(deployer, folder=None))


@contextmanager
def new_stage(
    ground: Ground, folder: Path, nodes: tuple[int, ...] = NODES, difficulty_bits: int = DIFFICULTY_BITS
) -> Iterator[Stage]:
    """A run of its own, just started."""
    ground.runs += 1
    with ExitStack() as closing:
        recorder = chain_of(ground.rpc, ground.deployment, RECORDER)
        salt = ground.runs.to_bytes(32, "big")
        terms = RunTerms(sha256(b"spec"), difficulty_bits=difficulty_bits, window_s=WINDOW_S, salt=salt)
        members = sorted((Signer.devnet(i).address for i in nodes), key=lambda a: int(a, 16))
        recorder.send("ledger.runStart", recorder.ledger.call("runStart", terms.astuple(), members))
        run = Ledger(ground.rpc.chain_id, recorder.ledger.address).run_id(terms, recorder.address, members)
        results = Results.open(folder / "training")
        closing.callback(results.close)
        trainer = Trainer(results, Archive.open(folder / "training" / "archive"))
        store = open_store(f"embedded:{folder / 'store'}")
        clock = ground.node.clock(ground.rpc)
        yield Stage(folder, ground.rpc, clock, ground.deployment, store, run, trainer, closing)
