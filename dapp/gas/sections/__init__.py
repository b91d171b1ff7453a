"""What the gas report says, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dapp.gas.document import Section
from dapp.gas.sections import about, commands, growth, money, operations, others, whole

if TYPE_CHECKING:
    from dapp.gas.report import Report


def all_of(report: Report) -> list[Section]:
    """Every section, in order."""
    measured = report.measured
    return [
        about.method(report),
        about.targets(report),
        operations.operations(measured),
        operations.sizes(measured),
        operations.deployments(measured),
        commands.commands(report),
        whole.whole(report),
        others.paper(report),
        money.money(report),
        others.peers(report),
        growth.growth(report),
        growth.scale(report),
        operations.work(measured),
    ]
