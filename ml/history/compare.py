"""What changed between two checkpoints, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Difference:
    """One tensor before and after; a shape is None where it is not there.

    norm_*    Euclidean, None where it is no number
    distance  norm of what was added; None unless both shapes are the same
    changed   elements whose bytes differ, of `elements`
    """

    name: str
    shape_before: tuple[int, ...] | None
    shape_after: tuple[int, ...] | None
    norm_before: float | None
    norm_after: float | None
    distance: float | None
    changed: int
    elements: int

    @property
    def is_frozen(self) -> bool:
        """Whether it is the same, bit for bit."""
        return self.shape_before == self.shape_after and self.changed == 0


def differences(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[Difference]:
    """Every tensor of either, by name."""
    return [_difference(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]


def _difference(name: str, before: Tensor | None, after: Tensor | None) -> Difference:
    shapes = [None if tensor is None else tuple(tensor.shape) for tensor in (before, after)]
    elements = max(0 if tensor is None else tensor.numel() for tensor in (before, after))
    distance, changed = None, elements
    if before is not None and after is not None and shapes[0] == shapes[1] and before.dtype == after.dtype:
        changed = _changed(before, after)
        distance = _norm(after.double() - before.double())
    return Difference(name, shapes[0], shapes[1], _norm(before), _norm(after), distance, changed, elements)


def _changed(before: Tensor, after: Tensor) -> int:
    """Elements whose bytes differ: so NaN is itself, and 0 is not -0."""
    if before.numel() == 0:
        return 0
    width = before.element_size()
    pair = [
        tensor.contiguous().reshape(-1).view(torch.uint8).reshape(-1, width) for tensor in (before, after)
    ]
    return int((pair[0] != pair[1]).any(dim=1).sum())


def _norm(tensor: Tensor | None) -> float | None:
    if tensor is None:
        return None
    value = float(torch.linalg.vector_norm(tensor.double()))
    return value if value == value and abs(value) != float("inf") else None
