"""How the figures were got, and how they stand to their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dapp.gas import plots
from dapp.gas.document import Section, table

if TYPE_CHECKING:
    from dapp.gas.report import Report

METHOD = """\
Each scene is played on a fresh chain in this process (py-evm, Prague), which charges what a node does, to
the unit. The second figure is computed from the same transaction's trace: what schedules price
differently is counted while it runs, and priced anew. Pools and rosters stand and accounts hold ether, as
those of people who pay for gas do. "First" is the first transaction of its kind in a scene, "later" the
mean of the others; best and worst are over all scenes. Beside a batch stands how many are in its first."""


LEAST: Final = """\
Without computing: what the calldata, storage, events, payments and signatures of those very transactions
take, and so what no cleverer code could go below, as long as ballots are sealed and signed one by one and
whoever settles is paid out of what the transaction itself writes."""


def method(report: Report) -> Section:
    """How it was measured, under which schedules."""
    rows = ((s.name, s.status, s.as_of, s.sources, s.notes) for s in report.schedules.values())
    full = (
        "All sizes were played."
        if report.measured.full
        else "The largest sizes were left out: --full plays them."
    )
    return Section(
        "How it was measured",
        (" ".join(METHOD.splitlines()), full),
        (table("Gas schedules", "~schedule|~status|~as of|~from|~remarks", rows),),
    )


def targets(report: Report) -> Section:
    """Which are met."""
    found = report.targets
    rows = (
        (
            t.what,
            f"{t.bound:,}",
            f"{t.measured:,}",
            "met" if t.met else "missed",
            "" if t.least is None else f"{t.least:,}",
            t.note,
        )
        for t in found
    )
    return Section(
        "Targets",
        (f"{sum(t.met for t in found)} of {len(found)} are met.", " ".join(LEAST.splitlines())),
        (table("Targets and what was measured", "~what|target|measured|~|without computing|~how", rows),),
        (plots.targets(found),),
    )
