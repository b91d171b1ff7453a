"""The end of the life-long demo on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from dapp.demo.lifelong.plots import NAMES
from dapp.demo.lifelong.report import Life, Report, RivalStep, Step


def summary(report: Report) -> Group:
    """All tables of `report`."""
    parts: list[RenderableType] = []
    for life in report.protocols:
        parts += [_steps(life, report), *_refusals(life), _rivals(life), _badges(life)]
    return Group(*parts, f"forgotten: {report.forgetting}", f"backward: {report.backward_transfer}")


def _steps(life: Life, report: Report) -> Table:
    where = f"{report.test_samples:,} test images of {report.dataset}"
    counted = (
        f"{life.rounds} rounds, {life.participants} participants,"
        f" {life.models_opened} models opened, {life.models_taken} of them taken"
    )
    table = _table(
        f"{life.protocol}: {counted}\nEvery step, on the {where} (old: classes known before the step)"
    )
    left = ("step", "classes", "by", "models taken")
    for heading in (*left, "all seen", "old", "forgotten", "backward"):
        table.add_column(heading, justify="left" if heading in left else "right")
    for number, step in enumerate(life.steps):
        names = {c.contributor: c.name for c in step.candidates}
        table.add_row(
            f"{number} {step.kind}" if number else step.kind,
            ",".join(step.classes) or "-",
            ", ".join(names.get(account, "initiator") for account in step.taught_by),
            _taken(step) if number else "-",
            *_cells(step),
        )
    return table


def _taken(step: Step) -> str:
    """How many of a round's models are in a head that stands."""
    counted = f"{sum(c.taken for c in step.candidates)} of {len(step.candidates)}"
    return f"{counted}, overturned" if step.overturned else counted


def _refusals(life: Life) -> list[RenderableType]:
    """Every model that is in no head, and why: nothing where all are."""
    rows = [
        (str(number), f"{c.model} of {c.name}", str(c.votes_for), c.reason or "no majority took it")
        for number, step in enumerate(life.steps)
        for c in step.candidates
        if not c.taken
    ]
    if not rows:
        return []
    table = _table(f"{life.protocol}: models that were not taken, and why (as an honest verifier found)")
    for heading in ("round", "model", "votes", "why"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    return [table]


def _rivals(life: Life) -> Table:
    table = _table(f"{life.protocol}: accuracy on all classes seen so far, and what was forgotten in the end")
    table.add_column("who")
    first = next(iter(life.baselines.values()))
    for step in first:
        table.add_column("+" + ",".join(step.classes), justify="right")
    table.add_column("forgotten", justify="right")
    standing = {len(step.classes_seen): step for step in life.steps if step.accepted}
    rows: dict[str, Sequence[Step | RivalStep]] = {"ours": list(standing.values()), **life.baselines}
    for name, steps in rows.items():
        cells = [_percent(step.accuracy_all_seen_ppm) for step in steps]
        table.add_row(NAMES[name], *cells, _percent(steps[-1].forgetting_ppm))
    return table


def _badges(life: Life) -> Table:
    table = _table(f"{life.protocol}: badges claimed")
    kinds = sorted({badge.kind for badge in life.badges})
    table.add_column("who")
    for kind in kinds:
        table.add_column(kind, justify="right")
    table.add_column("reputation", justify="right")
    for name in dict.fromkeys(badge.name for badge in life.badges):
        own = [badge for badge in life.badges if badge.name == name]
        counts = [str(sum(badge.kind == kind for badge in own)) for kind in kinds]
        table.add_row(name, *counts, str(life.reputation[name]))
    return table


def _cells(step: Step) -> list[str]:
    return [
        _percent(step.accuracy_all_seen_ppm),
        _percent(step.accuracy_old_ppm),
        _percent(step.forgetting_ppm),
        _percent(step.backward_transfer_ppm),
    ]


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", header_style="", pad_edge=False)


def _percent(ppm: int | None) -> str:
    return "-" if ppm is None else f"{ppm / 10_000:.2f} %"
