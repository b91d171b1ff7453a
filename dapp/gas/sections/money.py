"""Gas as money, calldata's floor, and a rollup."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dapp.gas.document import Section, Table, table
from dapp.gas.measure import USUAL_SIZES, Point
from dapp.gas.money import FORMULA, Calldata, Prices, amount
from dapp.gas.schedules import announced, today
from dapp.gas.sections.cells import number

if TYPE_CHECKING:
    from dapp.gas.report import Report

L2_GAS_PRICE_GWEI: Final = Decimal("0.01")
SHOWN: Final = (
    "taskOpen", "commitSeal", "commitOpen", "draw", "drawReveal", "voteSeal", "voteOpenAndWithdraw",
    "voteSealMany", "voteOpenMany", "settle", "withdraw", "record", "attest", "attestHeader", "rollback",
)  # fmt: skip


def money(report: Report) -> Section:
    """A table for each set of prices, and one of calldata."""
    usual = [point for point in report.measured.points if point.is_usual]
    points = {point.operation.function: point for point in reversed(usual)}
    shown = [points[function] for function in SHOWN]
    return Section(
        "Money",
        (
            f"Prices are given, nothing is fetched. {FORMULA}.",
            f"A gas on the rollup is taken at {L2_GAS_PRICE_GWEI} gwei.",
            f"Each operation as it comes first, in tasks and runs of these sizes: {USUAL_SIZES}.",
        ),
        (*(_prices(shown, prices) for prices in report.prices), _calldata(shown)),
    )


def _prices(points: list[Point], prices: Prices) -> Table:
    caption = f"{prices.name} ({prices.as_of}): {prices.terms}"
    if prices.source:
        caption += f"; {prices.source}"
    rows = []
    for point in points:
        on_rollup = prices.rollup(point.most.today, point.work.data_bytes, L2_GAS_PRICE_GWEI)
        figures = (prices.shown(point.most.today), prices.shown(point.most.announced))
        rows.append((point.operation.does, *figures, amount(on_rollup, prices.currency)))
    return table(caption, "~operation|today|as announced|on a rollup", rows)


def _calldata(points: list[Point]) -> Table:
    rows = []
    for point in points:
        now = Calldata.of(point.work, point.most.today, today())
        then = Calldata.of(point.work, point.most.announced, announced())
        decides = {(False, False): "never", (False, True): "as announced"}.get(
            (now.decides, then.decides), "today"
        )
        figures = (now.data_bytes, now.standard, now.floor, then.floor)
        rows.append((point.operation.does, *map(number, figures), decides))
    caption = "Calldata, and the least that a transaction pays for it (EIP-7623; EIP-7976)"
    return table(caption, "~operation|bytes|of its gas|floor today|floor announced|~the floor decides", rows)
