"""Every operation: first and later, best and worst, at every size, and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dapp.gas import plots
from dapp.gas.document import Section, Table, table
from dapp.gas.measure import Measured, Point, many, total
from dapp.gas.operations import OPERATIONS, Operation
from dapp.gas.sections.cells import BOTH, KINDS, both, number

HEADER: Final = "~operation|~function|~sent by|first|announced|later|announced|best|worst|~worst in"
SIZES: Final = {"size_bytes": "bytes of the model", "tasks": "tasks opened"}
BATCHES: Final = {
    "commitSealMany": ("models", "model"),
    "commitOpenMany": ("models", "model"),
    "voteSealMany": ("verifiers", "ballot"),
    "voteOpenMany": ("verifiers", "ballot"),
}
"""The size that a batch has, and what is in it."""
COLUMNS: Final = {
    "bytes": "data_bytes",
    "new slots": "slots_new",
    "updated": "slots_updated",
    "cleared": "slots_cleared",
    "cold reads": "slots_read_cold",
    "cold accounts": "accounts_cold",
    "payments": "value_calls",
    "creations": "creates",
    "bytes of code": "code_bytes",
    "logs": "logs",
    "bytes of logs": "log_bytes",
}


def operations(measured: Measured) -> Section:
    """One row an operation."""
    rows = [_row(o, [p for p in measured.points if p.operation == o]) for o in OPERATIONS]
    return Section(
        "Operations", (), (table("Gas of a transaction", HEADER, rows),), (plots.operations(measured),)
    )


def _row(operation: Operation, points: Sequence[Point]) -> tuple[str, ...]:
    repeated = next((point for point in points if point.later is not None), points[0])
    worst = max(points, key=lambda point: point.most.today)
    return (
        _named(repeated),
        f"{operation.contract}.{operation.function}",
        operation.role.value,
        *both(repeated.first),
        *both(repeated.later),
        number(min(point.least.today for point in points)),
        number(worst.most.today),
        worst.scene,
    )


def _named(point: Point) -> str:
    """The operation; of one that takes many at once, with how many."""
    operation = point.operation
    if operation.function in BATCHES:
        size, what = BATCHES[operation.function]
        return f"{operation.does} (first: {many(point.sizes[size] // point.count, what)})"
    if operation.batches:
        return f"{operation.does} (first: {many(point.work.value_calls, 'payment')})"
    return operation.does


def sizes(measured: Measured) -> Section:
    """Every operation at every size."""
    series = dict.fromkeys((p.kind, p.series) for p in measured.points if p.series)
    return Section(
        "By size",
        ("Mean of the transactions of each kind; a batch is one transaction for all in it.",),
        tuple(
            _sizes(kind, size, [p for p in measured.points if (p.kind, p.series) == (kind, size)])
            for kind, size in series
        ),
    )


def _sizes(kind: str, size: str, points: Sequence[Point]) -> Table:
    found = sorted({point.sizes[size] for point in points})
    rows = []
    for operation in dict.fromkeys(point.operation for point in points):
        cells = {
            p.sizes[size]: f"{p.mean.today:,} / {p.mean.announced:,}"
            for p in points
            if p.operation == operation
        }
        rows.append((operation.does, *(cells.get(count, "") for count in found)))
    header = "|".join(["~operation", *map(number, found)])
    caption = f"{KINDS.get(kind, kind)}, by {SIZES.get(size, size)}: today / as announced"
    return table(caption, header, rows)


def deployments(measured: Measured) -> Section:
    """Sizes and gas of the contracts."""
    found = measured.deployments
    rows = [(d.name, number(d.code_bytes), *both(d.gas)) for d in found]
    rows.append(("all", number(sum(d.code_bytes for d in found)), *both(total([d.gas for d in found]))))
    return Section(
        "Deployment",
        ("A contract's code may have 24,576 bytes (EIP-170).",),
        (table("Deploying", f"~contract|bytes of code|{BOTH}", rows),),
    )


def work(measured: Measured) -> Section:
    """What the figures are made of."""
    dearest: dict[Operation, Point] = {}
    for point in sorted(measured.points, key=lambda point: point.most.today):
        dearest[point.operation] = point
    rows = [
        (operation.does, *(number(getattr(dearest[operation].work, name)) for name in COLUMNS.values()))
        for operation in OPERATIONS
    ]
    return Section(
        "What a transaction does",
        ("The dearest transaction of each operation, as the trace counts it; both schedules price these.",),
        (table("Work", "|".join(["~operation", *COLUMNS]), rows),),
    )
