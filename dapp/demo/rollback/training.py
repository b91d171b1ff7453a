"""The training of the rollback demo: digits, SGD with momentum, and a learning rate that explodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from ml.data.samples import Dataset, Samples
from ml.models import build
from ml.models.mlp import mlp

EPOCHS, EXPLODES_AT = 60, 30
LEARNING_RATE, EXPLOSION, MOMENTUM, BATCH = 0.02, 100.0, 0.9, 64
TRAINED_ON, MEASURED_ON = 900, 400  # the rest of the training part is the nodes'
ARCHITECTURE = mlp(hidden=(64,))
Loader = DataLoader[tuple[Tensor, ...]]
Batches = Callable[[Loader], Iterable[tuple[Tensor, ...]]]


@dataclass(frozen=True)
class Material:
    """Who has which images: the trainer trains and measures, each node checks on its own."""

    train: Samples
    held_out: Samples
    nodes: tuple[Samples, ...]
    test: Samples


def share_out(dataset: Dataset, nodes: int) -> Material:
    """Disjoint parts of a data set. The nodes' parts are what neither trains nor tunes anything."""
    rest = dataset.train.take(slice(TRAINED_ON + MEASURED_ON, None))
    each = len(rest) // nodes
    return Material(
        dataset.train.take(slice(0, TRAINED_ON)),
        dataset.train.take(slice(TRAINED_ON, TRAINED_ON + MEASURED_ON)),
        tuple(rest.take(slice(at * each, (at + 1) * each)) for at in range(nodes)),
        dataset.test,
    )


class Training:
    """A model, its optimizer and its shuffled batches. Everything random follows from the seed."""

    def __init__(self, material: Material, seed: int, explodes: bool) -> None:
        self.explodes = explodes
        self.model = build(ARCHITECTURE, seed=seed)
        self.optimizer = torch.optim.SGD(self.model.parameters(), LEARNING_RATE, momentum=MOMENTUM)
        train = TensorDataset(material.train.tensor(), torch.from_numpy(material.train.labels_N))
        self.loader: Loader = DataLoader(train, BATCH, shuffle=True, generator=Generator().manual_seed(seed))
        self._held_out = (material.held_out.tensor(), torch.from_numpy(material.held_out.labels_N))
        self._test = (material.test.tensor(), torch.from_numpy(material.test.labels_N))

    def epoch(self, number: int, batches: Batches | None = None) -> None:
        """Train one epoch; numbers count from 1. batches: a recorder's, which goes on within a pass."""
        exploded = self.explodes and number >= EXPLODES_AT
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (EXPLOSION if exploded else 1.0)
        self.model.train()
        for x, target in self.loader if batches is None else batches(self.loader):
            loss = functional.cross_entropy(self.model(x), target)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()

    def measure(self) -> tuple[float, float]:
        """Accuracy and loss on the held-out images."""
        return _measure(self.model, *self._held_out)

    def test_ppm(self) -> int:
        """Accuracy on the test images, which decide nothing, in ppm."""
        return round(_measure(self.model, *self._test)[0] * 1_000_000)


@torch.no_grad()
def _measure(model: nn.Module, x: Tensor, target: Tensor) -> tuple[float, float]:
    model.eval()
    outputs = model(x)
    accuracy = float((outputs.argmax(1) == target).double().mean())
    return accuracy, float(functional.cross_entropy(outputs.double(), target))
