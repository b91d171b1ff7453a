"""Whole tasks and runs, and what they cost each who takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dapp.gas.document import Section, Table, table
from dapp.gas.estimate import Bill
from dapp.gas.measure import Gas
from dapp.gas.money import Prices
from dapp.gas.sections.cells import BOTH, both, number
from dapp.gas.targets import NAIVE_LIFE

if TYPE_CHECKING:
    from dapp.gas.report import Report

ONCE: Final = """\
Once: what counts for many tasks (joining a pool, its roster, starting a run or a lineage). A round that
improves takes one of its models, a round that extends merges all of them, each with a class of its own;
both go on from a head of 10 tensors, the lineage's first, and end with the prizes. A run's batches have 64
epochs; each is announced by the recorder and registered by a quorum of 5 nodes."""
SHARES: Final = "~role", "people", "each", "each, announced", "each, {}", "all", "all, announced", "all, {}"


def whole(report: Report) -> Section:
    """Tasks, their roles, runs."""
    plans = {name: bill for name, (_, bill) in report.plans.items()}
    life = next(bill for plan, bill in report.plans.values() if plan.epochs).sum
    naive = (
        "The naive life of a task (a struct for each model, a slot for each vote, a push for each epoch) was"
        f" computed at {NAIVE_LIFE.today:,} today and {NAIVE_LIFE.announced:,} as announced:"
        f" {NAIVE_LIFE.today / life.today:.1f} and {NAIVE_LIFE.announced / life.announced:.1f} times ours."
    )
    rows = ((name, number(b.transactions), *both(b.sum), *both(b.once)) for name, b in plans.items())
    runs = (
        (number(epochs), number(b.transactions), *both(b.sum), f"{b.sum.today / epochs:,.1f}")
        for epochs, b in report.runs.items()
    )
    return Section(
        "Whole tasks and runs",
        (naive, " ".join(ONCE.splitlines())),
        (
            table("Everything that happens", f"~what|transactions|{BOTH}|once|once, announced", rows),
            *(each for name, bill in plans.items() for each in shares(bill, name, report.prices[-1])),
            table("A run of n epochs", f"epochs|transactions|{BOTH}|today, an epoch", runs),
        ),
    )


def shares(bill: Bill, what: str, prices: Prices) -> list[Table]:
    """What each role pays, one of them and all together: of one task, and once for many."""
    of_one = [(s.role.value, s.people, s.each, s.gas) for s in bill.shares()]
    once = [(s.role.value, s.joined, s.once_each, s.once) for s in bill.shares() if s.once.today]
    tables = [_shares(f"Who pays: {what} ({prices.terms})", of_one, bill.sum, prices)]
    if once:
        caption = f"Once, for many tasks: {what} (joining a pool, starting a run or a lineage)"
        tables.append(_shares(caption, once, bill.once, prices))
    return tables


def _shares(caption: str, rows: list[tuple[str, int, Gas, Gas]], everything: Gas, prices: Prices) -> Table:
    def priced(gas: Gas) -> tuple[str, ...]:
        return (*both(gas), prices.shown(gas.today))

    shown = [
        (role, number(people), *priced(each), *priced(together)) for role, people, each, together in rows
    ]
    shown.append(("all", "", "", "", "", *priced(everything)))
    return table(caption, [name.format(prices.currency) for name in SHARES], shown)


def lines(bill: Bill, caption: str) -> Table:
    """What is sent, by operation."""
    rows = (
        (line.operation.does, line.role.value, number(line.count), *both(line.gas), number(line.largest))
        for line in bill.lines
    )
    return table(caption, f"~operation|~paid by|times|{BOTH}|largest", rows)
