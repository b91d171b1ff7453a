"""The Lightning callback, on the real library: recorded, gone back, and to the same bytes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from ml.history.result import Result, best
from ml.history.results import Results
from ml.history.state import Training, capture
from ml.threads import torch_threads
from tests.ml.history.training import NoisyDigits, network

LIBRARIES = ("lightning.pytorch", "pytorch_lightning")
pytest.importorskip("lightning.pytorch", reason="lightning is not installed: Quorate does without")


def trainer_and_module(
    library: str, callback: Any, epochs: int, kind: str = "adam", own: bool = False, explode: bool = False
) -> tuple[Any, Any, Any]:
    pl: Any = importlib.import_module(library)

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            return functional.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
            logits = self.net(batch[0])
            self.log("val_loss", functional.cross_entropy(logits, batch[1]))
            self.log("val_acc", (logits.argmax(1) == batch[1]).float().mean())

        def on_train_epoch_start(self) -> None:
            nonlocal explode
            if explode and self.current_epoch == 6:
                explode = False
                for group in self.optimizers().param_groups:
                    group["lr"] = 1e6

        def configure_optimizers(self) -> Any:
            if kind == "adam":
                optimizer: torch.optim.Optimizer = torch.optim.Adam(self.parameters(), 0.01)
            else:
                optimizer = torch.optim.SGD(self.parameters(), 0.05, momentum=0.9)
            return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3)]

    pl.seed_everything(5, verbose=False)
    module = Module()
    generator = torch.Generator().manual_seed(3) if own else None
    train = DataLoader(NoisyDigits(48), 16, shuffle=True, generator=generator)
    valid = DataLoader(NoisyDigits(16), 16)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=1,
    )
    return trainer, module, lambda: trainer.fit(module, train, valid)


def fit(library: str, folder: Path, epochs: int, **how: Any) -> tuple[Any, Any]:
    from ml.history.lightning import RecordEpochs

    with torch_threads(1):
        trainer, module, run = trainer_and_module(library, RecordEpochs(folder), epochs, **how)
        run()
    return trainer, module


def image(trainer: Any, module: Any) -> dict[str, bytes]:
    parts = {"optimizer": trainer.optimizers[0], "scheduler": trainer.lr_scheduler_configs[0].scheduler}
    return {name: tensor.numpy().tobytes() for name, tensor in capture(Training(module, parts)).items()}


def rows(folder: Path) -> list[Result]:
    with Results.open(folder) as results:
        return results.since(0)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_fit_inTwoParts_endsWithTheSameBytes(tmp_path: Path, library: str, kind: str, own: bool) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    whole = fit(library, tmp_path / "whole", 6, kind=kind, own=own)
    fit(library, tmp_path / "parts", 4, kind=kind, own=own)
    rest = fit(library, tmp_path / "parts", 6, kind=kind, own=own)
    assert image(*rest) == image(*whole)
    assert rest[0].global_step == whole[0].global_step == 18
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert [row.step for row in rows(tmp_path / "whole")] == [1, 2, 3, 4, 5, 6]


def test_fit_isTheSameWithAndWithoutRecorder(tmp_path: Path) -> None:
    with torch_threads(1):
        callback = importlib.import_module("lightning.pytorch").Callback()
        trainer, module, run = trainer_and_module("lightning.pytorch", callback, 3)
        run()
    assert image(trainer, module) == image(*fit("lightning.pytorch", tmp_path, 3))


def test_restore_duringTraining_goesBackAndOn(tmp_path: Path) -> None:
    from ml.history.lightning import RecordEpochs

    class Once(RecordEpochs):
        """Goes back to epoch 2 when epoch 4 is over."""

        asked = False

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            super().on_train_epoch_end(trainer, pl_module)
            if trainer.current_epoch == 3 and not self.asked:
                self.asked = True
                self.restore(2)

    whole = fit("lightning.pytorch", tmp_path / "whole", 6)
    with torch_threads(1):
        trainer, module, run = trainer_and_module("lightning.pytorch", Once(tmp_path / "rolled"), 6)
        run()
    assert [(row.step, row.base_row) for row in rows(tmp_path / "rolled")] == [
        (1, None),
        (2, 0),
        (3, 1),
        (4, 2),
        (3, 1),
        (4, 4),
        (5, 5),
        (6, 6),
    ]
    assert image(trainer, module) == image(*whole)


def test_rollbackToBest_afterAnExplosion_happensByItself(tmp_path: Path) -> None:
    from ml.history.lightning import RecordEpochs

    callback = RecordEpochs(tmp_path, rollback="best")
    with torch_threads(1):
        _, _, run = trainer_and_module("lightning.pytorch", callback, 8, explode=True)
        run()
    with Results.open(tmp_path) as results:
        (alarm, *_), found = results.alarms(), results.since(0)
    assert alarm.step == 7
    ((after, target),) = [(n, row.base_row) for n, row in enumerate(found) if n and row.base_row != n - 1]
    assert target == best(found[:after])
    assert [row.step for row in found[after:]] == [*range(found[target].step + 1, 9)]


def test_metricThatIsNotLogged_isNamed(tmp_path: Path) -> None:
    from ml.history.lightning import RecordEpochs
    from ml.history.recorder import CallbackMisused

    with torch_threads(1):
        _, _, run = trainer_and_module("lightning.pytorch", RecordEpochs(tmp_path, accuracy="top1"), 1)
        with pytest.raises(CallbackMisused, match="top1 is not logged; logged are val_acc, val_loss"):
            run()


def test_callback_isOneOfEachLibraryInstalled() -> None:
    from ml.history.lightning import RecordEpochs

    for library in LIBRARIES:
        module = pytest.importorskip(library, reason=f"{library} is not installed")
        assert issubclass(RecordEpochs, module.Callback)
