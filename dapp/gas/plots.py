"""The report's figures, as SVG."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from dapp.colours import AMBER, BLUE, GREEN, INK, RED, SLATE, VIOLET
from dapp.figures import new, save
from dapp.gas.document import Figure
from dapp.gas.measure import USUAL_SIZES, Measured, Point
from dapp.gas.operations import Operation
from dapp.gas.targets import VOTES, Target, votes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

CURVES: Final = {
    "everyone alone": ("alone, with the fee", SLATE, (0, 7), "center"),
    "batched": ("batched", VIOLET, (6, 4), "left"),
}


def operations(measured: Measured) -> Figure:
    """Each operation at its dearest, under both schedules."""
    rows = usual(measured)

    def fill(axes: Axes) -> None:
        at = range(len(rows))
        for shift, label, colour, values in (
            (-0.2, "today", BLUE, [p.most.today for p in rows]),
            (0.2, "as announced", AMBER, [p.most.announced for p in rows]),
        ):
            axes.barh([i + shift for i in at], values, height=0.4, color=colour, label=label)
        axes.set_yticks(list(at), [p.operation.does for p in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        _thousands(axes.xaxis)
        axes.set_xlabel("Gas of the dearest transaction\n" + "\n".join(wrap(f"({USUAL_SIZES})", 44)))
        axes.legend(frameon=False, loc="lower right")

    return _drawn("Operations under two schedules", len(rows), fill, grid="x")


def usual(measured: Measured) -> list[Point]:
    """Where each operation is dearest at usual sizes, the dearest first."""
    dearest: dict[Operation, Point] = {}
    for point in sorted(measured.points, key=lambda point: point.most.today):
        if point.is_usual:
            dearest[point.operation] = point
    return sorted(dearest.values(), key=lambda point: -point.most.today)


def ballots(measured: Measured) -> Figure:
    """What voting costs a verifier, alone and in batches."""

    def fill(axes: Axes) -> None:
        from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

        axes.set_xscale("log")
        axes.set_yscale("log")
        for kind, (label, colour, off, side) in CURVES.items():
            found = by_verifiers(measured, kind)
            axes.plot(list(found), list(found.values()), "o-", color=colour, label=label)
            for at in found.items():
                axes.annotate(f"{at[1]:,}", at, off, textcoords="offset points", ha=side, color=INK)
            axes.xaxis.set_major_locator(FixedLocator(list(found)))
        axes.margins(x=0.1, y=0.12)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        _thousands(axes.yaxis)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
        axes.set_xlabel("Verifiers in the task")
        axes.set_ylabel("Gas for each ballot")
        axes.legend(frameon=False, loc="lower left")

    return _drawn("A ballot, sealed and opened", 4, fill)


def by_verifiers(measured: Measured, kind: str) -> dict[int, int]:
    """Gas of a ballot by how many vote."""
    sizes = {
        point.sizes["verifiers"]
        for point in measured.points
        if (point.kind, point.series) == (kind, "verifiers") and point.operation.function in VOTES[kind]
    }
    return {size: votes(measured, size, kind) for size in sorted(sizes)}


def targets(rows: Sequence[Target]) -> Figure:
    """Measured figures as parts of their bounds."""

    def fill(axes: Axes) -> None:
        names, values = [row.what for row in rows], [100 * row.measured / row.bound for row in rows]
        colours = [GREEN if row.met else RED for row in rows]
        axes.barh(names, [min(v, 250) for v in values], color=colours, height=0.6)
        axes.axvline(100, color=INK, linewidth=1)
        for row, value in enumerate(values):
            axes.text(320, row, f"{value:,.0f} %", color=INK, ha="right", va="center")
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 320)
        axes.set_xticks(range(0, 251, 50))
        axes.set_xlabel("Measured, in per cent of the target (cut off at 250)")

    return _drawn("Targets", len(rows), fill, grid="x")


def _thousands(axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda gas, _: f"{gas / 1000:,.0f} k" if gas else "0"))


def _drawn(title: str, rows: int, fill: Callable[[Axes], None], grid: str = "y") -> Figure:
    figure, axes = new(rows)
    fill(axes)
    with tempfile.TemporaryDirectory(prefix="quorate-gas-") as folder:
        path = save(figure, axes, title, Path(folder) / "figure.svg", grid)
        return Figure(title, path.read_bytes())
