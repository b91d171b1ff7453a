"""What lists ask of the index: filtered, searched, a page at a time by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from dapp.chain.words import Phase
from dapp.index.tables import Cancellation, Draw, Spec, Submission, Task

PAGE: Final = 50
MAX_PAGE: Final = 200
MAX_SEARCH: Final = 100


@dataclass(frozen=True)
class TaskRow:
    """A task in a list."""

    task: str
    number: int
    name: str | None  # None: its specification is not known
    kind: str | None
    dataset: str | None
    initiator: str
    phase: Phase
    ends_at_s: int | None  # of its phase; None: it is over
    models: int
    cap: int
    committee: int
    mafr_ppm: int
    reward_wei: int
    opened_at_s: int


@dataclass(frozen=True)
class TaskPage:
    """Some tasks; `next` and `before` are keys to the pages beside it."""

    rows: tuple[TaskRow, ...]
    next: str | None
    total: int  # that fit the filter
    known: int  # on the board


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks, in what order."""

    phases: frozenset[Phase] = frozenset()  # empty: any
    search: str = ""  # in names; or how an id or an initiator's account begins
    sort: str = "newest"


SORTS: Final = ("newest", "oldest", "reward", "ending")


def phase_column(now_s: int) -> ColumnElement[int]:
    """The phase of a task at a time, as dapp.chain.words.phase_at works it out of the chain's words."""
    opened = exists().where(Submission.task == Task.task, Submission.state == "opened")
    return case(
        (Cancellation.task.is_not(None), int(Phase.CANCELLED)),
        (now_s < Draw.vote_ends_at_s, int(Phase.VOTE)),
        (now_s < Draw.ballot_ends_at_s, int(Phase.BALLOT)),
        (Draw.task.is_not(None), int(Phase.SETTLED)),
        (now_s < Task.opens_at_s, int(Phase.NOTICE)),
        (now_s < Task.submit_ends_at_s, int(Phase.SUBMIT)),
        (now_s < Task.open_ends_at_s, int(Phase.OPEN)),
        (~opened, int(Phase.EMPTY)),
        (now_s < Task.draw_ends_at_s, int(Phase.DRAW)),
        else_=int(Phase.LAPSED),
    )


def ends_column(phase: ColumnElement[int]) -> ColumnElement[int | None]:
    """When that phase ends; null once the task is over."""
    return case(
        (phase == int(Phase.NOTICE), Task.opens_at_s),
        (phase == int(Phase.SUBMIT), Task.submit_ends_at_s),
        (phase == int(Phase.OPEN), Task.open_ends_at_s),
        (phase == int(Phase.DRAW), Task.draw_ends_at_s),
        (phase == int(Phase.VOTE), Draw.vote_ends_at_s),
        (phase == int(Phase.BALLOT), Draw.ballot_ends_at_s),
        else_=None,
    )


def tasks(
    session: Session, wanted: TaskFilter, now_s: int, after: str | None = None, limit: int = PAGE
) -> TaskPage:
    """A page of tasks. after: `next` of the page before. Raises ValueError for one that is none."""
    phase = phase_column(now_s)
    ends = ends_column(phase)
    models = (
        select(func.count())
        .where(Submission.task == Task.task, Submission.state == "opened")
        .correlate(Task)
        .scalar_subquery()
    )
    columns = (
        Task.task, Task.number, Spec.name, Spec.kind, Spec.dataset, Spec.known, Task.initiator,
        phase.label("phase"), ends.label("ends_at_s"), models.label("models"), Task.cap, Task.committee,
        Task.mafr_ppm, Task.reward_wei, Task.opened_at_s,
    )  # fmt: skip
    fitting = _fitting(wanted, phase)
    query = joined(select(*columns)).where(*fitting)
    order, key, is_after = _order(wanted.sort, ends, after)
    if is_after is not None:
        query = query.where(is_after)
    found = session.execute(query.order_by(*order).limit(limit + 1)).all()
    rows = tuple(_row(row) for row in found[:limit])
    known = session.scalar(select(func.count()).select_from(Task)) or 0
    total = known
    if fitting:
        total = session.scalar(joined(select(func.count()).select_from(Task)).where(*fitting)) or 0
    return TaskPage(rows, key(rows[-1]) if len(found) > limit else None, total, known)


def joined(query: Select[Any]) -> Select[Any]:
    """Tasks with what is known of each beside them."""
    return (
        query.outerjoin(Cancellation, Cancellation.task == Task.task)
        .outerjoin(Draw, Draw.task == Task.task)
        .outerjoin(Spec, Spec.digest == Task.spec)
    )


def _fitting(wanted: TaskFilter, phase: ColumnElement[int]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.phases:
        conditions.append(phase.in_([int(each) for each in sorted(wanted.phases)]))
    text = wanted.search.strip()[:MAX_SEARCH]
    if text:
        found = [Spec.name.icontains(text, autoescape=True)]
        if text.lower().startswith("0x"):
            found += [
                Task.task.startswith(text.lower(), autoescape=True),
                func.lower(Task.initiator).startswith(text.lower(), autoescape=True),
            ]
        conditions.append(or_(*found))
    return conditions


def _order(sort: str, ends: ColumnElement[Any], after: str | None) -> tuple[Any, Any, Any]:
    """Order, the key of a row, and the condition that a row comes after a key."""
    parts = [] if after is None else [int(part) for part in after.split("-")]
    if len(parts) not in ((0, 1) if sort in ("newest", "oldest") else (0, 2)):
        raise ValueError("no key of a page")
    number = Task.number
    if sort == "newest":
        return (number.desc(),), lambda r: f"{r.number}", number < parts[0] if parts else None
    if sort == "oldest":
        return (number.asc(),), lambda r: f"{r.number}", number > parts[0] if parts else None
    if sort == "reward":
        is_after = None
        if parts:
            is_after = or_(Task.reward_wei < parts[0], and_(Task.reward_wei == parts[0], number < parts[1]))
        return (Task.reward_wei.desc(), number.desc()), lambda r: f"{r.reward_wei}-{r.number}", is_after
    if sort == "ending":
        last = func.coalesce(ends, 2**60)
        is_after = None
        if parts:
            is_after = or_(last > parts[0], and_(last == parts[0], number < parts[1]))
        key = lambda r: f"{2**60 if r.ends_at_s is None else r.ends_at_s}-{r.number}"  # noqa: E731
        return (last.asc(), number.desc()), key, is_after
    raise ValueError("no order of tasks")


def _row(row: Any) -> TaskRow:
    return TaskRow(
        task=row.task,
        number=row.number,
        name=row.name if row.known else None,
        kind=row.kind if row.known else None,
        dataset=row.dataset if row.known else None,
        initiator=row.initiator,
        phase=Phase(row.phase),
        ends_at_s=row.ends_at_s,
        models=row.models,
        cap=row.cap,
        committee=row.committee,
        mafr_ppm=row.mafr_ppm,
        reward_wei=row.reward_wei,
        opened_at_s=row.opened_at_s,
    )
