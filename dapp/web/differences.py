"""Two checkpoints side by side, as pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ml.history.compare import Difference, differences


@dataclass(frozen=True)
class TensorLine:
    """A tensor before and after. state: frozen (bit for bit), changed, reshaped, new or gone.

    leaf   SHA-256 of its leaf in the tree whose root is on chain, where there is such a tree
    """

    name: str
    state: str
    shape_before: list[int] | None
    shape_after: list[int] | None
    norm_before: float | None
    norm_after: float | None
    distance: float | None
    changed: int
    elements: int
    leaf: str | None


@dataclass(frozen=True)
class Compared:
    """All tensors, and how many of which state."""

    tensors: list[TensorLine]
    frozen: int
    changed: int
    new: int
    gone: int
    changed_elements: int
    elements: int


def compared(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], leaves: Mapping[str, bytes] | None = None
) -> Compared:
    """The comparison. leaves: of the tensors after, by name."""
    known = {} if leaves is None else leaves
    lines = [_line(found, known.get(found.name)) for found in differences(before, after)]
    return Compared(
        lines,
        frozen=_count(lines, "frozen"),
        changed=_count(lines, "changed") + _count(lines, "reshaped"),
        new=_count(lines, "new"),
        gone=_count(lines, "gone"),
        changed_elements=sum(line.changed for line in lines),
        elements=sum(line.elements for line in lines),
    )


def _count(lines: Sequence[TensorLine], state: str) -> int:
    return sum(line.state == state for line in lines)


def _line(found: Difference, leaf: bytes | None) -> TensorLine:
    if found.shape_before is None:
        state = "new"
    elif found.shape_after is None:
        state = "gone"
    elif found.shape_before != found.shape_after:
        state = "reshaped"
    else:
        state = "frozen" if found.is_frozen else "changed"
    return TensorLine(
        name=found.name,
        state=state,
        shape_before=None if found.shape_before is None else list(found.shape_before),
        shape_after=None if found.shape_after is None else list(found.shape_after),
        norm_before=found.norm_before,
        norm_after=found.norm_after,
        distance=found.distance,
        changed=found.changed,
        elements=found.elements,
        leaf=None if leaf is None else "0x" + leaf.hex(),
    )
