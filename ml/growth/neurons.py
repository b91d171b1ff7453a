"""What the rules that train by gradient share: scaled inputs, one hidden layer, and the loop.

Shapes: B batch, F features, H hidden neurons, L hidden neurons of earlier columns, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ml.growth.part import Part
from ml.threads import torch_threads
from ml.train import cosine


@dataclass(frozen=True)
class Recipe:
    """How a part is trained: Adam, a cosine schedule."""

    epochs: int = 8  # over the new samples
    batch: int = 128
    learning_rate: float = 0.002
    weight_decay: float = 1e-4
    least_steps: int = 200


class Layer:
    """A part's inputs and hidden layer, in the type of its tensors."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.t = tensors

    def scaled(self, x_BF: Tensor) -> Tensor:
        """Features about their centre, in units of their spread."""
        return (x_BF - self.t["center"]) / self.t["scale"]

    def hidden(self, x_BF: Tensor, earlier_BL: Tensor | None) -> Tensor:
        """hidden_BH from features and, laterally, from the hidden neurons of earlier columns."""
        flow_BH = self.scaled(x_BF) @ self.t["hidden.weight"].T + self.t["hidden.bias"]
        if earlier_BL is not None and "lateral.weight" in self.t:
            flow_BH = flow_BH + earlier_BL @ self.t["lateral.weight"].T
        return flow_BH.relu()

    def out(self, hidden_BH: Tensor) -> Tensor:
        """outputs_BO."""
        return hidden_BH @ self.t["out.weight"].T + self.t["out.bias"]


def scaling(features_NF: Tensor) -> dict[str, Tensor]:
    """The frozen centre of new samples' features, and one spread for all: quiet features stay quiet."""
    deviation_F = features_NF.double().std(dim=0).nan_to_num(1.0)  # one sample has none
    spread = deviation_F.square().mean().sqrt().clamp_min(1e-6)
    return {"center": features_NF.mean(dim=0), "scale": spread.float().expand(features_NF.shape[1]).clone()}


def start(part: Part, generator: Generator) -> dict[str, Tensor]:
    """Random weights for those tensors of `part` that are trained (He et al., 2015)."""
    found: dict[str, Tensor] = {}
    for name, shape in part.tensors.items():
        if name.endswith(".weight"):
            found[name] = torch.randn(shape, generator=generator) * (2 / shape[1]) ** 0.5
        elif name.endswith(".bias"):
            found[name] = torch.zeros(shape)
    return found


def train(
    weights: dict[str, Tensor],
    loss: Callable[[Tensor, Generator], Tensor],
    count: int,
    recipe: Recipe,
    generator: Generator,
) -> dict[str, Tensor]:
    """`weights` fitted to `loss`, which gets the numbers of a batch out of `count` samples."""
    for tensor in weights.values():
        tensor.requires_grad_(True)
    steps = max(recipe.least_steps, recipe.epochs * count // recipe.batch)
    optimizer = torch.optim.AdamW(
        list(weights.values()), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps))
    batches = _batches(count, recipe.batch, generator)
    with torch_threads(1):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss(next(batches), generator))
            optimizer.step()
            schedule.step()
    return {name: tensor.detach() for name, tensor in weights.items()}


def _batches(count: int, size: int, generator: Generator) -> Iterator[Tensor]:
    while True:
        order_N = torch.randperm(count, generator=generator)
        for begin in range(0, max(1, count - size + 1), size):
            yield order_N[begin : begin + size]
