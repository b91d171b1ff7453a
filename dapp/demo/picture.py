"""Draws the README's picture: `python -m dapp.demo.picture` writes docs/img/task.png."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dapp.artifacts import PROJECT
from dapp.colours import INK

LANES: Final = ("initiator", "contributors", "contract", "verifiers")
COLOURS: Final = {
    "initiator": "#fff3d6",
    "contributors": "#dcefe3",
    "contract": "#e4e9f0",
    "verifiers": "#fbe3e4",
}


@dataclass(frozen=True)
class Box:
    """What somebody does in a stage."""

    stage: int
    lane: str
    text: str


STAGES: Final = ("task", "train", "commit", "draw", "verify", "vote", "settle", "fuse")
BOXES: Final = (
    Box(0, "initiator", "escrows ether,\ncommits shards"),
    Box(0, "contract", "holds escrow\nand root"),
    Box(1, "contributors", "train on\nprivate data"),
    Box(2, "contributors", "seal a model,\nthen open it"),
    Box(2, "contract", "checks seal,\nclock, copies"),
    Box(3, "contract", "draws committee\nand shards"),
    Box(3, "initiator", "shows the\ndrawn shards"),
    Box(4, "verifiers", "score every\nmodel"),
    Box(5, "verifiers", "seal a ballot,\nthen open it"),
    Box(5, "contract", "counts votes\nagainst MAFR"),
    Box(6, "contract", "pays whoever\nwithdraws"),
    Box(6, "contributors", "accepted:\nreward"),
    Box(6, "verifiers", "voted: fee"),
    Box(7, "initiator", "fuses the\naccepted models"),
)
ARROWS: Final = (
    (0, "initiator", 0, "contract"),
    (1, "contributors", 2, "contributors"),
    (2, "contributors", 2, "contract"),
    (2, "contract", 3, "contract"),
    (3, "initiator", 3, "contract"),
    (3, "contract", 4, "verifiers"),
    (4, "verifiers", 5, "verifiers"),
    (5, "verifiers", 5, "contract"),
    (5, "contract", 6, "contract"),
    (6, "contract", 6, "contributors"),
    (6, "contract", 6, "verifiers"),
    (6, "contract", 7, "initiator"),
)
WIDTH, HEIGHT, STEP_X, STEP_Y = 1.42, 0.62, 1.72, 1.05


def draw(path: Path) -> Path:
    """One task from left to right, a lane for everyone who takes part."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    figure = Figure(figsize=(13.5, 4.4), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    for number, name in enumerate(LANES):
        y = -number * STEP_Y
        axes.axhspan(y - 0.46, y + 0.46, color=COLOURS[name], alpha=0.5, linewidth=0)
        axes.text(-1.95, y, name, va="center", fontsize=12, color=INK, weight="bold")
    for number, name in enumerate(STAGES):
        axes.text(number * STEP_X, 0.72, name, ha="center", fontsize=12, color=INK, family="monospace")
    for stage, lane, to_stage, to_lane in ARROWS:
        axes.add_patch(
            FancyArrowPatch(
                _edge(stage, lane, to_stage, to_lane),
                _edge(to_stage, to_lane, stage, lane),
                arrowstyle="-|>",
                mutation_scale=13,
                color="#52606d",
                linewidth=1.3,
                shrinkA=0,
                shrinkB=0,
            )
        )
    for box in BOXES:
        x, y = _centre(box.stage, box.lane)
        axes.add_patch(
            FancyBboxPatch(
                (x - WIDTH / 2, y - HEIGHT / 2),
                WIDTH,
                HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.09",
                facecolor="white",
                edgecolor="#52606d",
            )
        )
        axes.text(x, y, box.text, ha="center", va="center", fontsize=9.5, color=INK)
    axes.set_xlim(-2.1, 7 * STEP_X + 0.95)
    axes.set_ylim(-3 * STEP_Y - 0.6, 1.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path


def _centre(stage: int, lane: str) -> tuple[float, float]:
    return stage * STEP_X, -LANES.index(lane) * STEP_Y


def _edge(stage: int, lane: str, to_stage: int, to_lane: str) -> tuple[float, float]:
    """Where an arrow leaves a box on its way to another."""
    x, y = _centre(stage, lane)
    to_x, to_y = _centre(to_stage, to_lane)
    if to_lane == lane:
        return x + (WIDTH / 2 if to_x > x else -WIDTH / 2), y
    if abs(to_x - x) < 0.1:
        return x, y + (HEIGHT / 2 if to_y > y else -HEIGHT / 2)
    return x + (WIDTH / 2 if to_x > x else -WIDTH / 2), y


if __name__ == "__main__":
    print(draw(PROJECT / "docs" / "img" / "task.png"))
