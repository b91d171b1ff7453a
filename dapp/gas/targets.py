"""What operations were meant to cost, and what they do: each target with the measured figure beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dapp.gas.estimate import Bill, Plan, estimate
from dapp.gas.growth import Fit
from dapp.gas.measure import Gas, Measured, Point
from dapp.gas.plays import Fees
from dapp.gas.reprice import SIGNATURE, without_computing

MOST: Final = 8_000_000  # gas of one transaction
LIFE: Final = Plan(
    verifiers=10,
    models=5,
    epochs=100,
    batched=True,
    fees=Fees.SETTLED,
    published=True,
    register_every=100,
    announce=False,
)
ROUND: Final = Plan(batched=True, fees=Fees.SETTLED, published=True)
VOTES: Final = {
    "everyone alone": ("voteSeal", "voteOpenAndWithdraw"),
    "batched": ("voteSealMany", "voteOpenMany"),
}
# a struct for each model, a slot for each vote, a push for each epoch: computed, not measured
NAIVE_LIFE: Final = Gas(14_460_000, 48_000_000)


@dataclass(frozen=True)
class Target:
    """A bound, and what was measured against it."""

    what: str
    bound: int
    measured: int
    note: str = ""
    least: int | None = None  # of it without computing, where that was told apart

    @property
    def met(self) -> bool:
        return self.measured <= self.bound


def targets(measured: Measured, fits: Sequence[Fit], life: Bill | None = None) -> tuple[Target, ...]:
    """All of them."""
    life = estimate(LIFE) if life is None else life
    together = estimate(ROUND).sum.today
    settlement = most(measured, "settle", "batched")
    alone = most(measured, "settle", "everyone alone")
    return (
        Target("life of a task: 5 models, 10 verifiers, 100 epochs", 1_000_000, life.sum.today,
               "batched, all paid by the settler; pool, roster and nodes stand"),
        Target("the same, as announced", 1_250_000, life.sum.announced),
        Target("3×3 fuse round, batched", 650_000, together, "all paid"),
        *(
            Target(f"a batched vote at {verifiers} verifiers", bound, votes(measured, verifiers),
                   "sealed and opened", least_of_votes(measured, verifiers))
            for verifiers, bound in ((10, 12_000), (32, 5_500), (100, 5_500))
        ),
        *(
            Target(what, 35_000, point.most.today, point.scene, without_computing(point.work))
            for what, point in (("settlement without a payee but the initiator", alone),
                                ("settlement that pays everyone", settlement))
        ),
        Target("a verifier's cost of a further model", 5_000, further_model(fits), "ballot alone"),
        Target("largest transaction measured", MOST, largest(measured).most.today,
               f"{largest(measured).operation.does}; {largest(measured).scene}"),
    )  # fmt: skip


def votes(measured: Measured, verifiers: int, kind: str = "batched") -> int:
    """Gas of a ballot of so many, sealed and opened, rounded up; one alone takes its fee too."""
    return -(-sum(point.sum.today for point in _votes(measured, verifiers, kind)) // verifiers)


def least_of_votes(measured: Measured, verifiers: int) -> int:
    """Of a batched ballot, sealed and opened, what is no computing; rounded up."""
    found = _votes(measured, verifiers, "batched")
    assert all(point.count == 1 for point in found), "one batch holds them all"
    least = sum(without_computing(point.work) for point in found) + SIGNATURE * verifiers
    return -(-least // verifiers)


def _votes(measured: Measured, verifiers: int, kind: str) -> list[Point]:
    return [
        point
        for point in measured.points
        if point.kind == kind
        and point.series == "verifiers"
        and point.sizes["verifiers"] == verifiers
        and point.operation.function in VOTES[kind]
    ]


def most(measured: Measured, function: str, kind: str) -> Point:
    """The points of a function at its dearest."""
    found = [p for p in measured.points if p.operation.function == function and p.kind == kind]
    return max(found, key=lambda point: point.most.today)


def further_model(fits: Sequence[Fit]) -> int:
    """Slope over models of what a verifier sends, alone."""
    found = [
        fit.today.slope
        for fit in fits
        if fit.size == "models" and fit.kind == "everyone alone" and fit.operation.function in VOTES[fit.kind]
    ]
    return round(sum(found))


def largest(measured: Measured) -> Point:
    """The dearest transaction of all."""
    return max(measured.points, key=lambda point: point.most.today)
