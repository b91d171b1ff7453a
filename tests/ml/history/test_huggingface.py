"""The callback for Hugging Face's Trainer, on the real library: recorded, gone back, the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.history.recorder import CallbackMisused
from ml.history.result import Result
from ml.history.results import Results
from ml.history.state import Training, capture
from ml.threads import torch_threads
from tests.ml.history.training import NoisyDigits, network

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: Quorate does without"
)
pytest.importorskip("accelerate", reason="accelerate is not installed: Quorate does without")
BATCHES = 3  # an epoch


class Classifier(nn.Module):
    """A network as the Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.net(x)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


class Digits(NoisyDigits):
    """Samples as the Trainer wants them."""

    def __getitem__(self, index: int) -> Any:
        x, label = super().__getitem__(index)
        return {"x": x, "labels": label}


def accuracy(evaluated: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(evaluated.predictions.argmax(-1) == evaluated.label_ids))}


def trainer(folder: Path, callback: Any, epochs: int = 6, seed: int = 5, **how: Any) -> Any:
    transformers.set_seed(seed)
    arguments = transformers.TrainingArguments(
        **{
            "output_dir": str(folder / "out"),
            "num_train_epochs": epochs,
            "per_device_train_batch_size": 16,
            "learning_rate": 0.01,
            "lr_scheduler_type": "cosine",
            "eval_strategy": "epoch",
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": seed,
        }
        | how
    )
    return transformers.Trainer(
        Classifier(),
        arguments,
        train_dataset=Digits(16 * BATCHES),
        eval_dataset=Digits(16),
        compute_metrics=accuracy,
        callbacks=[callback] if callback is not None else [],
    )


def train(made: Any) -> Any:
    with torch_threads(1):
        made.train()
    return made


def image(made: Any) -> dict[str, bytes]:
    training = Training(made.model, {"optimizer": made.optimizer, "scheduler": made.lr_scheduler})
    return {name: tensor.numpy().tobytes() for name, tensor in capture(training).items()}


def rows(folder: Path) -> list[Result]:
    with Results.open(folder) as results:
        return results.since(0)


def stopping(folder: Path, after: int) -> Any:
    """A callback whose process ends after some epochs, in mid-plan: the schedule is that of the whole."""
    from ml.history.huggingface import RecordEpochs

    class Stop(RecordEpochs):
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any, **given: Any) -> None:
            super().on_evaluate(args, state, control, metrics, **given)
            if self.run is not None and self.run.epochs_done == after:
                control.should_training_stop = True

    return Stop(folder)


@pytest.mark.parametrize("optimizer", ["adamw_torch", "sgd"])
@pytest.mark.parametrize("seed", [5, 6])
def test_train_inTwoParts_endsWithTheSameBytes(tmp_path: Path, optimizer: str, seed: int) -> None:
    from ml.history.huggingface import RecordEpochs

    whole = train(trainer(tmp_path, RecordEpochs(tmp_path / "whole"), optim=optimizer))
    train(trainer(tmp_path, stopping(tmp_path / "parts", 4), optim=optimizer))
    assert [row.step for row in rows(tmp_path / "parts")] == [1, 2, 3, 4]
    rest = train(trainer(tmp_path, RecordEpochs(tmp_path / "parts"), seed=seed, optim=optimizer))
    assert image(rest) == image(whole)
    assert rest.state.global_step == whole.state.global_step == 6 * BATCHES
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_train_isTheSameWithAndWithoutRecorder(tmp_path: Path) -> None:
    from ml.history.huggingface import RecordEpochs

    plain = train(trainer(tmp_path, None, epochs=3))
    assert image(train(trainer(tmp_path, RecordEpochs(tmp_path / "run"), epochs=3))) == image(plain)


def test_restore_duringTraining_goesBack_andAnotherTrainGoesOn(tmp_path: Path) -> None:
    from ml.history.huggingface import RecordEpochs

    class Once(RecordEpochs):
        """Goes back to epoch 2 when epoch 4 is over."""

        asked = False

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any, **given: Any) -> None:
            super().on_evaluate(args, state, control, metrics, **given)
            if self.run is not None and self.run.epochs_done == 4 and not self.asked:
                self.asked = True
                self.restore(2)

    whole = train(trainer(tmp_path, RecordEpochs(tmp_path / "whole")))
    made = train(trainer(tmp_path, Once(tmp_path / "rolled")))
    assert [row.step for row in rows(tmp_path / "rolled")] == [1, 2, 3, 4, 3, 4]
    made = train(made)
    found = rows(tmp_path / "rolled")
    assert [(row.step, row.base_row) for row in found[4:]] == [(3, 1), (4, 4), (5, 5), (6, 6)]
    assert found[-1].weights_sha256 == rows(tmp_path / "whole")[-1].weights_sha256
    assert image(made) == image(whole)


def test_train_withoutEvaluation_isRefused(tmp_path: Path) -> None:
    from ml.history.huggingface import RecordEpochs

    with pytest.raises(CallbackMisused, match="not by epoch"):
        train(trainer(tmp_path, RecordEpochs(tmp_path / "run"), eval_strategy="no"))


def test_metricThatIsNotEvaluated_isNamed(tmp_path: Path) -> None:
    from ml.history.huggingface import RecordEpochs

    with pytest.raises(CallbackMisused, match=r"eval_top1 is not evaluated; it returns .*eval_accuracy"):
        train(trainer(tmp_path, RecordEpochs(tmp_path / "run", accuracy="eval_top1"), epochs=1))


def test_evaluation_outsideOfTraining_isNotRecorded(tmp_path: Path) -> None:
    from ml.history.huggingface import RecordEpochs

    made = train(trainer(tmp_path, RecordEpochs(tmp_path / "run"), epochs=1))
    with torch.no_grad():
        made.evaluate()
    assert len(rows(tmp_path / "run")) == 1
