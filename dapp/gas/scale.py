"""What the largest sizes cost: measured where they were played, else read off the fitted lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dapp.gas.growth import Fit
from dapp.gas.measure import Gas, Measured, Point
from dapp.gas.plays import BATCH
from dapp.gas.targets import MOST

MILLION: Final = 2**20
TOGETHER: Final = 1_024  # checkpoints of a batch
TASKS: Final = 10_000
VERIFIERS: Final = 2 * BATCH


@dataclass(frozen=True)
class Large:
    """One operation at its largest."""

    what: str
    gas: Gas  # of one transaction
    transactions: int
    units: int  # what the cost is divided by
    played: bool  # measured; else from the fitted line

    @property
    def each(self) -> float:
        """Gas for each unit."""
        return self.gas.today * self.transactions / self.units

    @property
    def keeps(self) -> bool:
        """Whether no transaction is above the bound."""
        return self.gas.today <= MOST


def scale(measured: Measured, fits: Sequence[Fit]) -> tuple[Large, ...]:
    """1,000,000 checkpoints, 10,000 tasks, 1,000 verifiers in one task."""
    found = [
        Large(f"{does} {MILLION:,} checkpoints, {TOGETHER:,} at once", _later(measured, function),
              MILLION // TOGETHER, MILLION, True)
        for does, function in (("announce", "record"), ("register", "attest"))
    ]  # fmt: skip
    for what, function, kind, size, at, times, units in (
        (f"roll back past {MILLION:,} checkpoints", "rollback", "far back", "epochs", MILLION, 1, 1),
        (f"open each of {TASKS:,} tasks", "taskOpen", "tasks", "tasks", TASKS, TASKS, TASKS),
        (f"join a pool of {VERIFIERS:,}", "join", "pool", "members", VERIFIERS, VERIFIERS, VERIFIERS),
        (f"publish a roster of {VERIFIERS:,}", "publish", "pool", "members", VERIFIERS, 1, VERIFIERS),
        *((f"{does}, {BATCH} at once", function, "batched", "verifiers", BATCH, 2, VERIFIERS)
          for does, function in ((f"seal {VERIFIERS:,} ballots", "voteSealMany"),
                                 (f"open {VERIFIERS:,} ballots", "voteOpenMany"),
                                 (f"pay {VERIFIERS:,} verifiers", "settle"))),
    ):  # fmt: skip
        fit = next(f for f in fits if (f.operation.function, f.kind, f.size) == (function, kind, size))
        measured_there = dict(fit.points).get(at)
        line = Gas(round(fit.today.at(at)), round(fit.announced.at(at)))
        found.append(Large(what, measured_there or line, times, units, measured_there is not None))
    return tuple(found)


def _later(measured: Measured, function: str) -> Gas:
    """Gas of a later transaction of a run."""
    points: list[Point] = [
        point for point in measured.points if point.operation.function == function and point.kind == "run"
    ]
    return next(p.later for p in points if p.later is not None and p.sizes["nodes"] == 5)
