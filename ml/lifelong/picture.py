"""The bench's plot: accuracy on all classes taught so far, after each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def draw(report: dict[str, Any], path: Path) -> None:
    """One panel a split; a line a rule or rival, the mean over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(report["runs"]), figsize=(11, 4.5), sharey=True)
    for panel, (split, rules) in zip(panels, report["runs"].items(), strict=True):
        for name, rows in rules.items():
            curves = [curve(row["matrix"]) for row in rows if row["matrix"]]
            if not curves:
                continue
            style = "--" if name.startswith("avalanche ") else "-"
            steps = range(1, len(curves[0]) + 1)
            panel.plot(steps, np.mean(curves, axis=0), style, marker="o", markersize=3, label=name)
        panel.set_title(f"split MNIST {split}")
        panel.set_xlabel("tasks taught")
        panel.set_xticks(list(steps))
    panels[0].set_ylabel("per cent right of all classes taught so far")
    panels[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def curve(matrix: list[list[float]]) -> list[float]:
    """Mean accuracy over the tasks taught so far, in per cent, after each step."""
    return [100 * float(np.mean(row[: step + 1])) for step, row in enumerate(matrix)]
