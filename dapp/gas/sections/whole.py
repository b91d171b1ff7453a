"""Whole tasks and runs, and what they cost each who takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dapp.gas.document import Section, Table, table
from dapp.gas.estimate import Bill
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
SHARES: Final = "~role|people|each|each, announced|all|all, announced|once|once, announced"


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
            *(shares(bill, f"Who pays: {name}", report.prices[-1]) for name, bill in plans.items()),
            table("A run of n epochs", f"epochs|transactions|{BOTH}|today, an epoch", runs),
        ),
    )


def shares(bill: Bill, caption: str, prices: Prices) -> Table:
    """What each role pays, one of them and all together."""
    rows = [
        (
            s.role.value,
            number(s.people),
            *both(s.each),
            *both(s.gas),
            *both(s.once),
            prices.shown(s.each.today),
        )
        for s in bill.shares()
    ]
    rows.append(("all", "", "", "", *both(bill.sum), *both(bill.once), prices.shown(bill.sum.today)))
    return table(caption, f"{SHARES}|each, {prices.currency}", rows)


def lines(bill: Bill, caption: str) -> Table:
    """What is sent, by operation."""
    rows = (
        (line.operation.does, line.role.value, number(line.count), *both(line.gas), number(line.largest))
        for line in bill.lines
    )
    return table(caption, f"~operation|~paid by|times|{BOTH}|largest", rows)
