"""What others do with the same images: networks trained by gradient, class by class, and everything at once.

    naive      the network is trained on each group of classes in turn
    head_only  as naive, with all but the last layer frozen after the first group
    icarl      replay after iCaRL (Rebuffi et al., CVPR 2017): examples stored by herding, distillation, and
               the nearest mean of stored examples decides. An upper reference: we store none
    joint      the network trained anew on all classes so far
    joint_own  our growth rule with all classes so far at once

Outputs of classes not taught yet are left out, in training and in answers.
Shapes: B batch, K labels, N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from dapp.demo.lifelong.budget import Rivals
from dapp.demo.lifelong.measures import Course, Measured
from dapp.demo.workers import Report
from ml import evaluate
from ml.data.samples import Samples, concatenate
from ml.growth import found
from ml.threads import torch_threads

NAMES: Final = ("naive", "head_only", "icarl", "joint", "joint_own")
RATE: Final = 0.001
SOFT: Final = 2.0  # temperature of distillation
Answers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Taught:
    """A group of classes, and the images that whoever taught them has."""

    labels: tuple[int, ...]
    samples: Samples


@dataclass(frozen=True)
class Own:
    """Our growth rule."""

    rule: str
    scattering: dict[str, int]
    options: dict[str, int]


class Network(nn.Module):
    """A perceptron of two hidden layers."""

    def __init__(self, pixels: int, hidden: int, classes: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.trunk = nn.Sequential(
                nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
            )
            self.head = nn.Linear(hidden, classes)

    def forward(self, x_B1HW: Tensor) -> Tensor:
        """logits_BK."""
        logits_BK: Tensor = self.head(self.trunk(x_B1HW))
        return logits_BK


def study(
    report: Report,
    taught: Sequence[Taught],
    test: Samples,
    test_NF: Tensor,
    rivals: Rivals,
    own: Own,
    seed: int,
) -> dict[str, tuple[Measured, ...]]:
    """The course of every rival. test_NF: what our rule sees of the test images."""
    with torch_threads(1):
        courses = {}
        for done, name in enumerate(NAMES):
            report(done, len(NAMES))
            rival = _own(test_NF, own) if name == "joint_own" else _rival(name, test, rivals, seed)
            course = Course(test.labels_N)
            courses[name] = tuple(
                course.step(group.labels, rival(taught[: number + 1])) for number, group in enumerate(taught)
            )
        report(len(NAMES), len(NAMES))
    return courses


def _rival(name: str, test: Samples, rivals: Rivals, seed: int) -> Callable[[Sequence[Taught]], Answers]:
    """A function that learns the last group, and answers."""
    pixels, classes = test.images_NHW[0].size, int(test.labels_N.max()) + 1
    network = Network(pixels, rivals.hidden, classes, seed)
    stored: dict[int, Samples] = {}

    def step(taught: Sequence[Taught]) -> Answers:
        nonlocal network, stored
        seen = [label for group in taught for label in group.labels]
        if name == "joint":
            network = Network(pixels, rivals.hidden, classes, seed)
            _train(network, concatenate([group.samples for group in taught]), seen, rivals, seed)
            return _answers(network, test, seen)
        new = taught[-1].samples
        if name != "icarl":
            _train(network, new, seen, rivals, seed + len(taught))
            if name == "head_only":
                network.trunk.requires_grad_(False)
            return _answers(network, test, seen)
        old = [label for group in taught[:-1] for label in group.labels]
        _train(network, concatenate([new, *stored.values()]), seen, rivals, seed + len(taught), old)
        each = rivals.stored // len(seen)
        stored = {label: samples.take(slice(0, each)) for label, samples in stored.items()}
        stored |= {label: _herd(network, new.with_labels((label,)), each) for label in taught[-1].labels}
        return _nearest(network, test, stored)

    return step


def _own(test_NF: Tensor, own: Own) -> Callable[[Sequence[Taught]], Answers]:
    def step(taught: Sequence[Taught]) -> Answers:
        samples = concatenate([group.samples for group in taught])
        model = found(samples, own.rule, scattering=own.scattering, options=own.options)
        return evaluate.choose(model.answer(test_NF), model.labels)

    return step


def _train(
    network: Network,
    samples: Samples,
    seen: list[int],
    rivals: Rivals,
    seed: int,
    distilled: Sequence[int] = (),
) -> None:
    """Cross-entropy over the `seen` labels; those `distilled` keep what they answered before."""
    x, place = samples.tensor(), {label: at for at, label in enumerate(seen)}
    target = torch.tensor([place[label] for label in samples.labels_N.tolist()])
    with torch.no_grad():
        before = network(x)[:, list(distilled)] / SOFT
    generator = Generator().manual_seed(seed)
    learned = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learned, RATE, fused=True)
    network.train()
    for _ in range(rivals.epochs):
        order = torch.randperm(len(x), generator=generator)
        for batch in order.split(rivals.batch):
            logits = network(x[batch])
            loss = functional.cross_entropy(logits[:, seen], target[batch])
            if distilled:
                soft = before[batch].softmax(dim=1)
                loss = loss + functional.cross_entropy(logits[:, list(distilled)] / SOFT, soft)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
    network.eval()


@torch.no_grad()
def _answers(network: Network, test: Samples, seen: list[int]) -> Answers:
    return evaluate.choose(network(test.tensor())[:, seen], tuple(seen))


@torch.no_grad()
def _herd(network: Network, samples: Samples, count: int) -> Samples:
    """Examples, one by one, that keep their mean nearest to that of all (iCaRL, algorithm 4)."""
    features = functional.normalize(network.trunk(samples.tensor()))
    mean, total = features.mean(dim=0), torch.zeros(features.shape[1])
    chosen: list[int] = []
    for number in range(1, min(count, len(samples)) + 1):
        distance = (mean - (total + features) / number).norm(dim=1)
        distance[chosen] = torch.inf
        best = int(distance.argmin())
        chosen.append(best)
        total = total + features[best]
    return samples.take(np.asarray(chosen))


@torch.no_grad()
def _nearest(network: Network, test: Samples, stored: dict[int, Samples]) -> Answers:
    means = [functional.normalize(network.trunk(s.tensor())).mean(dim=0) for s in stored.values()]
    centres = functional.normalize(torch.stack(means))
    features = functional.normalize(network.trunk(test.tensor()))
    return evaluate.choose(features @ centres.T, tuple(stored))
