"""Gas: what this chain's transactions did cost, by operation and by role, from their receipts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from dapp.chain.events import Event
from dapp.gas.audit import Audit, Spent, Sum
from dapp.index.index import history
from dapp.index.tables import LogEntry
from dapp.web.context import Site, SiteOf
from dapp.web.errors import PageMissing
from dapp.web.pages.runs import RunId, named
from dapp.web.pages.task import TaskId
from dapp.web.render import page

router = APIRouter(tags=["gas"])


@dataclass(frozen=True)
class SumShown:
    """What several transactions come to. announced: gas by the announced schedule, where traces tell."""

    name: str
    transactions: int
    senders: int
    gas: int
    each: int
    least: int
    most: int
    announced: int | None
    fee_wei: str


@dataclass(frozen=True)
class GasPage:
    """What was spent. of: all, or of which task or run."""

    of: str
    subject: str | None
    name: str | None
    back: str | None
    operations: list[SumShown]
    roles: list[SumShown]
    all: SumShown | None
    transactions: int
    asked: int
    base_fee_wei: str


@page(router, "/gas", "gas.html", summary="What this chain's transactions cost")
def gas(site: SiteOf, last: Annotated[int, Query(ge=1, le=1000)] = 200) -> GasPage:
    """The last so many transactions that left an event, from their receipts."""
    query = select(LogEntry.tx, LogEntry.block, LogEntry.position)
    query = query.order_by(LogEntry.block.desc(), LogEntry.position.desc()).limit(20 * last)
    txs = list(dict.fromkeys(row.tx for row in site.index.execute(query)))[:last]
    return _page(site, "all", None, None, None, txs[::-1], last)


@page(router, "/gas/tasks/{task}", "gas.html", summary="What a task did cost")
def gas_of_task(site: SiteOf, task: TaskId) -> GasPage:
    """Every transaction of a task and of the round that it may be."""
    found = history(site.index, "Quorate", task)
    if not found:
        raise PageMissing(f"there is no task {task} on this board")
    said = [*found, *history(site.index, "Lineage", task), *history(site.index, "Lineage", topic2=task)]
    return _page(site, "task", task, None, f"/tasks/{task}", _txs(said))


@page(router, "/gas/runs/{run}", "gas.html", summary="What a run did cost")
def gas_of_run(site: SiteOf, run: RunId) -> GasPage:
    """Every transaction of a run."""
    name = named(site, run)
    return _page(site, "run", run, name, f"/runs/{run}", _txs(history(site.index, "ModelLedger", run)))


def _txs(said: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.at.tx for event in sorted(said, key=lambda e: (e.at.block, e.at.index))))


def _page(
    site: Site,
    of: str,
    subject: str | None,
    name: str | None,
    back: str | None,
    txs: list[str],
    asked: int = 0,
) -> GasPage:
    spent = tuple(site.backend.receipts.spent(site.chain, tx) for tx in txs)
    audit = Audit(spent)
    return GasPage(
        of=of,
        subject=subject,
        name=name,
        back=back,
        operations=[_sum(each, spent, lambda one: one.operation.does) for each in audit.by_operation()],
        roles=[_sum(each, spent, lambda one: one.role.value) for each in audit.by_role()],
        all=_sum(audit.sum, spent, lambda one: audit.sum.name) if spent else None,
        transactions=len(spent),
        asked=asked or len(spent),
        base_fee_wei=str(site.chain.rpc.block().base_fee_wei),
    )


def _sum(total: Sum, spent: tuple[Spent, ...], name_of: object) -> SumShown:
    assert callable(name_of)
    own = [one.gas for one in spent if name_of(one) == total.name]
    return SumShown(
        name=total.name,
        transactions=total.transactions,
        senders=total.senders,
        gas=total.gas,
        each=round(total.gas / total.transactions),
        least=min(own),
        most=max(own),
        announced=total.announced,
        fee_wei=str(total.fee_wei),
    )
