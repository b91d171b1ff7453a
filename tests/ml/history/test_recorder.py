"""The recorder beside a loop: what it records, what it refuses, and what a crash or a full disk costs."""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

from ml.canonical import sha256
from ml.history import record
from ml.history.archive import Archive
from ml.history.recorder import ARCHIVE, LoopMisused, Recorder, RecordingFailed, RunBusy
from ml.history.result import InvalidResult
from ml.history.results import Results
from ml.history.state import RestoreRefused
from ml.history.tensors import weights_file, weights_of
from ml.threads import torch_threads
from ml.weights import pack
from tests.ml.history import training
from tests.ml.history.training import recorder, setup, train

pytestmark = pytest.mark.heavy


@pytest.fixture(autouse=True)
def own_random() -> Iterator[None]:
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        yield


class Toy:
    """A model of four numbers whose training is one step an epoch."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model = nn.Linear(3, 1)
        self.optimizer = SGD(self.model.parameters(), 0.1, momentum=0.9)
        self.loader = DataLoader(TensorDataset(torch.randn(8, 3)), 2, shuffle=True)

    def record(self, folder: Path, every_steps: int = 0, resume: bool = True) -> Recorder:
        return record(self.model, self.optimizer, folder, every_steps=every_steps, resume=resume)

    def step(self) -> None:
        self.optimizer.zero_grad()
        torch.autograd.backward(self.model(torch.randn(4, 3)).square().mean())
        self.optimizer.step()

    def epochs(self, run: Recorder, accuracies: list[float], loss: float = 0.5) -> None:
        for accuracy in accuracies:
            self.step()
            run.epoch(accuracy, loss)

    def weights(self) -> bytes:
        return pack(dict(self.model.state_dict()))


@pytest.fixture
def toy() -> Toy:
    return Toy()


def test_epoch_recordsWeightsFiguresAndWhereTheyCameFrom(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.step()
        assert run.epoch(0.25, 1.5) is None
        assert run.flush() == 1
        first = toy.weights()
        toy.step()
        run.epoch(1.0, 0)
    with Results.open(tmp_path) as results:
        one, two = results.since(0)
    assert (one.step, one.accuracy_ppm, one.loss_micro, one.base_row) == (1, 250_000, 1_500_000, None)
    assert (two.step, two.accuracy_ppm, two.loss_micro, two.base_row) == (2, 1_000_000, 0, 0)
    assert one.weights_sha256 == sha256(first)
    assert one.weights_bytes == len(first)
    archive = Archive.open(tmp_path / ARCHIVE)
    assert weights_file(weights_of(archive.get(one.pack))) == first
    assert len(archive.data(one.pack)) == one.pack_bytes


def test_restore_best_isTheMostAccurate(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.3, 0.9, 0.5])
        result = run.restore("best")
        assert result is not None
        assert (result.step, run.epochs_done) == (2, 2)
        assert sha256(toy.weights()) == result.weights_sha256
        toy.epochs(run, [0.6])
        assert run.flush() == 4
        assert (run.results.at(3).base_row, run.results.at(3).step) == (1, 3)


def test_restore_ofAStepRecordedTwice_isTheLaterOne(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.3, 0.4])
        run.restore(1)
        torch.manual_seed(77)
        toy.epochs(run, [0.5])
        rows = run.results.since(0) if run.flush() else []
        assert run.restore(2) == rows[2]
        assert run.restore(rows[1]) == rows[1]
        assert run.restore(rows[0].pack) == rows[0]
        assert run.restore("last") == rows[2]


def test_restore_ofAPackFromElsewhere_goesOnFromIt(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path / "theirs") as run:
        toy.epochs(run, [0.3, 0.4])
        run.flush()
        theirs, whole = run.archive, run.results.at(1)
        wanted, data = toy.weights(), [theirs.data(pack) for pack in theirs.needs(whole.pack)]
    with toy.record(tmp_path / "ours") as run:
        toy.step()
        for each in data:
            run.archive.add(each)
        assert run.restore(whole.pack) is None
        assert (toy.weights(), run.epochs_done) == (wanted, 2)
        toy.epochs(run, [0.5])
        run.flush()
        assert (run.results.at(0).step, run.results.at(0).base_row) == (3, None)


@pytest.mark.parametrize("target", [9, "best", "nonsense"])
def test_restore_ofWhatIsNotThere_isRefused(tmp_path: Path, toy: Toy, target: int | str) -> None:
    with toy.record(tmp_path) as run:
        if target != "best":
            toy.epochs(run, [0.5])
        with pytest.raises(RestoreRefused, match="nothing recorded is"):
            run.restore(target)


def test_reopening_goesOnFromTheLastCheckpoint(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.1, 0.2])
        wanted = toy.weights()
    other = Toy()
    with other.record(tmp_path) as run:
        assert (other.weights(), run.epochs_done, list(run.epochs(2))) == (wanted, 2, [])
        other.epochs(run, [0.3])
    with Results.open(tmp_path) as results:
        assert [(r.step, r.base_row) for r in results.since(0)] == [(1, None), (2, 0), (3, 1)]


def test_reopening_withoutResume_beginsAnotherBranch(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.1, 0.2])
    other = Toy()
    before = other.weights()
    with other.record(tmp_path, resume=False) as run:
        assert (other.weights(), run.epochs_done) == (before, 0)
        other.epochs(run, [0.3])
    with Results.open(tmp_path) as results:
        assert [(r.step, r.base_row) for r in results.since(0)] == [(1, None), (2, 0), (1, None)]


def test_reopening_withAnotherModel_isRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.1])
    model = nn.Linear(4, 1)
    with pytest.raises(RestoreRefused, match=r"weight is \(1, 4\) float32, the checkpoint has \(1, 3\)"):
        record(model, SGD(model.parameters(), 0.1), tmp_path)
    toy.record(tmp_path).close()  # the folder is free again


def test_record_intoAFolderInUse_isRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path), pytest.raises(RunBusy):
        Toy().record(tmp_path)


@pytest.mark.parametrize(("accuracy", "loss"), [(math.nan, 1.0), (0.5, math.inf), (0.5, math.nan)])
def test_epoch_withoutNumbers_recordsTheAlarmAlone(
    tmp_path: Path, toy: Toy, accuracy: float, loss: float
) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.5])
        alarm = run.epoch(accuracy, loss)
        assert alarm is not None and alarm is run.alarm
        assert (alarm.reason, alarm.step) == ("nan", 2)
        assert [found.reason for found in run.results.alarms()] == ["nan"]
        assert run.flush() == 1
        run.restore("best")
        assert run.alarm is None
        assert run.epoch(0.6, 0.4) is None


def test_epoch_thatCollapses_isRecordedAndRaisesTheAlarm(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.5, 0.7, 0.8, 0.85])
        alarm = run.epoch(0.1, 0.5)
        assert alarm is not None and alarm.reason == "accuracy-collapse"
        assert run.flush() == 5
        assert [found.step for found in run.results.alarms()] == [5]
    with toy.record(tmp_path) as run:  # in another process the monitor knows what led here
        run.restore(4)
        alarm = run.epoch(0.1, 0.5)
        assert alarm is not None and alarm.reason == "accuracy-collapse"


@pytest.mark.parametrize(("accuracy", "loss"), [(93.5, 0.1), (-0.1, 0.1), (0.5, -1.0)])
def test_epoch_withFiguresOutOfRange_isRefused(
    tmp_path: Path, toy: Toy, accuracy: float, loss: float
) -> None:
    with toy.record(tmp_path) as run:
        with pytest.raises(InvalidResult):
            run.epoch(accuracy, loss)
        assert run.flush() == 0


def test_step_asksForFiguresOnlyWhenItRecords(tmp_path: Path, toy: Toy) -> None:
    asked: list[int] = []
    with toy.record(tmp_path, every_steps=3) as run:
        for _ in range(7):
            toy.step()
            run.step(lambda: asked.append(run.steps_done) or 0.5, torch.tensor(0.25))  # type: ignore[func-returns-value]
        run.flush()
        assert asked == [3, 6]
        assert [(r.step, r.loss_micro) for r in run.results.since(0)] == [(3, 250_000), (6, 250_000)]


def test_epochs_afterARestoreWithin_goOnFromThere(tmp_path: Path, toy: Toy) -> None:
    turns = []
    with toy.record(tmp_path) as run:
        for epoch in run.epochs(4):
            turns.append(epoch)
            toy.epochs(run, [0.5])
            if len(turns) == 3:
                run.restore(1)
    assert turns == [0, 1, 2, 1, 2, 3]


def test_epochs_withoutACallOfEpoch_areRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run, pytest.raises(LoopMisused, match="epoch 0 ended without"):
        list(run.epochs(2))


def test_batches_afterARestoreWithinTheLoop_areRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.5])
        with pytest.raises(LoopMisused, match="restored within"):
            for _ in run.batches(toy.loader):
                run.restore("last")
        assert len(list(run.batches(toy.loader))) == 4


def test_batches_withinBatches_areRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        with pytest.raises(LoopMisused, match="within another"):
            for _ in run.batches(toy.loader):
                list(run.batches(toy.loader))
        assert len(list(run.batches(toy.loader))) == 4


def test_batches_leftEarly_areOver(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        for _ in run.batches(toy.loader):
            break
        run.epoch(0.5, 0.5)
        run.restore(1)
        assert len(list(run.batches(toy.loader))) == 4


def test_batches_ofALoaderThatShrank_areRefused(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path, every_steps=3) as run:
        for _ in run.batches(toy.loader):
            run.step(0.5, 0.5)
        run.flush()
        run.restore(3)
        small = DataLoader(TensorDataset(torch.randn(4, 3)), 2, shuffle=True)
        with pytest.raises(RestoreRefused, match="after 3 batches, the loader has 2"):
            list(run.batches(small))


def test_batches_ofAnyIterable_goOnAfterThoseSeen(tmp_path: Path, toy: Toy) -> None:
    data = [torch.full((1,), float(n)) for n in range(5)]
    with toy.record(tmp_path, every_steps=2) as run:
        for _ in run.batches(data):
            run.step(0.5, 0.5)
        run.flush()
        run.restore(2)
        assert [int(x) for x in run.batches(data)] == [2, 3, 4]


def test_queue_holdsTheLoopBack_andLosesNothing(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, put = threading.Event(), Archive.put
    monkeypatch.setattr(Archive, "put", lambda *given: gate.wait() and put(*given))
    with toy.record(tmp_path) as run:
        done: list[int] = []

        def loop() -> None:
            for number in range(6):
                run.epoch(0.5, 0.5)
                done.append(number)

        thread = threading.Thread(target=loop)
        thread.start()
        time.sleep(0.5)
        assert len(done) == 3  # one being written, two waiting
        gate.set()
        thread.join()
        assert run.flush() == 6
        assert [result.step for result in run.results.since(0)] == [1, 2, 3, 4, 5, 6]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow: what a full disk or quota does, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_fullDisk_reachesTheLoop_andWhatWasWrittenStays(tmp_path: Path, toy: Toy) -> None:
    run = toy.record(tmp_path)
    toy.epochs(run, [0.1, 0.2])
    run.flush()
    wanted = toy.weights()
    with full_disk():
        toy.step()
        run.epoch(0.3, 0.5)
        with pytest.raises(RecordingFailed, match="could not be written"):
            run.flush()
    with pytest.raises(RecordingFailed):
        run.epoch(0.4, 0.5)
    with pytest.raises(RecordingFailed):
        run.close()

    other = Toy()
    with other.record(tmp_path) as again:
        assert (again.epochs_done, other.weights()) == (2, wanted)
        other.epochs(again, [0.3])
        assert again.flush() == 3


def test_errorOfTheLoop_isNotHiddenByOneOfTheRecorder(tmp_path: Path, toy: Toy) -> None:
    with pytest.raises(ZeroDivisionError), toy.record(tmp_path) as run:
        with full_disk():
            run.epoch(0.3, 0.5)
            run._jobs.join()
        raise ZeroDivisionError


def test_errorOfTheLoop_losesNothingRecordedBefore(tmp_path: Path, toy: Toy) -> None:
    with pytest.raises(ZeroDivisionError), toy.record(tmp_path) as run:
        toy.epochs(run, [0.1, 0.2, 0.3])
        raise ZeroDivisionError
    with Results.open(tmp_path) as results:
        assert len(results) == 3


@pytest.mark.parametrize(
    "delay_s", [0.02, *(pytest.param(delay_s, marks=pytest.mark.long) for delay_s in (0.0, 0.1))]
)
def test_kill9_losesNothingReportedDurable_andTrainingGoesOnToTheSameBytes(
    tmp_path: Path, delay_s: float
) -> None:
    whole = setup("adam")
    with recorder(whole, tmp_path / "whole") as run:
        train(whole, run, 12)
    arguments = [tmp_path / "killed", "adam", "500", "last", "default", "5"]
    with subprocess.Popen(
        [sys.executable, "-m", training.__name__, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(3)][-1]
        time.sleep(delay_s)
        os.kill(process.pid, signal.SIGKILL)

    with Results.open(tmp_path / "killed") as results:
        rows = results.since(0)
    archive = Archive.open(tmp_path / "killed" / ARCHIVE)
    assert len(rows) >= reported == 3
    for row in rows:
        assert sha256(weights_file(weights_of(archive.get(row.pack)))) == row.weights_sha256
    made = setup("adam", seed=99)
    with recorder(made, tmp_path / "killed") as run:
        assert run.epochs_done == len(rows)
        train(made, run, 12)
    assert made.bytes() == whole.bytes()


def test_restore_byRow_isThatRowAndNotTheLatestOfItsStep(tmp_path: Path, toy: Toy) -> None:
    with toy.record(tmp_path) as run:
        toy.epochs(run, [0.3, 0.4])
        run.restore(1)
        toy.epochs(run, [0.6])
        assert run.flush() == 3
        assert run.restore(2) == run.results.at(2)
        assert run.restore(row=1) == run.results.at(1)
        toy.epochs(run, [0.7])
        run.flush()
        assert run.results.at(3).base_row == 1


@pytest.mark.parametrize("row", [-1, 1])
def test_restore_byARowThatIsNotThere_isRefused(tmp_path: Path, toy: Toy, row: int) -> None:
    with toy.record(tmp_path) as run:
        run.epoch(0.5, 0.5)
        with pytest.raises(RestoreRefused):
            run.restore(row=row)
        with pytest.raises(RestoreRefused):
            run.restore(1, row=0)
        with pytest.raises(RestoreRefused):
            run.restore()
