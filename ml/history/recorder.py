"""The recorder beside a training loop: each epoch, or every n steps, becomes a checkpoint to go back to.

    with record(model, optimizer, Path("runs/first"), scheduler=scheduler) as run:
        for epoch in run.epochs(60):
            for x, y in run.batches(loader):
                ...
            run.epoch(accuracy, loss)

The loop's thread copies tensors and no more; hashing, encoding and writing happen on a thread of the
recorder's. No random number is drawn: the loop trains to the same bytes with and without it.
"""

from __future__ import annotations

import fcntl
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, SupportsFloat, TypeAlias, TypeVar

from torch import nn

from ml.canonical import sha256
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.monitor import Alarm, Monitor
from ml.history.result import MICRO, InvalidResult, Result, best
from ml.history.results import Results
from ml.history.sampler import Pass, generators_of, resumed
from ml.history.state import (
    AnyGenerator,
    RestoreRefused,
    Snapshot,
    Stateful,
    Training,
    generator_state,
    random_state,
    restore,
    set_generator_state,
    snapshot,
)
from ml.history.tensors import weights_file, weights_of

T = TypeVar("T")
Number: TypeAlias = SupportsFloat | Callable[[], SupportsFloat]  # a function is called only when recorded

ARCHIVE: Final = "archive"
WAITING: Final = 2  # checkpoints in memory at most; the loop waits for the disk beyond


class RecordingFailed(QuorateError):
    """A checkpoint could not be written; it and those after it are not in the record."""

    code = "recording-failed"
    default_fix = (
        "Mend the cause, then start the training again: it goes on from the last checkpoint that was written."
    )


class RunBusy(QuorateError):
    """Another process records into the same folder."""

    code = "run-busy"
    default_fix = "Wait for the other process or stop it, or name another folder: one process records a run."


class LoopMisused(QuorateError):
    """A training loop that goes on where it may not."""

    code = "loop-misused"
    default_fix = "Leave the loop over batches after `restore`; call `epoch` once in each turn of `epochs`."


class CallbackMisused(QuorateError):
    """A training of Lightning's or Hugging Face's that their callback cannot record."""

    code = "callback-misused"
    default_fix = "Evaluate each epoch, name its accuracy and loss as they are logged, train in one process."


@dataclass(frozen=True)
class _Job:
    taken: Snapshot
    step: int
    accuracy_ppm: int
    loss_micro: int
    base_row: int | None
    parent: bytes | None  # pack to take differences from; None: that of the job before


def record(
    model: nn.Module,
    optimizer: Stateful,
    folder: Path | str,
    *,
    scheduler: Stateful | None = None,
    scaler: Stateful | None = None,
    also: Mapping[str, Stateful] | None = None,
    generators: Mapping[str, AnyGenerator] | None = None,
    gradients: bool = False,
    every_steps: int = 0,
    resume: bool = True,
    monitor: Monitor | None = None,
) -> Recorder:
    """Record a training into `folder`; one that is there already goes on from its last checkpoint.

    also         whatever else has a state_dict and decides how training goes on, by name
    generators   random generators beside the global ones and those of loaders given to `batches`
    gradients    see Training
    every_steps  record at every n-th `step`, beside each `epoch`
    resume       False: leave model and optimizer as they are, and begin another branch

    Raises RunBusy, RestoreRefused (the folder holds another training), ResultsFailed, ResultsDamaged.
    """
    parts = {"optimizer": optimizer, "scheduler": scheduler, "scaler": scaler, **(also or {})}
    training = Training(
        model,
        {name: part for name, part in parts.items() if part is not None},
        dict(generators or {}),
        gradients,
    )
    return Recorder(training, Path(folder), every_steps=every_steps, resume=resume, monitor=monitor)


class Recorder:
    """Use it through `record`, as a context: leaving it waits until all is on the disk."""

    def __init__(
        self,
        training: Training,
        folder: Path,
        *,
        every_steps: int = 0,
        resume: bool = True,
        monitor: Monitor | None = None,
    ) -> None:
        self.training = training
        self.monitor = monitor or Monitor()
        self.alarm: Alarm | None = None  # of the last epoch
        self.epochs_done = 0
        self.steps_done = 0
        self._every_steps = every_steps
        self._generators: dict[str, AnyGenerator] = {}  # of loaders
        self._pass: Pass | None = None  # that the loop is in
        self._passes = 0  # over since the last epoch
        self._restores = 0
        self._begun: Pass | None = None  # to go on with, after a restore
        self._passes_over = 0
        self._now: Mapping[str, Any] = {}
        self._of_loaders: Mapping[str, Any] = {}
        self._base_row: int | None = None
        self._parent: bytes | None = None
        self._error: BaseException | None = None
        self._lock = _lock(folder)
        try:
            self.results = Results.open(folder)
            self.archive = Archive.open(folder / ARCHIVE)
            self._rows = len(self.results)
            if resume and self._rows:
                self.restore("last")
        except BaseException:
            os.close(self._lock)
            raise
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RecordingFailed:
            if error is None:  # else the loop's own error is the one to see
                raise

    def close(self) -> None:
        """Wait until all is on the disk, and let go of the folder. Raises RecordingFailed."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
            self.results.close()
            os.close(self._lock)
        self._raise_error()

    def flush(self) -> int:
        """Wait until all recorded so far is on the disk; returns how many. Raises RecordingFailed."""
        self._jobs.join()
        self._raise_error()
        return self._rows

    def epochs(self, total: int) -> Iterator[int]:
        """Numbers, from 0, of the epochs still to be trained; after a `restore`, those from there on."""
        while self.epochs_done < total:
            turn = (self.epochs_done, self._restores)
            yield self.epochs_done
            if turn == (self.epochs_done, self._restores):
                raise LoopMisused(f"epoch {self.epochs_done} ended without a call of `epoch`")

    def batches(self, loader: Iterable[T]) -> Iterator[T]:
        """The batches of `loader`; after restoring a checkpoint taken within a pass, those that were left.

        Of several passes within an epoch, one after the other, those that were over have no batches left.
        """
        if self._pass is not None:
            raise LoopMisused("a loop over batches within another: let the inner one take the loader itself")
        own = self._registered(loader)
        if self._passes < self._passes_over:
            self._passes += 1
            return
        begun, self._begun = self._begun, None
        generators = {**self.training.generators, **own}
        if begun is None:
            begun = Pass(0, random_state(generators))
            iterator = iter(loader)
        else:
            now = {**self._now, "generators": {**self._now["generators"], **self._of_loaders}}
            iterator = resumed(loader, begun, now, generators)
        restores = self._restores
        self._pass = begun
        try:
            for count, batch in enumerate(iterator, begun.batches + 1):
                self._pass = Pass(count, begun.start)
                yield batch
                if restores != self._restores:
                    raise LoopMisused("the training was restored within this loop over batches")
        finally:
            if restores == self._restores:
                self._pass = None
                self._passes += 1

    def step(self, accuracy: Number, loss: Number) -> Alarm | None:
        """Count one step; record every n-th, if so asked. Functions are called only then."""
        self.steps_done += 1
        if self._every_steps and self.steps_done % self._every_steps == 0:
            return self._record(accuracy, loss)
        return None

    def epoch(self, accuracy: Number, loss: Number) -> Alarm | None:
        """Record the end of an epoch; returns the monitor's alarm, if it raised one.

        accuracy: share of samples, 0 to 1; loss: at least 0. An epoch whose figures are no numbers is not
        recorded, for no ledger can hold it: the alarm is. Raises InvalidResult; RecordingFailed if an earlier
        checkpoint could not be written.
        """
        self.epochs_done += 1
        self._passes = self._passes_over = 0
        return self._record(accuracy, loss)

    def restore(
        self, target: int | str | bytes | Result | None = None, *, row: int | None = None
    ) -> Result | None:
        """Go back to a checkpoint, bit for bit: the latest of that step, "best", "last", a result or a pack.

        row: in place of a target, this very row of the record, counted from 0: after going back there are
        several of one step.

        The next epoch recorded has it as its base; nothing is removed. Returns its row, or None for a pack
        that this run did not record. Raises RestoreRefused; what the archive raises for damaged bytes.
        """
        if hasattr(self, "_jobs"):
            self.flush()
        row, pack = self._find(target, row)
        result = None if row is None else self.results.at(row)
        tensors = self.archive.get(pack)
        if result is not None and sha256(weights_file(weights_of(tensors))) != result.weights_sha256:
            raise RestoreRefused(f"the weights of pack {pack.hex()} are not those of row {row}")
        loop = restore(tensors, self.training)
        self.epochs_done, self.steps_done = int(loop["epochs"]), int(loop["steps"])
        self._begun = None if loop["pass"] is None else Pass(**loop["pass"])
        self._passes_over, self._passes, self._pass = int(loop["passes"]), 0, None
        self._now, self._of_loaders = random_state(self.training.generators), loop["loaders"]
        for name in self._generators.keys() & self._of_loaders.keys():
            set_generator_state(self._generators[name], self._of_loaders[name])
        self._restores += 1
        self._base_row, self._parent = row, pack
        self.monitor.restart(self._seen(row))
        self.alarm = None
        return result

    def _find(self, target: int | str | bytes | Result | None, row: int | None) -> tuple[int | None, bytes]:
        """The row and the pack that `target` names, or `row`."""
        if (target is None) == (row is None):
            raise RestoreRefused("name a checkpoint to restore, or its row, and not both")
        rows = self.results.since(0)
        found: int | None = None
        if row is not None:
            target = f"row {row}"
            found = row if 0 <= row < len(rows) else None
        elif target == "best":
            found = best(rows)
        elif target == "last":
            found = len(rows) - 1 if rows else None
        elif isinstance(target, bytes):
            found = max((row for row, result in enumerate(rows) if result.pack == target), default=None)
            if found is None:
                return None, target
        else:
            found = max(
                (row for row, result in enumerate(rows) if target in (result.step, result)), default=None
            )
        if found is None:
            raise RestoreRefused(
                f"nothing recorded is {target!r}; {len(rows)} checkpoints are recorded",
                fix="Name a recorded step, best, last, a result or a pack.",
            )
        return found, rows[found].pack

    def _seen(self, row: int | None) -> list[tuple[float, float]]:
        """Accuracy and loss of the checkpoints that lead to a row, that one included."""
        rows = self.results.since(0)
        seen: list[tuple[float, float]] = []
        while row is not None:
            seen.append((rows[row].accuracy_ppm / MICRO, rows[row].loss_micro / MICRO))
            row = rows[row].base_row
        return seen[::-1]

    def _record(self, accuracy: Number, loss: Number) -> Alarm | None:
        self._raise_error()
        accuracy, loss = _float(accuracy), _float(loss)
        step = self.steps_done if self._every_steps else self.epochs_done
        alarm = self.monitor.see(step, accuracy, loss)
        if alarm is not None:
            alarm = replace(alarm, row=self._base_row if alarm.reason == "nan" else self._rows)
            self.results.put_alarm(alarm)
        self.alarm = alarm
        if alarm is not None and alarm.reason == "nan":
            return alarm
        if not 0 <= accuracy <= 1 or loss < 0:
            raise InvalidResult(f"accuracy {accuracy:g} and loss {loss:g} at step {step}")
        taken = snapshot(self.training, self._loop())
        job = _Job(taken, step, round(accuracy * MICRO), round(loss * MICRO), self._base_row, self._parent)
        self._jobs.put(job)
        self._base_row, self._parent = self._rows, None
        self._rows += 1
        return alarm

    def _registered(self, loader: Iterable[Any]) -> dict[str, AnyGenerator]:
        """The loader's own generators by name; put back to a checkpoint's state when first seen after it."""
        own = generators_of(loader, f"loader {self._passes}")
        known = {id(generator): name for name, generator in self._generators.items()}
        named = {known.get(id(generator), name): generator for name, generator in own.items()}
        for name, generator in named.items():
            if id(generator) not in known:
                self._generators[name] = generator
                if name in self._of_loaders:
                    set_generator_state(generator, self._of_loaders[name])
        return named

    def _loop(self) -> dict[str, Any]:
        """Where the loop is."""
        return {
            "epochs": self.epochs_done,
            "steps": self.steps_done,
            "passes": self._passes,
            "pass": None if self._pass is None else vars(self._pass),
            "loaders": {name: generator_state(g) for name, g in self._generators.items()},
        }

    def _work(self) -> None:
        """The recorder's thread: one checkpoint after the other. After an error all others are dropped."""
        previous: bytes | None = None
        while (job := self._jobs.get()) is not None:
            try:
                if self._error is None:
                    previous = self._write(job, previous)
            except BaseException as error:
                self._error = error
            finally:
                del job
                self._jobs.task_done()
        self._jobs.task_done()

    def _write(self, job: _Job, previous: bytes | None) -> bytes:
        tensors = job.taken.tensors()
        file = weights_file(weights_of(tensors))
        stored = self.archive.put(tensors, job.parent or previous)
        self.results.put(
            Result(
                step=job.step,
                weights_sha256=sha256(file),
                weights_bytes=len(file),
                pack=stored.pack,
                pack_bytes=stored.size_bytes,
                accuracy_ppm=job.accuracy_ppm,
                loss_micro=job.loss_micro,
                base_row=job.base_row,
            )
        )
        return stored.pack

    def _raise_error(self) -> None:
        if self._error is not None:
            message = getattr(self._error, "message", str(self._error))
            raise RecordingFailed(f"a checkpoint could not be written: {message}") from self._error


def _float(number: Number) -> float:
    return float(number() if callable(number) else number)


def _lock(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise RunBusy(f"another process records into {folder}") from error
    return descriptor
