"""The recorder as a Lightning callback: `Trainer(callbacks=[RecordEpochs("runs/first", "val_acc")])`.

A callback, not a logger: it needs the optimizers and the loop. It works with `lightning` and with
`pytorch_lightning`, whichever is installed, and for one process. An epoch is recorded when all that belongs
to it is over (validation, schedulers): before the next one begins, or at the end of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from torch.utils.data import DataLoader

from ml.history.monitor import Monitor
from ml.history.optional import bases
from ml.history.recorder import CallbackMisused, Recorder
from ml.history.result import Result
from ml.history.sampler import generators_of
from ml.history.state import AnyGenerator, Stateful, Training

_BASES: Final = bases("lightning.pytorch.Callback", "pytorch_lightning.Callback")  # of each that is installed
if TYPE_CHECKING:
    _Callback = object
else:
    _Callback = type("_Callback", _BASES, {})


class RecordEpochs(_Callback):
    """Records every epoch of a Trainer into `folder`, and goes on from there where a run is there already.

    accuracy, loss  names under which the LightningModule logs them; accuracy is a share from 0 to 1
    rollback        "best": after an alarm training goes back to the best checkpoint by itself
    """

    def __init__(
        self,
        folder: Path | str,
        accuracy: str = "val_acc",
        loss: str = "val_loss",
        *,
        rollback: Literal["best"] | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        if not _BASES:
            raise CallbackMisused("neither lightning nor pytorch_lightning is installed", fix="Install one.")
        self.run: Recorder | None = None
        self._folder = Path(folder)
        self._names = (accuracy, loss)
        self._rollback = rollback
        self._monitor = monitor
        self._figures: tuple[float, float] | None = None
        self._target: int | str | bytes | Result | None = None

    def restore(self, target: int | str | bytes | Result) -> None:
        """Go back to a checkpoint (as Recorder.restore) before the next epoch begins."""
        self._target = target

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the run; where there is one, everything is put back to its last checkpoint."""
        if trainer.world_size != 1:
            raise CallbackMisused(f"the training runs in {trainer.world_size} processes, one can be recorded")
        training = Training(pl_module, dict(_parts(trainer)), _generators(trainer.train_dataloader))
        self.run = Recorder(training, self._folder, monitor=self._monitor)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Record the epoch that ended, and go back if so asked."""
        run = self._record()
        if self._target is not None:
            run.restore(self._target)
            self._target = None

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Note the figures; schedulers have not stepped yet."""
        metrics = trainer.callback_metrics
        if missing := [name for name in self._names if name not in metrics]:
            logged = ", ".join(sorted(metrics)) or "nothing"
            raise CallbackMisused(f"{missing[0]} is not logged; logged are {logged}")
        accuracy, loss = (float(metrics[name]) for name in self._names)
        self._figures = (accuracy, loss)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record the last epoch and wait until all is on the disk."""
        self._record().close()
        self.run = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """What was recorded is kept; the error that ended the training is the one to see."""
        if self.run is not None:
            self.run.__exit__(type(exception), exception, None)
            self.run = None

    def _record(self) -> Recorder:
        if self.run is None:
            raise CallbackMisused("the training did not begin with on_train_start")
        if self._figures is not None:
            alarm = self.run.epoch(*self._figures)
            self._figures = None
            if alarm is not None and self._rollback is not None:
                self._target = self._rollback
        return self.run


class _Progress:
    """How many epochs and steps the Trainer has done, as a part of the training's state."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        epochs = self._trainer.fit_loop.epoch_progress.current
        loop = self._trainer.fit_loop.epoch_loop
        return {
            "epochs": epochs.completed,
            "batches": loop.batch_progress.total.state_dict(),
            "stepped": loop._batches_that_stepped,
            "steps": loop.automatic_optimization.optim_progress.optimizer.step.total.state_dict(),
            "manual": loop.manual_optimization.optim_step_progress.total.state_dict(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        epochs = self._trainer.fit_loop.epoch_progress.current
        loop = self._trainer.fit_loop.epoch_loop
        shift = state_dict["epochs"] - epochs.completed  # `ready` is one ahead when an epoch begins
        for name in ("ready", "started", "processed", "completed"):
            setattr(epochs, name, getattr(epochs, name) + shift)
        loop.batch_progress.total.load_state_dict(state_dict["batches"])
        loop._batches_that_stepped = state_dict["stepped"]
        loop.automatic_optimization.optim_progress.optimizer.step.total.load_state_dict(state_dict["steps"])
        loop.manual_optimization.optim_step_progress.total.load_state_dict(state_dict["manual"])


def _parts(trainer: Any) -> Iterator[tuple[str, Stateful]]:
    for index, optimizer in enumerate(trainer.optimizers):
        yield f"optimizer {index}", optimizer
    for index, config in enumerate(trainer.lr_scheduler_configs):
        yield f"scheduler {index}", config.scheduler
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    if scaler is not None:
        yield "scaler", scaler
    yield "progress", _Progress(trainer)


def _generators(loaders: Any) -> dict[str, AnyGenerator]:
    if isinstance(loaders, DataLoader):
        return generators_of(loaders, "loader")
    items = loaders.items() if isinstance(loaders, Mapping) else enumerate(loaders or ())
    return {k: g for name, loader in items for k, g in generators_of(loader, f"loader {name}").items()}
