"""What the whole tasks of a report are, as the command lines that estimate them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from dapp.gas.document import Section, table
from dapp.gas.estimate import USUAL, Plan
from dapp.gas.measure import many
from dapp.gas.plays import Fees
from dapp.gas.sections.cells import BOTH, both

if TYPE_CHECKING:
    from dapp.gas.report import Report

HOW: Final = """\
Everyone alone: each model and ballot is a transaction of its own, and a fee comes with the opening of its
ballot. Batched: others' signatures are sent together, and whoever settles pays everyone. The pool's roster
stands; 3 of 10 shards are drawn. A plain estimate differs: whoever settles pays everyone, the draw publishes
the roster, 10 of 20 shards are drawn. Sums are without what counts once."""
OPTIONS: Final = {"published": "roster"}  # where an option has another name than its part of the plan


def commands(report: Report) -> Section:
    """A row for each whole task and run."""
    plans = {
        **report.plans,
        **{
            f"a run of {many(epochs, 'epoch')}": (run_of(epochs), bill)
            for epochs, bill in report.runs.items()
        },
    }
    rows = ((name, *both(bill.sum), command(plan)) for name, (plan, bill) in plans.items())
    return Section(
        "Whole tasks from the command line",
        (" ".join(HOW.splitlines()),),
        (table("What estimates each sum", f"~what|{BOTH}|$command", rows),),
    )


def run_of(epochs: int) -> Plan:
    """A run and no task."""
    return Plan(models=0, epochs=epochs)


def command(plan: Plan) -> str:
    """What estimates a plan: options where it differs from a plain one."""
    words = ["quorate gas estimate"]
    for part in fields(plan):
        value, name = getattr(plan, part.name), OPTIONS.get(part.name, part.name).replace("_", "-")
        if value == getattr(USUAL, part.name):
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, Fees):
            words.append(f"--{name} {value.name.lower().replace('_', '-')}")
        else:
            words.append(f"--{name} {value}")
    return " ".join(words)
