"""The history of a run as a tree: which epoch went on from which, and what was left behind by rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ml.history.header import NONE, Header, Kind

SHOWN: Final = 40


@dataclass(frozen=True)
class Leaf:
    """An entry and where it stands.

    on_line   whether the head's weights came about through it; a rollback: whether any epoch since has it as
              its way back
    base      height of the epoch it goes on from, None for the first
    """

    header: Header
    on_line: bool
    base: int | None
    registered: bool


def tree(headers: Sequence[Header], registered: int) -> list[Leaf]:
    """All entries in order. registered: how many of them the chain vouches for."""
    heights = {header.id: header.height for header in headers}
    line: set[bytes] = set()
    entry = headers[-1].id if headers else NONE
    while entry != NONE and entry not in line:
        line.add(entry)
        entry = headers[heights[entry]].base
    return [
        Leaf(header, header.id in line, heights.get(header.base), header.height < registered)
        for header in headers
    ]


def lines(leaves: Sequence[Leaf], last: int | None = SHOWN) -> list[str]:
    """The tree for a terminal, newest at the bottom; of a long one the last so many entries.

    ● leads to the head, ○ was left behind, ↩ goes back to an earlier epoch.
    """
    hidden = 0 if last is None else max(0, len(leaves) - last)
    shown = [f"  … {hidden:,} earlier entries; --all shows them"] if hidden else []
    best = max((leaf.header.accuracy_ppm for leaf in leaves), default=0)
    for leaf in leaves[hidden:]:
        header = leaf.header
        name = f"{header.height:>6}  step {header.step:>5}"
        state = "" if leaf.registered else "  waits for a quorum"
        if header.kind is Kind.ROLLBACK:
            shown.append(f"↩ {name}  back to entry {leaf.base}{' ' * 15}0x{header.id.hex()[:12]}{state}")
            continue
        mark = "●" if leaf.on_line else "○"
        top = " best" if header.accuracy_ppm == best else "     "
        figures = f"{header.accuracy_ppm / 10_000:8.4f} %{top}  loss {header.loss_micro / 1e6:<12.6g}"
        shown.append(f"{mark} {name}  {figures}  0x{header.id.hex()[:12]}{state}")
    return shown


def documents(leaves: Sequence[Leaf]) -> list[dict[str, object]]:
    """The tree for programs."""
    return [
        {
            "height": leaf.header.height,
            "id": leaf.header.id,
            "kind": leaf.header.kind,
            "base": leaf.base,
            "step": leaf.header.step,
            "accuracy_ppm": leaf.header.accuracy_ppm,
            "loss_micro": leaf.header.loss_micro,
            "weights": leaf.header.weights,
            "on_line": leaf.on_line,
            "registered": leaf.registered,
        }
        for leaf in leaves
    ]
