"""How our figures look: one pair of axes, a title, a grid, no frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dapp.colours import GRID, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new(rows: int) -> tuple[Figure, Axes]:
    """A figure high enough for so many rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, max(4.0, 1.2 + 0.36 * rows)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save(figure: Figure, axes: Axes, title: str, path: Path, grid: str = "y") -> Path:
    """Write it as .png or .svg (letters as outlines: no font is needed), without the time it was made at."""
    from matplotlib import rc_context

    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with rc_context({"svg.hashsalt": "quorate", "svg.fonttype": "path"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    return path
