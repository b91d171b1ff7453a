"""What a growth rule is given to teach a new part from, and what it may know of older classes: statistics.

Shapes: N samples, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ml.growth.neurons import Recipe
from ml.growth.part import Part
from ml.growth.statistics import Classes, believable, fit, gather, settle

if TYPE_CHECKING:
    from ml.growth.grown import Grown


@dataclass(frozen=True)
class Lesson:
    """New samples for one part. `parent` is the model that grows; None for a first part that founds one."""

    parent: Grown | None
    part: Part
    features_NF: Tensor
    target_N: Tensor  # places in part.labels; for neurons alone, in the parent's labels
    seed: int
    recipe: Recipe

    def statistics(self) -> tuple[Classes, float, dict[str, Tensor]]:
        """The part's classes, the noise of the whole model, and the tensors that hold what is new of it."""
        directions = self.part.options["directions"]
        if self.part.founds:
            fits, noise, temperature = settle(self.features_NF, self.target_N, directions)
            extra = {"noise": torch.tensor([noise]), "temperature": torch.tensor([temperature])}
        else:
            assert self.parent is not None
            labels = range(len(self.part.labels))
            fits = [fit(self.features_NF[self.target_N == label], directions) for label in labels]
            noise, extra = self.parent.value("noise"), {}
        classes = gather(fits)
        return classes, noise, classes.tensors() | extra


def older(model: Grown) -> list[Classes]:
    """Statistics of all labels of `model`, in their order: of the base's, then of each part's."""
    found: list[Classes] = []
    if model.plan.base.labels:
        found.append(Classes.of(model.tensors, "base.statistics."))
    return found + [Classes.of(model.tensors, part.prefix) for part in model.plan.taught]


def joined(groups: list[Classes]) -> Classes:
    """Several groups as one; those with fewer directions get empty ones."""
    most = max(g.directions_KDF.shape[1] for g in groups)
    padded = [
        torch.nn.functional.pad(g.directions_KDF, (0, 0, 0, most - g.directions_KDF.shape[1])) for g in groups
    ]
    return Classes(torch.cat([g.mean_KF for g in groups]), torch.cat(padded))


def to_draw_from(model: Grown, features_NF: Tensor) -> tuple[Classes, float]:
    """Statistics of all labels of `model`, and its noise: as far as these features make them believable."""
    return believable(joined(older(model)), model.value("noise"), features_NF)
