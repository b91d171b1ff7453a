"""What a grown model is made of, known from its JSON alone: the frozen base, and parts that were added to it.

Shapes: F features, K labels of a part, D principal directions of a class, S inputs of the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ml.architecture import Plan, Shape

FOUNDATION: Final = ("noise", "temperature")


@dataclass(frozen=True)
class Scattering:
    """The size of the data-free block: 2**scales pixels are averaged, in as many orientations."""

    scales: int
    orientations: int
    grid: tuple[int, int]  # rows and columns of pixels with their frame, multiples of 2**scales

    @property
    def channels(self) -> int:
        """Maps: the average, the first order, and the second order of paths to ever coarser scales."""
        j, o = self.scales, self.orientations
        return 1 + j * o + o * o * j * (j - 1) // 2

    @property
    def features(self) -> int:
        """Numbers in all maps."""
        return self.channels * (self.grid[0] >> self.scales) * (self.grid[1] >> self.scales)


@dataclass(frozen=True)
class Base:
    """What every part sees: fixed features, an ordinary classifier's top features, or both side by side."""

    scattering: Scattering | None
    classifier: Plan | None
    directions: int  # of each of the classifier's labels
    features: int
    labels: tuple[int, ...]  # those of the classifier


@dataclass(frozen=True)
class Part:
    """One growth. It knows the base and the `after` parts before it; those beside it have the same."""

    index: int
    rule: str
    labels: tuple[int, ...]  # none: neurons alone, which correct the answers to the `older` labels
    after: int
    options: Mapping[str, int]
    features: int
    older: int  # labels of the base and of the parts it knows
    founds: bool  # the first part over a base without labels: it settles noise and temperature for all
    hidden_before: int = 0  # hidden neurons of the parts with labels that it knows
    tensors: Mapping[str, Shape] = field(default_factory=dict)  # by local name

    @property
    def prefix(self) -> str:
        """What the names of its tensors begin with."""
        return f"part.{self.index:03}."


def statistics_tensors(labels: int, directions: int, features: int) -> dict[str, Shape]:
    """Mean and principal directions of `labels` classes (ml.growth.statistics)."""
    return {"directions": (labels, directions, features), "mean": (labels, features)}
