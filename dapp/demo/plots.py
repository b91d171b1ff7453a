"""The demo's figures as PNG: the counterparts of Figs. 6 to 9 of Mendis et al., and gas and baselines.

Every figure is drawn from a report alone, so a kept report.json can be drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dapp.colours import BLUE, GREEN, INK, RED, SLATE
from dapp.figures import new, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: Final = {"strategy_1": BLUE, "strategy_2": RED, "own": GREEN}
NAMES: Final = {"strategy_1": "Strategy I", "strategy_2": "Strategy II", "own": "own rule"}
MARKERS: Final = {"strategy_1": "o", "strategy_2": "s", "own": "^"}


def draw(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw all figures of `report` into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    first, second = (6, 7) if report["scenario"] == 1 else (8, 9)
    return [
        contributors(report, folder / f"fig{first}_contributors.png"),
        fusion(report, "verification_ppm", folder / f"fig{second}_fusion_verification.png"),
        fusion(report, "test_ppm", folder / "fusion_test.png"),
        baselines(report, folder / "baselines.png"),
        gas(report, folder / "gas.png"),
    ]


def contributors(report: Mapping[str, Any], path: Path) -> Path:
    """Each contributor's accuracy on its own verification data (Fig. 6 or 8)."""
    rows = report["models"]
    figure, axes = new(len(rows))
    names = [f"{row['number']}\n{{{','.join(map(str, row['labels']))}}}" for row in rows]
    values = [row["own_verification_ppm"] / 10_000 for row in rows]
    axes.plot(names, values, "o", color=COLOURS["strategy_1"], markersize=9)
    for at, value in enumerate(values):
        axes.annotate(f"{value:.1f}", (at, value), (0, 8), textcoords="offset points", ha="center", color=INK)
    axes.margins(x=0.1)
    _span(axes, values)
    axes.set_xlabel("Contributor and its labels")
    axes.set_ylabel("Accuracy, %")
    return save(
        figure,
        axes,
        f"Each model on its contributor's own data ({_where(report)})",
        path,
    )


def fusion(report: Mapping[str, Any], measure: str, path: Path) -> Path:
    """Accuracy of the fused model by number of models, all rules (Fig. 7 or 9)."""
    figure, axes = new(6)
    values: list[float] = []
    for rule, points in report["fusion"].items():
        y = [point[measure] / 10_000 for point in points]
        values += y
        axes.plot(
            [point["models"] for point in points],
            y,
            label=_rule_name(report, rule),
            color=COLOURS[rule],
            marker=MARKERS[rule],
            linewidth=1.8,
        )
    if measure == "test_ppm" and "verifier_only" in report["baselines"]:
        alone = report["baselines"]["verifier_only"] / 10_000
        values.append(alone)
        axes.axhline(alone, color=INK, linestyle="--", linewidth=1, label="verifier alone")
    most = max((point["models"] for points in report["fusion"].values() for point in points), default=1)
    axes.set_xticks(range(1, most + 1))
    _span(axes, values)
    axes.set_xlabel("Models fused, in order of opening")
    axes.set_ylabel("Accuracy, %")
    axes.legend(frameon=False, loc="lower right")
    what = "drawn verification shards" if measure == "verification_ppm" else "test images"
    return save(figure, axes, f"Fused model on the {what} ({_where(report)})", path)


def baselines(report: Mapping[str, Any], path: Path) -> Path:
    """The fused models beside what the participants could do without each other."""
    bars = {name.replace("_", " "): ppm for name, ppm in report["baselines"].items()}
    fused = {_rule_name(report, rule): p[-1]["test_ppm"] for rule, p in report["fusion"].items() if p}
    colours = [SLATE] * len(bars) + [COLOURS[rule] for rule, p in report["fusion"].items() if p]
    values = [ppm / 10_000 for ppm in [*bars.values(), *fused.values()]]
    figure, axes = new(len(values))
    for name, value, colour in zip([*bars, *fused], values, colours, strict=True):
        axes.plot(value, name, "o", color=colour, markersize=9)
        axes.annotate(f"{value:.2f}", (value, name), (9, -4), textcoords="offset points", color=INK)
    axes.invert_yaxis()
    low, high = _limits(values)
    axes.set_xlim(low, high + (high - low) * 0.08)
    axes.set_xlabel("Accuracy on the test images, %")
    return save(figure, axes, f"Together and alone ({_where(report)})", path, grid="x")


def gas(report: Mapping[str, Any], path: Path) -> Path:
    """Gas of each operation."""
    rows = sorted(report["gas"].items(), key=lambda row: -int(row[1]))
    figure, axes = new(len(rows))
    drawn = axes.barh([name for name, _ in rows], [int(g) / 1000 for _, g in rows], color=SLATE, height=0.6)
    axes.bar_label(drawn, fmt="%.1f", padding=3, color=INK)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("Gas, thousands (dearest transaction of its kind)")
    return save(figure, axes, f"Gas per operation; the whole round: {report['round_gas']:,}", path, grid="x")


def _rule_name(report: Mapping[str, Any], rule: str) -> str:
    return f"{NAMES[rule]}: {report['own_rule']}" if rule == "own" else NAMES[rule]


def _where(report: Mapping[str, Any]) -> str:
    return f"Scenario {'I' if report['scenario'] == 1 else 'II'}, {report['dataset']}, seed {report['seed']}"


def _limits(values_percent: Sequence[float]) -> tuple[float, float]:
    """Axis limits that show differences: from a little below the lowest value to at most 100."""
    low, high = min(values_percent, default=0.0), max(values_percent, default=100.0)
    room = max(0.5, (high - low) * 0.25)
    return max(0.0, low - room), min(100.0, high + room)


def _span(axes: Axes, values_percent: Sequence[float]) -> None:
    low, high = _limits(values_percent)
    axes.set_ylim(low, high + (high - low) * 0.06)
