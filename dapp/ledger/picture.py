"""The history of a run as a picture: accuracy and loss along every branch, and the ways back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dapp.colours import BLUE, GREY, GRID, INK, RED
from dapp.ledger.tree import Leaf
from ml.history.header import Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE: Final = BLUE
LEFT: Final = GREY
BACK: Final = RED


def draw(leaves: Sequence[Leaf], title: str, path: Path) -> Path:
    """Write the picture to `path`, as PNG or SVG by its ending; returns it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _branches(upper, leaves, [leaf.header.accuracy_ppm / 10_000 for leaf in leaves])
    _branches(lower, leaves, [leaf.header.loss_micro / 1e6 for leaf in leaves])
    lower.set_yscale("symlog", linthresh=1)
    for axes, name in ((upper, "Accuracy, %"), (lower, "Loss")):
        axes.set_ylabel(name, color=INK)
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    lower.set_xlabel("Step", color=INK)
    upper.set_title(title, color=INK, loc="left")
    handles, labels = upper.get_legend_handles_labels()
    upper.legend(handles, labels, frameon=False, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return path


def _branches(axes: Axes, leaves: Sequence[Leaf], values: Sequence[float]) -> None:
    """A line along each branch of epochs, and an arrow for each rollback."""
    steps = [leaf.header.step for leaf in leaves]
    named: set[str] = set()
    for at, leaf in enumerate(leaves):
        if leaf.header.kind is Kind.ROLLBACK:
            before = at - 1
            axes.annotate(
                "",
                (steps[at], values[at]),
                (steps[before], values[before]),
                arrowprops={"arrowstyle": "->", "color": BACK, "linewidth": 1.6, "shrinkA": 3, "shrinkB": 3},
            )
            label = _once(named, "rolled back to")
            axes.plot(steps[at], values[at], "o", color=BACK, markersize=6, label=label)
            continue
        colour, name = (LINE, "leads to the head") if leaf.on_line else (LEFT, "left behind")
        if leaf.base is not None:
            axes.plot(
                [steps[leaf.base], steps[at]], [values[leaf.base], values[at]], color=colour, linewidth=1.6
            )
        axes.plot(steps[at], values[at], ".", color=colour, markersize=5, label=_once(named, name))


def _once(named: set[str], name: str) -> str | None:
    """A label for the legend, the first time only."""
    if name in named:
        return None
    named.add(name)
    return name
