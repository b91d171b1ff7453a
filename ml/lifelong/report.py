"""The bench's report for people, and what it should reach."""

from __future__ import annotations

from typing import Any, Final

EXACT: Final = ("subspace", "analytic")  # rules whose classes do not depend on order


def targets(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What was set out, the measured figure, and whether it was reached."""
    found: list[dict[str, Any]] = []

    def ask(what: str, figure: float, limit: float, at_least: bool) -> None:
        reached = figure >= limit if at_least else figure <= limit
        found.append({"what": what, "figure": figure, "limit": limit, "reached": reached})

    for split, rules in report["summary"].items():
        ours = {name: row for name, row in rules.items() if not name.startswith("avalanche ")}
        for name in EXACT:
            if name in ours:
                row = ours[name]
                ask(f"{split} {name}: per cent on all ten", row["accuracy"]["mean"], 98.5, True)
                ask(f"{split} {name}: points below joint", row["below_joint"]["mean"], 0.1, False)
                ask(f"{split} {name}: excess forgetting", row["excess_forgetting"]["mean"], 0.05, False)
        if "dual_memory" in ours:
            ask(
                f"{split} dual_memory: per cent on all ten",
                ours["dual_memory"]["accuracy"]["mean"],
                97.0,
                True,
            )
        changed = sum(row["old_weights_changed"]["mean"] for row in ours.values())
        ask(f"{split}: old weights changed", changed, 0, False)
    if few := report["few_labels"].get("subspace"):
        ask("4,500 labels, subspace: per cent on all ten", few["accuracy"]["mean"], 98.5, True)
    return found


def table(report: dict[str, Any]) -> str:
    """Mean and standard deviation over seeds, in per cent and points."""
    lines: list[str] = []
    for split, rules in report["summary"].items():
        lines += [
            "",
            f"split MNIST {split}, class-incremental: mean and sd over seeds, an order of classes each",
        ]
        lines.append(
            f"{'':22}{'all ten':>14}{'ACC':>8}{'AIA':>8}{'forgetting':>12}{'(max)':>8}{'BWT':>8}"
            f"{'below joint':>13}{'excess':>9}{'changed':>9}{'CPU s':>7}{'seeds':>7}"
        )
        lines += [_row(name, row) for name, row in rules.items()]
    lines += ["", "4,500 labels of a task, 5x2"]
    lines += [_row(name, row) for name, row in report["few_labels"].items()]
    lines += [
        "",
        "20 rounds of choosing the lowest loss (likelihood in ppm): claimed, gained in truth, last gap",
    ]
    for name, row in report["selection"].items():
        cells = "".join(f"{row[key]['mean']:10.0f}" for key in ("claimed_ppm", "gained_ppm", "gap_ppm"))
        lines.append(f"{name:28}taken {row['taken']['mean']:4.1f}{cells}")
    lines.append("")
    for target in report["targets"]:
        word = "reached" if target["reached"] else "MISSED "
        lines.append(f"{word}  {target['what']}: {target['figure']:.3f} (target {target['limit']})")
    return "\n".join(lines)


def _row(name: str, row: dict[str, Any]) -> str:
    accuracy = row["accuracy"]
    line = f"{name:22}{accuracy['mean']:8.2f} ±{accuracy['sd']:5.2f}"
    wide = (
        ("mean_task", 8),
        ("incremental", 8),
        ("forgetting_first", 12),
        ("forgetting_max", 8),
        ("backward", 8),
        ("below_joint", 13),
        ("excess_forgetting", 9),
    )
    for key, width in wide:
        line += f"{row[key]['mean']:{width}.2f}" if key in row else " " * (width - 1) + "–"
    changed = f"{row['old_weights_changed']['mean']:.0f}" if "old_weights_changed" in row else "–"
    return line + f"{changed:>9}{row['seconds']['mean']:7.0f}{row['seeds']:7}"
