"""The life-long demo's picture: accuracy on all classes seen so far, step by step, ours and the others'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dapp.colours import GRID, INK, SLATE
from dapp.demo.plots import COLOURS

NAMES: Final = {
    "ours": "ours, on the chain",
    "joint_own": "same rule, all classes at once",
    "joint": "network, all classes at once",
    "icarl": "iCaRL-style replay (stores examples)",
    "head_only": "network, last layer only",
    "naive": "network, fine-tuned",
}
_LOOKS: Final = {
    "joint_own": (COLOURS["own"], ":", "^"),
    "joint": (INK, "--", "s"),
    "icarl": (COLOURS["strategy_1"], "-", "v"),
    "head_only": (SLATE, "-", "D"),
    "naive": (COLOURS["strategy_2"], "-", "x"),
    "ours": (COLOURS["own"], "-", "o"),
}


def draw(report: Mapping[str, Any], path: Path) -> Path:
    """Draw it from a report alone; returns its path."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(report["protocols"]), sharey=True)
    for axes, life in zip(panels, report["protocols"], strict=True):
        courses = {**life["baselines"], "ours": learned(life)}
        for name, (colour, line, marker) in _LOOKS.items():
            values = [step["accuracy_all_seen_ppm"] / 10_000 for step in courses[name]]
            axes.plot(
                range(len(values)), values, line, color=colour, marker=marker, markersize=5,
                label=NAMES[name], linewidth=2.2 if name == "ours" else 1.3,
            )  # fmt: skip
        seen = [len(step["classes_seen"]) for step in learned(life)]
        taught = [
            "".join(step["classes_seen"][a:b])
            for step, a, b in zip(learned(life), [0, *seen], seen, strict=False)
        ]
        axes.set_xticks(
            range(len(seen)), [f"{n} classes\n+ {', '.join(t)}" for n, t in zip(seen, taught, strict=True)]
        )
        axes.set_xlabel("Classes seen so far", color=INK)
        axes.set_title(
            f"{life['protocol']} ({report['dataset']}, seed {report['seed']})", color=INK, loc="left"
        )
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(0, 102)
    panels[0].set_ylabel("Accuracy on their test images, %", color=INK)
    panels[0].legend(frameon=False, loc="lower left", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path


def learned(life: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The head as it stood after each number of classes: improved before it learned more."""
    by_count = {len(step["classes_seen"]): step for step in life["steps"] if step["accepted"]}
    return [by_count[count] for count in sorted(by_count)]
