"""The rollback demo's pictures: the story of the run, and the recovery rate (Bae & Shin, Fig. 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dapp.colours import GRID, INK
from dapp.ledger.picture import BACK, LEFT, LINE


def draw(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw both from a report alone; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [story(report, folder / "story.png"), recovery(report, folder / "recovery_rate.png")]


def story(report: Mapping[str, Any], path: Path) -> Path:
    """Accuracy and loss of every epoch, with and without the rollback."""
    figure, upper, lower = _figure(2)
    epochs = [row for row in report["epochs"] if row["kind"] == "epoch"]
    for axes, field, unit in ((upper, "accuracy_ppm", 1e4), (lower, "loss_micro", 1e6)):
        for on_line, colour, name in ((False, LEFT, "left behind"), (True, LINE, "leads to the final model")):
            rows = [row for row in epochs if row["on_line"] is on_line]
            steps, values = [row["step"] for row in rows], [row[field] / unit for row in rows]
            axes.plot(steps, values, "o-", color=colour, markersize=3, linewidth=1.4, label=name)
        axes.axvline(report["explodes_at"], color=BACK, linewidth=1, linestyle=":")
    course = report["without_rollback_ppm"]
    upper.plot(
        range(report["explodes_at"], len(course) + 1),
        [ppm / 10_000 for ppm in course[report["explodes_at"] - 1 :]],
        "--",
        color=LEFT,
        linewidth=1.2,
        label="had nobody gone back",
    )
    target = next(row for row in report["epochs"] if row["height"] == report["target_height"])
    upper.annotate(
        f"{report['reason']} noticed at epoch {report['detected_at']}, back to epoch {report['target']}",
        (target["step"], target["accuracy_ppm"] / 10_000),
        (0.55, 0.45),
        textcoords="axes fraction",
        color=INK,
        arrowprops={"arrowstyle": "->", "color": BACK, "linewidth": 1.6},
    )
    upper.set_ylabel("Held-out accuracy, %", color=INK)
    lower.set_ylabel("Loss", color=INK)
    lower.set_yscale("log")
    lower.set_xlabel("Epoch", color=INK)
    with_it, without = report["final_ppm"] / 10_000, report["final_ppm_without_rollback"] / 10_000
    upper.set_title(
        f"Test accuracy {with_it:.1f} % with the rollback, {without:.1f} % without", color=INK, loc="left"
    )
    upper.legend(frameon=False, loc="lower left")
    figure.savefig(path)
    return path


def recovery(report: Mapping[str, Any], path: Path) -> Path:
    """Share of epochs that can be restored, by number of epochs."""
    figure, axes = _figure(1)
    for key, colour, name in (("ours", LINE, "ledger"), ("keep_last_5", BACK, "keep the last 5")):
        points = {int(n): rate * 100 for n, rate in report["recovery_rate"][key].items()}
        axes.plot(list(points), list(points.values()), "o-", color=colour, markersize=3, label=name)
    axes.set_xlabel("Epochs trained", color=INK)
    axes.set_ylabel("Epochs that can be restored, %", color=INK)
    axes.set_ylim(0, 105)
    axes.legend(frameon=False)
    axes.set_title("Recovery rate, measured by restoring each epoch", color=INK, loc="left")
    figure.savefig(path)
    return path


def _figure(rows: int) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2 * rows), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for axes in panels:
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    return (figure, *panels)
