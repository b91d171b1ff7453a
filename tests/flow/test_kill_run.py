"""kill -9 at every arrow of a run, on an anvil whose mining is held: nothing lost, nothing sent twice.

With instant mining this test would be blind (tests/flow/test_kill.py): blocks are made only after the second
start, or, for the points behind a transaction, once it lies in the pool.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.ledger import Ledger, RunTerms, RunView, run_view
from dapp.chain.outbox import SendSettings, no_failpoint
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.journal import Journal
from dapp.ledger.book import Book
from dapp.ledger.node import Node
from dapp.ledger.queues import Queues, State
from dapp.ledger.server import RecorderServer
from dapp.stages import rollback
from dapp.stages.context import Context
from dapp.store import open_store
from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.header import Kind
from ml.history.results import Results
from tests.dapp.ledger.runs import Trainer
from tests.flow.kill_child import PATIENCE_S, Place
from tests.flow.run_child import RunPlace, node_of, record, record_without_mining, recorder_of, serve

pytestmark = pytest.mark.heavy

RECORDER, NODES = 0, (1, 2, 3)
EPOCHS, BEST = 3, 1
SENDING = ("signed", "journaled", "sent", "mined", "done")
RECORD = (
    *(f"{arrow}:{when}" for arrow in ("result", "drafted", "mined", "proposed", "signed", "attested")
      for when in ("writing", "written")),
    "content:stored",
    *(f"ledger.attest:{when}" for when in SENDING),
    "attest:sent",
    "registered:writing",
    "registered:written",
)  # fmt: skip
ROLL_BACK = (
    *(f"{arrow}:{when}" for arrow in ("asked", "signed", "attested") for when in ("writing", "written")),
    *(f"ledger.rollback:{when}" for when in SENDING),
    "rollback:sent",
    "rolled:writing",
    "rolled:written",
)
NODE = ("check:kept", "attest:journaled", "attest:sent")
VOTE = ("vote:journaled", "vote:sent")
OFTEN = {  # in the default run: each kind of point
    "mined:writing", "signed:written", "ledger.attest:sent", "ledger.rollback:sent", "rolled:writing",
    "attest:journaled", "vote:journaled",
}  # fmt: skip
BEHIND = (":mined", ":done", "attest:sent", "rollback:sent", "registered:", "rolled:")
_FORKS = multiprocessing.get_context("forkserver")


@dataclass
class Field:
    """An anvil with the contracts on it."""

    node: Anvil
    rpc: Rpc
    deployment: Deployment
    runs: int = 0


@dataclass
class Told:
    """One run, whose recorder or node is killed."""

    rpc: Rpc
    at: RunPlace
    trainer: Trainer
    closing: ExitStack
    nodes: dict[int, Node] = field(default_factory=dict)

    @property
    def view(self) -> RunView:
        return run_view(Chain(self.rpc, self.at.place.deployment), self.at.run)

    def nonce(self, index: int) -> int:
        return self.rpc.nonce(Signer.devnet(index).address)

    def step(self, *indices: int) -> None:
        for index in indices:
            if index not in self.nodes:
                self.nodes[index], close = node_of(self.at, index, no_failpoint)
                self.closing.callback(close)
            self.nodes[index].step()

    def open_vote(self, index: int) -> None:
        journal = Journal.in_memory()
        settings = SendSettings(poll_s=0.02)
        chain = Chain(self.rpc, self.at.place.deployment, Signer.devnet(index), journal, settings)
        store = open_store(f"embedded:{self.at.place.store_dir}")
        rollback.open_vote(Context(chain, store, journal, _Clock(self.rpc)), self.at.run, "nan")

    def pooled(self) -> int:
        return int(self.rpc.raw("txpool_status")["pending"], 16)

    def finish(
        self, target: Callable[..., None], *args: object, mine: bool, hold_s: float = 0.0, step: bool = True
    ) -> int:
        """Exit code of a child, with nodes at work beside it and blocks made if told to."""
        process = _FORKS.Process(target=target, args=(self.at, *args), daemon=True)
        process.start()
        deadline, from_s = time.monotonic() + PATIENCE_S + 5, time.monotonic() + hold_s
        while process.is_alive() and time.monotonic() < deadline:
            if mine and time.monotonic() >= from_s and self.pooled():
                self.rpc.raw("evm_mine")
            if step:
                self.step(2, 3)
            process.join(0.02)
        if process.is_alive():
            process.kill()
            process.join()
            raise AssertionError("it hangs")
        assert process.exitcode is not None
        return process.exitcode

    def check_told(self, votes: int) -> None:
        """Every epoch registered, once; the rollback to the best, if there was a vote."""
        with Book.open(self.at.place.data_dir / "recorder", self.at.run) as book:
            queues = Queues(book)
            rows = [entry.row for entry in queues.entries(State.REGISTERED) if entry.row is not None]
            assert rows == list(range(EPOCHS))
            assert book.count == EPOCHS + votes
            assert self.view.head == book.head_id
            assert [h.height for h in book.headers() if h.kind is Kind.ROLLBACK] == [EPOCHS] * votes
            if votes:
                assert book.at(EPOCHS).base == book.at(BEST).id
            assert book.registrations()[-1].id == book.head_id
            for node in self.nodes.values():
                node.step()
                assert list(node.book.headers()) == list(book.headers())


class _Clock:
    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def now_s(self) -> int:
        return self._rpc.block().timestamp_s

    def wait_until(self, at_s: int) -> None:
        raise AssertionError("nobody waits here")

    wait_block = wait_until


@pytest.fixture(scope="module")
def anvil() -> Iterator[Field]:
    _FORKS.set_forkserver_preload(["tests.flow.run_child"])
    with Anvil() as node:
        rpc = node.rpc()
        settings = SendSettings(poll_s=0.02)
        yield Field(node, rpc, deploy(Chain(rpc, None, Signer.devnet(29), settings=settings), folder=None))


@pytest.fixture
def told(anvil: Field, tmp_path: Path) -> Iterator[Told]:
    """A run with three epochs that nobody has recorded yet."""
    anvil.runs += 1
    chain = Chain(anvil.rpc, anvil.deployment, Signer.devnet(RECORDER), settings=SendSettings(poll_s=0.02))
    terms = RunTerms(sha256(b"spec"), difficulty_bits=4, salt=anvil.runs.to_bytes(32, "big"))
    members = sorted((Signer.devnet(i).address for i in NODES), key=lambda a: int(a, 16))
    chain.send("run.start", chain.ledger.call("runStart", terms.astuple(), members))
    run = Ledger(anvil.rpc.chain_id, chain.ledger.address).run_id(terms, chain.address, members)
    place = Place(anvil.node.url, anvil.deployment, tmp_path / "data", tmp_path / "store")
    at = RunPlace(place, run, tmp_path / "training", _free_port())
    with ExitStack() as closing, Results.open(at.training) as results:
        trainer = Trainer(results, Archive.open(at.training / "archive"))
        for number in range(EPOCHS):
            trainer.epoch(900_000 if number == BEST else 500_000 + number)
        yield Told(anvil.rpc, at, trainer, closing)
        anvil.rpc.raw("evm_setAutomine", True)


def _points(names: tuple[str, ...]) -> list[object]:
    return [pytest.param(p, marks=[] if p in OFTEN else [pytest.mark.long]) for p in names]


@pytest.mark.parametrize("point", _points(RECORD))
def test_killOfTheRecorder_whileItRecords(told: Told, point: str) -> None:
    before = told.nonce(RECORDER)
    _kill_and_restart(told, point, votes=0)
    assert told.nonce(RECORDER) == before + 1, "more than one transaction"
    told.check_told(votes=0)


@pytest.mark.parametrize("point", _points(ROLL_BACK))
def test_killOfTheRecorder_whileItRollsBack(told: Told, point: str) -> None:
    assert told.finish(record, None, 0, mine=False) == 0
    told.open_vote(RECORDER)
    before = told.nonce(RECORDER)
    _kill_and_restart(told, point, votes=1)
    assert told.nonce(RECORDER) == before + 1, "more than one transaction"
    told.check_told(votes=1)


@pytest.mark.parametrize("point", _points(NODE))
def test_killOfANode_whileItAttests(told: Told, point: str) -> None:
    _kill_the_node(told, point, votes=0)


@pytest.mark.parametrize("point", _points(VOTE))
def test_killOfANode_whileItVotes(told: Told, point: str) -> None:
    assert told.finish(record, None, 0, mine=False) == 0
    told.open_vote(RECORDER)
    _kill_the_node(told, point, votes=1)


def test_runThatNodesMine_isAsFastAsTheyAnswer(told: Told) -> None:
    """Twenty entries in a few looks of the nodes, and of a recorder that looks by itself every 5 s only."""
    for number in range(EPOCHS, 20):
        told.trainer.epoch(500_000 + number)
    started = time.monotonic()
    assert told.finish(record_without_mining, mine=False) == 0
    assert time.monotonic() - started < PATIENCE_S
    with Book.open(told.at.place.data_dir / "recorder", told.at.run) as book:
        assert book.count == 20
        assert all(header.works(4) for header in book.headers())
        assert told.view.head == book.head_id


def _kill_and_restart(told: Told, point: str, votes: int) -> None:
    told.rpc.raw("evm_setAutomine", False)
    behind = any(mark in point for mark in BEHIND)
    before = told.nonce(RECORDER)
    assert told.finish(record, point, votes, mine=behind) == -9, f"{point} was not passed"
    if not behind:
        assert told.nonce(RECORDER) == before
    assert told.finish(record, None, votes, mine=True, hold_s=0.3) == 0, point
    assert told.pooled() == 0, point


def _kill_the_node(told: Told, point: str, votes: int) -> None:
    """Node 1 is killed at the point and started again; the recorder counts it once, with one other."""
    recording, close = recorder_of(told.at, no_failpoint)
    told.closing.callback(close)
    with RecorderServer(recording.desk, port=told.at.port):
        recording.hurry()
        recording.step()
        assert told.finish(serve, 1, point, mine=False, step=False) == -9, f"{point} was not passed"
        if point.endswith(":sent"):
            assert told.finish(_looks, mine=False, step=False) == 0  # it is done, and says so
        else:
            assert told.finish(serve, 1, None, mine=False, step=False) == 0
        (proposal,) = recording.queues.open_proposals()
        (signed,) = recording.queues.signatures(proposal.number)
        assert signed.node == Signer.devnet(1).address
        told.step(2)
        recording.step()
        assert recording.step().is_idle
    close()
    told.check_told(votes)


def _looks(at: RunPlace) -> None:
    node, close = node_of(at, 1, no_failpoint)
    assert node.step().did == ()
    close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_points_coverEveryArrow() -> None:
    assert len({*RECORD, *ROLL_BACK, *NODE, *VOTE}) >= 33
    assert {*RECORD, *ROLL_BACK, *NODE, *VOTE} >= OFTEN
