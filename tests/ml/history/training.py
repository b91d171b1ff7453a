"""A real training on the digits, small and with everything that random numbers touch.

To go on with one in a process of its own:

    python -m tests.ml.history.training FOLDER OPTIMIZER EPOCHS (STEP|last) (own|default) SEED

It prints the number of rows on the disk after each epoch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from ml.data import load
from ml.history import Recorder, record
from ml.history.state import Training, capture

SAMPLES = 96
BATCH = 16  # 6 batches an epoch


class NoisyDigits(Dataset[tuple[Tensor, int]]):
    """Digits with noise from torch's, NumPy's and Python's own random numbers, as transforms draw it."""

    def __init__(self, count: int = SAMPLES) -> None:
        samples = load("digits").train.take(slice(0, count))
        self.x, self.y = samples.tensor(), samples.labels_N

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        x = self.x[index] + 0.05 * torch.randn(()) + 0.05 * float(np.random.rand())
        return x, int(self.y[index])


@dataclass
class Setup:
    """What a training script builds before its loop."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    loader: DataLoader[tuple[Tensor, int]]

    def training(self) -> Training:
        return Training(self.model, {"optimizer": self.optimizer, "scheduler": self.scheduler})

    def bytes(self) -> dict[str, bytes]:
        """Weights and the whole state, tensor by tensor: what "bit for bit" compares."""
        tensors = capture(self.training())
        return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def network() -> nn.Module:
    """Convolution, batch normalisation (buffers) and dropout."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(4 * 7 * 7, 10),
    )


OPTIMIZERS: Mapping[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "sgd-momentum": lambda m: torch.optim.SGD(m.parameters(), 0.05, momentum=0.9, nesterov=True),
    "adam": lambda m: torch.optim.Adam(m.parameters(), 0.01),
    "adam-fused-channels-last": lambda m: torch.optim.Adam(
        m.to(memory_format=torch.channels_last).parameters(),
        0.01,
        fused=True,  # type: ignore[call-overload]
    ),
    "adamw-amsgrad-two-groups": lambda m: torch.optim.AdamW(
        [{"params": m[0].parameters(), "lr": 0.02}, {"params": [*m[1].parameters(), *m[6].parameters()]}],  # type: ignore[index]
        0.01,
        amsgrad=True,
    ),
    "rmsprop": lambda m: torch.optim.RMSprop(m.parameters(), 0.005, momentum=0.5, centered=True),
    "adagrad": lambda m: torch.optim.Adagrad(m.parameters(), 0.02),
}


def setup(kind: str, own_generator: bool = False, workers: int = 0, seed: int = 5) -> Setup:
    """A fresh training; `kind` names an optimizer."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    model = network()
    optimizer = OPTIMIZERS[kind](model)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4)
    generator = Generator().manual_seed(seed) if own_generator else None
    loader = DataLoader(
        NoisyDigits(), BATCH, shuffle=True, generator=generator, num_workers=workers, drop_last=False
    )
    return Setup(model, optimizer, scheduler, loader)


def train_batch(made: Setup, x: Tensor, y: Tensor) -> float:
    """One step of the optimizer; returns the loss."""
    made.model.train()
    loss = functional.cross_entropy(made.model(x), y)
    made.optimizer.zero_grad()
    torch.autograd.backward(loss)
    made.optimizer.step()
    return float(loss.detach())


def train(made: Setup, run: Recorder, until: int, curve: list[float] | None = None) -> None:
    """The training loop of a user, recorded: up to `until` epochs."""
    for _ in run.epochs(until):
        losses = []
        for x, y in run.batches(made.loader):
            losses.append(train_batch(made, x, y))
            run.step(0.5, losses[-1])
        made.scheduler.step()
        if curve is not None:
            curve += losses
        run.epoch(accuracy(made), sum(losses) / max(1, len(losses)))


def train_unrecorded(made: Setup, epochs: int, curve: list[float]) -> None:
    """The same loop without a recorder."""
    for _ in range(epochs):
        curve += [train_batch(made, x, y) for x, y in made.loader]
        made.scheduler.step()
        accuracy(made)


def accuracy(made: Setup) -> float:
    """Share of the training samples that the model gets right."""
    made.model.eval()
    data = made.loader.dataset
    assert isinstance(data, NoisyDigits)
    with torch.no_grad():
        return float((made.model(data.x).argmax(1).numpy() == data.y).mean())


def recorder(made: Setup, folder: Path, every_steps: int = 0) -> Recorder:
    """The recorder of that training."""
    return record(made.model, made.optimizer, folder, scheduler=made.scheduler, every_steps=every_steps)


def main() -> None:
    """Go on with the run in a folder up to some epochs, after going back to a step if one is given."""
    folder, kind, until, target, own, seed = sys.argv[1:7]
    torch.set_num_threads(1)
    made = setup(kind, own_generator=own == "own", seed=int(seed))
    with recorder(made, Path(folder)) as run:
        if target != "last":
            run.restore(int(target))
        for epoch in range(run.epochs_done, int(until)):
            train(made, run, epoch + 1)
            print(run.flush(), flush=True)


if __name__ == "__main__":
    main()
