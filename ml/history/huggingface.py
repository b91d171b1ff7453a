"""The recorder as a callback of Hugging Face's Trainer: `callbacks=[RecordEpochs("runs/first")]`.

The Trainer must evaluate each epoch (`eval_strategy="epoch"`) and `compute_metrics` return an accuracy. How
many times its loop goes round is fixed when it begins: after going back, training ends that many epochs
early, and another `train()` does them. For one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ml.history.monitor import Monitor
from ml.history.optional import bases
from ml.history.recorder import CallbackMisused, Recorder
from ml.history.result import Result
from ml.history.sampler import generators_of
from ml.history.state import Stateful, Training

_BASES: Final = bases("transformers.TrainerCallback")
if TYPE_CHECKING:
    _Callback = object
else:
    _Callback = type("_Callback", _BASES, {})


class RecordEpochs(_Callback):
    """Records every epoch of a Trainer into `folder`, and goes on from there where a run is there already.

    accuracy, loss  names of what an evaluation returns; accuracy is a share from 0 to 1
    rollback        "best": after an alarm training goes back to the best checkpoint by itself
    """

    def __init__(
        self,
        folder: Path | str,
        accuracy: str = "eval_accuracy",
        loss: str = "eval_loss",
        *,
        rollback: Literal["best"] | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        if not _BASES:
            raise CallbackMisused("transformers is not installed", fix="Install it, with accelerate.")
        self.run: Recorder | None = None
        self._folder = Path(folder)
        self._names = (accuracy, loss)
        self._rollback = rollback
        self._monitor = monitor
        self._progress = _Progress()
        self._ended = False  # an epoch whose evaluation is due
        self._target: int | str | bytes | Result | None = None

    def restore(self, target: int | str | bytes | Result) -> None:
        """Go back to a checkpoint (as Recorder.restore) before the next epoch begins."""
        self._target = target

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Open the run; where there is one, everything is put back to its last checkpoint."""
        if args.world_size != 1:
            raise CallbackMisused(f"the training runs in {args.world_size} processes, one can be recorded")
        if args.eval_strategy != "epoch":
            raise CallbackMisused(f"the Trainer evaluates by {args.eval_strategy}, not by epoch")
        self._close()
        loader = given["train_dataloader"]
        self._progress = _Progress()
        self._progress.bind(state, loader)
        training = Training(
            given["model"], dict(_parts(given, self._progress)), generators_of(loader, "loader")
        )
        self.run = Recorder(training, self._folder, monitor=self._monitor)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Go back if so asked."""
        run = self._opened()
        if self._target is not None:
            run.restore(self._target)
            self._target = None
        self._progress.begin()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """The evaluation that follows is this epoch's."""
        self._progress.end()
        self._ended = True

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **given: Any) -> None:
        """Record the epoch that was evaluated."""
        if not self._ended:
            return
        self._ended = False
        if missing := [name for name in self._names if name not in metrics]:
            raise CallbackMisused(f"{missing[0]} is not evaluated; it returns {', '.join(sorted(metrics))}")
        accuracy, loss = (float(metrics[name]) for name in self._names)
        alarm = self._opened().epoch(accuracy, loss)
        if alarm is not None and self._rollback is not None:
            self._target = self._rollback

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Wait until all is on the disk."""
        self._close()

    def _opened(self) -> Recorder:
        if self.run is None:
            raise CallbackMisused("the training did not begin with on_train_begin")
        return self.run

    def _close(self) -> None:
        if self.run is not None:
            self.run.close()
            self.run = None


class _Progress:
    """Epochs and steps done, as a part of the training's state; and the order of samples that follows.

    accelerate's sampler draws an epoch's order from its seed plus the number that the Trainer gives the
    epoch, which begins at 0 in every `train()`. The seed is moved so that the sum is that of the true epoch.
    """

    def __init__(self) -> None:
        self._state: Any = None
        self._sampler: Any = None
        self._seed = 0
        self._done = 0  # epochs of the whole training
        self._round = 0  # of the Trainer's loop

    def bind(self, state: Any, loader: Any) -> None:
        """The Trainer's state, and the sampler if it is one of those."""
        self._state = state
        batches: Any = getattr(loader, "batch_sampler", None)
        while hasattr(batches, "batch_sampler"):
            batches = batches.batch_sampler
        sampler: Any = getattr(batches, "sampler", None)
        if hasattr(sampler, "initial_seed"):
            self._sampler, self._seed = sampler, sampler.initial_seed

    def begin(self) -> None:
        """The loop goes round."""
        if self._sampler is not None:
            self._sampler.initial_seed = self._seed + self._done - self._round
        self._round += 1

    def end(self) -> None:
        """An epoch is over."""
        self._done += 1

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self._done, "steps": self._state.global_step, "seed": self._seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._done, self._seed = state_dict["epochs"], state_dict["seed"]
        self._state.global_step = state_dict["steps"]


def _parts(given: dict[str, Any], progress: _Progress) -> Iterator[tuple[str, Stateful]]:
    yield "optimizer", given["optimizer"]
    if given.get("lr_scheduler") is not None:
        yield "scheduler", given["lr_scheduler"]
    if (scaler := getattr(given["optimizer"], "scaler", None)) is not None:
        yield "scaler", scaler
    yield "progress", progress
