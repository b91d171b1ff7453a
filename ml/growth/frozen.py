"""Whether a model grew and nothing else: every old tensor bit for bit, every old class in its place."""

from __future__ import annotations

from ml.architecture import Architecture
from ml.bounds import CEILING, Bounds
from ml.errors import InvalidGrowth
from ml.growth.architecture import check_grown
from ml.weights import Entry, parse


def check_frozen(parent: bytes, child: bytes) -> None:
    """Raises InvalidGrowth unless the weights file `child` begins with the tensors of `parent`, and has more.

    The error names the first old tensor that is missing, was reshaped or was changed, even by one bit. Raises
    InvalidPackage for bytes that are no weights file.
    """
    old, new = parse(parent), parse(child)
    by_name = {entry.name: entry for entry in new}
    for place, entry in enumerate(old):
        found = by_name.get(entry.name)
        if found is None:
            raise InvalidGrowth(f"the old tensor {entry.name} is missing", tensor=entry.name)
        if found.shape != entry.shape:
            raise InvalidGrowth(
                f"the old tensor {entry.name} was {list(entry.shape)}, it is {list(found.shape)}",
                tensor=entry.name,
            )
        if child[found.begin : found.end] != parent[entry.begin : entry.end]:
            raise InvalidGrowth(
                f"the old tensor {entry.name} changed at number {_first_change(parent, entry, child, found)}",
                tensor=entry.name,
            )
        if new[place].name != entry.name:
            raise InvalidGrowth(f"the new tensor {new[place].name} stands before the old {entry.name}")
    if len(new) == len(old):
        raise InvalidGrowth("the model has no new tensor")


def check_extension(parent: Architecture, child: Architecture, bounds: Bounds = CEILING) -> None:
    """Raises InvalidGrowth unless `child` is `parent` with parts added; InvalidArchitecture if it is none."""
    old, new = check_grown(parent, bounds), check_grown(child, bounds)
    if dropped := [label for label in old.labels if label not in new.labels]:
        raise InvalidGrowth(f"the growth drops class {dropped[0]}", label=dropped[0])
    if new.labels[: len(old.labels)] != old.labels:
        raise InvalidGrowth(
            f"the growth reorders classes: {list(old.labels)} became {list(new.labels[: len(old.labels)])}"
        )
    for what in ("input", "base"):
        if parent[what] != child[what]:
            raise InvalidGrowth(f"the growth changes the architecture's {what}")
    known = len(old.parts)
    if list(child["parts"][:known]) != list(parent["parts"]):
        raise InvalidGrowth("the growth changes an old part of the architecture")
    if len(new.parts) == known:
        raise InvalidGrowth("the growth adds no part")
    late = next((p for p in new.parts[known:] if p.after < known), None)
    if late is not None:
        raise InvalidGrowth(
            f"part {late.index} knew {late.after} parts when it was taught; this model has {known}"
        )


def _first_change(parent: bytes, old: Entry, child: bytes, new: Entry) -> int:
    a, b = memoryview(parent)[old.begin : old.end], memoryview(child)[new.begin : new.end]
    return next(at for at in range(len(a) // 4) if a[4 * at : 4 * at + 4] != b[4 * at : 4 * at + 4])
