"""The report's figures, as SVG."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dapp.colours import BLUE, GREEN, INK, RED
from dapp.figures import new, save
from dapp.gas.document import Figure
from dapp.gas.growth import Fit
from dapp.gas.measure import Point
from dapp.gas.targets import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VOTES = ("voteSeal", "voteOpenAndWithdraw", "voteSealMany", "voteOpenMany")


def operations(points: Sequence[Point]) -> Figure:
    """Each operation at its dearest, under both schedules."""
    small = [p for p in points if p.sizes.get("verifiers", 3) == 3 and p.sizes.get("nodes", 5) == 5]
    dearest: dict[str, Point] = {}
    for point in sorted(small, key=lambda point: point.most.today):
        dearest[point.operation.does] = point
    rows = sorted(dearest.items(), key=lambda row: -row[1].most.today)

    def fill(axes: Axes) -> None:
        at = range(len(rows))
        for shift, label, colour, values in (
            (-0.2, "today", BLUE, [p.most.today for _, p in rows]),
            (0.2, "as announced", RED, [p.most.announced for _, p in rows]),
        ):
            axes.barh(
                [i + shift for i in at], [v / 1000 for v in values], height=0.4, color=colour, label=label
            )
        axes.set_yticks(list(at), [name for name, _ in rows])
        axes.invert_yaxis()
        axes.set_xlabel("Gas of the dearest transaction, thousands (3 verifiers, 5 nodes)")
        axes.legend(frameon=False, loc="lower right")

    return _drawn("Operations under two schedules", len(rows), fill, grid="x")


def growth(fits: Sequence[Fit]) -> Figure:
    """What voting costs a verifier, alone and in batches."""

    def fill(axes: Axes) -> None:
        for kind, colour in (("everyone alone", RED), ("batched", BLUE)):
            mine = [
                f for f in fits if f.kind == kind and f.size == "verifiers" and f.operation.function in VOTES
            ]
            sizes = sorted(set.intersection(*({size for size, _ in fit.points} for fit in mine)))
            sums = [
                sum(dict(fit.points)[size].today / (size if fit.operation.batches else 1) for fit in mine)
                for size in sizes
            ]
            axes.plot(sizes, [s / 1000 for s in sums], "o-", color=colour, label=kind)
            axes.annotate(
                f"{sums[-1]:,.0f}", (sizes[-1], sums[-1] / 1000), (0, 8), textcoords="offset points",
                ha="center", color=INK,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("Verifiers in the task")
        axes.set_ylabel("Gas for each ballot, thousands")
        axes.legend(frameon=False)

    return _drawn("A ballot, sealed and opened (alone: with the fee)", 4, fill)


def targets(rows: Sequence[Target]) -> Figure:
    """Measured figures as parts of their bounds."""

    def fill(axes: Axes) -> None:
        names, values = [row.what for row in rows], [100 * row.measured / row.bound for row in rows]
        colours = [GREEN if row.met else RED for row in rows]
        drawn = axes.barh(names, [min(v, 250) for v in values], color=colours, height=0.6)
        axes.bar_label(drawn, labels=[f"{v:,.0f} %" for v in values], padding=3, color=INK)
        axes.axvline(100, color=INK, linewidth=1)
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_xlabel("Measured, in per cent of the target (cut off at 250)")

    return _drawn("Targets", len(rows), fill, grid="x")


def _drawn(title: str, rows: int, fill: Callable[[Axes], None], grid: str = "y") -> Figure:
    figure, axes = new(rows)
    fill(axes)
    with tempfile.TemporaryDirectory(prefix="quorate-gas-") as folder:
        path = save(figure, axes, title, Path(folder) / "figure.svg", grid)
        return Figure(title, path.read_bytes())
