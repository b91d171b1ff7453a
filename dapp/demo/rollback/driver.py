"""The rollback demo: five nodes, a training that explodes, a vote and the way back (Bae & Shin, 3)."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import torch

from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.ledger import RunTerms
from dapp.chain.signer import Signer
from dapp.demo.cast import BookedChain, GasBook
from dapp.demo.narrator import Narrator
from dapp.demo.rollback import plots
from dapp.demo.rollback.nodes import Place, Processes, serving
from dapp.demo.rollback.report import EpochRow, Report
from dapp.demo.rollback.training import ARCHITECTURE, EPOCHS, EXPLODES_AT, Material, Training, share_out
from dapp.journal import Journal
from dapp.ledger import picture, tree
from dapp.ledger.audit import audit
from dapp.ledger.book import Book
from dapp.ledger.places import book_of
from dapp.ledger.queues import Kind
from dapp.ledger.recording import Progress, Recording, RecordSettings, Restore
from dapp.ledger.server import RecorderServer
from dapp.stages import run as runs
from dapp.stages.context import Context
from dapp.store import open_store
from ml.canonical import sha256
from ml.data.samples import Dataset
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.header import Kind as EntryKind
from ml.history.recorder import ARCHIVE, Recorder, record
from ml.history.recovery import compare
from ml.history.result import Result
from ml.history.results import Results
from ml.history.run_spec import RunSpec
from ml.history.tensors import weights_file
from ml.threads import torch_threads

DEPLOYER, RECORDER, FIRST_NODE, NODES = 0, 1, 2, 5  # accounts of the devnet
DIFFICULTY_BITS, WINDOW_S = 8, 600
BATCH, AGE_S, POLL_S = 8, 2.0, 0.1
RECOVERY_EPOCHS: Final = 50
PATIENCE_S: Final = 180.0
STAGES: Final = {"deploy": 4, "train": 25, "rollback": 4, "resume": 25, "verify": 2, "recovery": 8}


class DemoStuck(QuorateError):
    """The demo waited longer than it should for its nodes."""

    code = "demo-stuck"
    default_fix = "Read the nodes' logs in the output folder; a busy machine may need another try."


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    seed: int
    out: Path


@dataclass(frozen=True)
class Finished:
    """What came of it, and where it lies."""

    report: Report
    report_path: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Story:
    """What the training went through."""

    detected_at: int
    reason: str
    restored: Restore
    compared: Mapping[int, bool]  # step trained twice: whether the weights were the same
    final_ppm: int


class Server:
    """The deep-learning server of the paper: a recording that steps on a thread of its own."""

    def __init__(self, recording: Recording, processes: Processes) -> None:
        self.recording = recording
        self.processes = processes
        self.restore: Restore | None = None
        self.votes: dict[str, bytes] = {}  # node: target
        self._asked: set[int] = set()  # numbers of the votes
        self._idle_steps = 0
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recording", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_restore(self) -> Restore:
        """Until the nodes have decided where to go back to. Raises DemoStuck, NodeEnded."""
        self._until(lambda: self.restore is not None, "no quorum of the nodes named one target")
        assert self.restore is not None
        return self.restore

    def wait_registered(self) -> None:
        """Until all that was recorded is registered. Raises DemoStuck, NodeEnded."""
        self._idle_steps = 0
        self.recording.hurry()
        self._until(lambda: self._idle_steps >= 2, "the nodes have not attested all entries")

    def check(self) -> None:
        """Raise what went wrong beside the training."""
        self.processes.check()
        if self._error is not None:
            raise self._error

    def _until(self, done: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done():
            self.check()
            if time.monotonic() > end:
                raise DemoStuck(f"{otherwise} in {PATIENCE_S:.0f} s")
            time.sleep(0.05)

    def _work(self) -> None:
        try:
            self.recording.run(self._stop, self._see)
        except BaseException as error:
            self._error = error

    def _see(self, progress: Progress) -> None:
        queues = self.recording.queues
        self._asked |= {proposal.number for proposal in queues.open_proposals(Kind.ROLLBACK)}
        for number in self._asked:  # also once a quorum has decided: its last answers came since
            self.votes |= {signed.node: signed.choice for signed in queues.signatures(number)}
        self.restore = progress.restore
        self._idle_steps = self._idle_steps + 1 if progress.is_idle else 0


def run(wish: Wish, dataset: Dataset, narrator: Narrator) -> Finished:
    """The whole story. Raises what its parts raise; nothing is left running."""
    began_s = time.monotonic()
    out = wish.out.absolute()
    _clear(out)
    narrator.begin(STAGES)
    material, gas = share_out(dataset, NODES), GasBook()
    with torch_threads(1), torch.random.fork_rng(devices=[]), Anvil() as anvil:
        torch.manual_seed(wish.seed)
        narrator.stage("deploy", "Contracts on a local chain; the trainer starts a run of five nodes")
        ctx = _context(anvil, gas, out)
        started = _start(ctx, dataset)
        training = Training(material, wish.seed, explodes=True)
        folder = out / "training"
        with (
            record(training.model, training.optimizer, folder) as recorder,
            _recording(ctx, started.run, out) as recording,
            RecorderServer(recording.desk) as server,
        ):
            shown, store_url = "0x" + started.run.hex(), f"embedded:{out / 'store'}"
            place = Place(shown, anvil.http_url, server.url, store_url, out / "deployments", ARCHITECTURE)
            with serving(place, material.nodes, FIRST_NODE, out / "nodes") as processes:
                with Server(recording, processes) as beside:
                    story = _train(training, recorder, beside, narrator)
                narrator.stage("verify", "Every link and every weights file is hashed anew")
                archive = Archive.open(folder / ARCHIVE)
                audited = audit(recording.book, ctx.store, archive, lambda *_: None)
                narrator.did(
                    "trainer", f"finds {audited.entries} entries good, {audited.weights_bytes:,} bytes"
                )
            narrator.stage("recovery", "After every epoch all are restored, from the ledger and from 5 files")
            rows = recorder.results.since(0)
            rates = _recovery(rows, archive, out / "recovery")
            leaves = _leaves(recording.book)
            course_ppm, left_alone_ppm = _without_rollback(material, wish.seed)
            report = Report(
                dataset=dataset.name,
                seed=wish.seed,
                nodes=NODES,
                quorum=started.needed,
                difficulty_bits=DIFFICULTY_BITS,
                run=shown,
                epochs=tuple(map(_row, leaves)),
                explodes_at=EXPLODES_AT,
                detected_at=story.detected_at,
                reason=story.reason,
                target=story.restored.step,
                target_height=next(leaf.base or 0 for leaf in leaves if _is_rollback(leaf)),
                votes={node: _step_of(recording.book, entry) for node, entry in beside.votes.items()},
                resumed_bit_exact=all(story.compared.values()),
                compared_steps=tuple(story.compared),
                final_ppm=story.final_ppm,
                final_ppm_without_rollback=left_alone_ppm,
                without_rollback_ppm=tuple(course_ppm),
                recovery_rate=rates,
                gas=dict(sorted(gas.dearest.items())),
                history_bytes=sum(archive.space().values()),
                weights_bytes=sum(row.weights_bytes for row in rows),
                wall_s=round(time.monotonic() - began_s),
            )
    narrator.end()
    path = out / "report.json"
    report.write(path)
    files = [
        *plots.draw(report.to_json(), out),
        picture.draw(leaves, "All entries of the ledger", out / "tree.svg"),
    ]
    return Finished(report, path, tuple(files))


def _clear(out: Path) -> None:
    """Remove what an earlier run left, and nothing else that may lie there."""
    for name in ("deployments", "store", "training", "runs", "nodes", "recovery"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("report.json", "story.png", "recovery_rate.png", "tree.svg"):
        (out / name).unlink(missing_ok=True)


def _context(anvil: Anvil, gas: GasBook, out: Path) -> Context:
    """The trainer: with contracts deployed by somebody else, a store, and gas that is noted."""
    rpc = anvil.rpc()
    deployer = Chain(rpc, None, Signer.devnet(DEPLOYER))
    deployment = deploy(deployer, folder=out / "deployments")
    chain = BookedChain(rpc, deployment, Signer.devnet(RECORDER), gas)
    return Context(chain, open_store(f"embedded:{out / 'store'}"), Journal.in_memory(), ChainClock(rpc))


def _start(ctx: Context, dataset: Dataset) -> runs.Started:
    terms = RunTerms(bytes(32), difficulty_bits=DIFFICULTY_BITS, window_s=WINDOW_S)
    nodes = [Signer.devnet(FIRST_NODE + at).address for at in range(NODES)]
    return runs.start(ctx, RunSpec("Rollback demo", f"{dataset.name}, held out"), terms, nodes)


@contextlib.contextmanager
def _recording(ctx: Context, run: bytes, out: Path) -> Iterator[Recording]:
    settings = RecordSettings(batch=BATCH, age_s=AGE_S, poll_s=POLL_S, patience_s=PATIENCE_S)
    archive = Archive.open(out / "training" / ARCHIVE)
    with Results.open(out / "training") as results, Book.open(book_of(out, run, None), run) as book:
        yield Recording(ctx.chain, ctx.store, results, archive, book, settings)


def _train(training: Training, recorder: Recorder, beside: Server, narrator: Narrator) -> Story:
    """Train, notice, go back, train on; then train the first epoch after the target once more."""
    narrator.stage("train", f"{EPOCHS} epochs; from epoch {EXPLODES_AT} on the learning rate is wrong")
    told: tuple[int, str, Restore] | None = None
    while recorder.epochs_done < EPOCHS:
        training.epoch(recorder.epochs_done + 1, recorder.batches)
        alarm = recorder.epoch(*training.measure())
        narrator.progress("epochs", recorder.epochs_done, EPOCHS)
        beside.check()
        if alarm is None or told is not None:
            continue
        narrator.did("trainer", f"notices at epoch {alarm.step}: {alarm.reason}")
        narrator.stage("rollback", "The nodes name the best earlier epoch of their own copies")
        restore = beside.wait_restore()
        for node, target in sorted(beside.votes.items()):
            named = _step_of(beside.recording.book, target)
            narrator.did(f"node {node[:8]}…", f"names epoch {named}")
        told = (alarm.step, alarm.reason, restore)
        recorder.restore(recorder.results.at(restore.row))
        training.explodes = False
        narrator.stage("resume", f"Back at epoch {restore.step}, with the learning rate mended")
    if told is None:
        raise DemoStuck("the monitor noticed nothing, though the learning rate exploded")
    final_ppm = training.test_ppm()
    beside.wait_registered()
    return Story(*told, _compared(training, recorder, told[2]), final_ppm)


def _compared(training: Training, recorder: Recorder, restored: Restore) -> dict[int, bool]:
    """Steps that were trained twice from the same checkpoint, and whether they gave the same weights."""
    rows = recorder.results.since(0)
    before = {row.step: row.weights_sha256 for row in rows[: EXPLODES_AT - 1]}
    after = {row.step: row.weights_sha256 for row in rows[EXPLODES_AT:]}
    same = {step: before[step] == after[step] for step in sorted(before.keys() & after.keys())}
    recorder.restore(recorder.results.at(restored.row))
    training.epoch(restored.step + 1, recorder.batches)
    again = sha256(weights_file(dict(training.model.state_dict())))
    step = restored.step + 1
    return same | {step: same.get(step, True) and again == after[step]}


def _without_rollback(material: Material, seed: int) -> tuple[list[int], int]:
    """The same training when nobody takes it back: accuracies on held-out and on test images, in ppm."""
    training, held_out_ppm = Training(material, seed, explodes=True), []
    for number in range(1, EPOCHS + 1):
        training.epoch(number)
        held_out_ppm.append(round(training.measure()[0] * 1_000_000))
    return held_out_ppm, training.test_ppm()


def _recovery(rows: Sequence[Result], archive: Archive, folder: Path) -> dict[str, dict[str, float]]:
    """Recovery rates over the first epochs of the run."""
    first = rows[:RECOVERY_EPOCHS]
    rates = compare(folder, lambda: (archive.get(row.pack) for row in first))
    shutil.rmtree(folder)
    return {
        name: {str(n): rate / 1_000_000 for n, rate in found.rate_ppm.items()}
        for name, found in rates.items()
    }


def _is_rollback(leaf: tree.Leaf) -> bool:
    return leaf.header.kind is EntryKind.ROLLBACK


def _step_of(book: Book, entry: bytes) -> int:
    return book.at(book.height_of(entry)).step


def _leaves(book: Book) -> list[tree.Leaf]:
    last = book.registered()
    return tree.tree(list(book.headers()), 0 if last is None else last.height + 1)


def _row(leaf: tree.Leaf) -> EpochRow:
    header = leaf.header
    return EpochRow(
        height=header.height,
        kind=header.kind.name.lower(),
        step=header.step,
        base=leaf.base,
        accuracy_ppm=header.accuracy_ppm,
        loss_micro=header.loss_micro,
        id="0x" + header.id.hex(),
        weights_sha256=header.weights.hex(),
        on_line=leaf.on_line,
    )
