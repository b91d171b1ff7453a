"""Training one classifier on private samples: Adam on cross-entropy, a cosine schedule, optional distortions.

Shapes: N samples, B batch, C channels, H height, W width, K outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from ml.architecture import Architecture
from ml.augment import MODERATE, Augmentation, distort
from ml.bounds import CEILING, Bounds
from ml.data.samples import Samples
from ml.errors import InvalidSamples
from ml.models.classifier import Classifier, build
from ml.threads import torch_threads

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True)
class Recipe:
    """How to train. Table I of Mendis et al. names Adam; the schedule and distortions are ours."""

    steps: int = 1_200
    batch: int = 64
    learning_rate: float = 0.002  # at the start; it falls to zero along half a cosine
    weight_decay: float = 0.0
    augmentation: Augmentation | None = MODERATE
    averaging: float = (
        0.0  # decay of a moving average of the weights, which is returned in their place; 0: off
    )


QUICK = Recipe(steps=150)


def train(
    architecture: Architecture,
    samples: Samples,
    recipe: Recipe,
    seed: int,
    progress: Progress | None = None,
    bounds: Bounds = CEILING,
    threads: int = 1,
) -> Classifier:
    """A classifier of `architecture` fitted to those of `samples` whose label it has, in evaluation mode.

    The same arguments give the same weights on the same machine; torch's global generator is left as it was.
    Raises InvalidArchitecture, or InvalidSamples when no sample carries a label of the architecture.
    """
    model = build(architecture, bounds, seed=seed)
    return fit(model, samples, recipe, seed, progress, threads)


def fit(
    model: Classifier,
    samples: Samples,
    recipe: Recipe,
    seed: int,
    progress: Progress | None = None,
    threads: int = 1,
) -> Classifier:
    """Train `model` in place from the weights it has and return it in evaluation mode; else as `train`."""
    own = samples.with_labels(model.labels)
    if len(own) == 0:
        raise InvalidSamples(f"none of {len(samples)} samples carries one of the labels {model.labels}")
    x_NCHW = own.tensor()
    target_N = output_indices(own, model.labels)
    with torch_threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # for dropout
        _run(model, x_NCHW, target_N, recipe, Generator().manual_seed(seed), progress)
    return model.eval()


def output_indices(samples: Samples, labels: tuple[int, ...]) -> Tensor:
    """target_N: the position in `labels` of each sample's label (every one must be there)."""
    return torch.from_numpy(np.searchsorted(np.asarray(labels), samples.labels_N))


def cosine(step: int, steps: int) -> float:
    """The learning rate at `step` as a share of the first one."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def _run(
    model: Classifier,
    x_NCHW: Tensor,
    target_N: Tensor,
    recipe: Recipe,
    generator: Generator,
    progress: Progress | None,
) -> None:
    model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(
        model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, recipe.steps))
    average = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    order_N = torch.empty(0, dtype=torch.int64)
    for step in range(recipe.steps):
        if len(order_N) < min(recipe.batch, len(target_N)):
            order_N = torch.randperm(len(target_N), generator=generator)
        index_B, order_N = order_N[: recipe.batch], order_N[recipe.batch :]
        x_BCHW = x_NCHW[index_B]
        if recipe.augmentation is not None:
            x_BCHW = distort(x_BCHW, recipe.augmentation, generator)
        outputs_BK = model(x_BCHW.contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(outputs_BK, target_N[index_B])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if recipe.averaging:
            follow(average, model, min(recipe.averaging, (step + 1) / (step + 10)))
        if progress is not None:
            progress(step + 1, recipe.steps)
    if recipe.averaging:
        model.load_state_dict(average)
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


@torch.no_grad()
def follow(average: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    """Move `average`, an earlier state of `model`, towards its present one: an exponential average."""
    for name, tensor in model.state_dict().items():
        average[name].lerp_(tensor, 1 - decay)
