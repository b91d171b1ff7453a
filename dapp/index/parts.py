"""Which tasks ask something of an account, whatever the number of tasks: as verifier, contributor, initiator.

From the index alone, but for who sits in a roster: that, and what a task that is over owes, the chain tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from dapp.chain.draws import COMMITTEE, place_of
from dapp.chain.words import Phase
from dapp.index.queries import ends_column, joined, phase_column
from dapp.index.tables import Ballot, Draw, Fixing, LogEntry, Payout, Settlement, Spec, Submission, Task
from ml.errors import QuorateError

JUDGED: Final = (Phase.DRAW, Phase.VOTE, Phase.BALLOT)
CHUNK: Final = 500
Seats = Callable[[int, int], Mapping[str, int]]  # number and size of a roster; the seat of each member


@dataclass(frozen=True)
class Part:
    """What an account is in a task that asks something of it, or may.

    role      verifier, contributor or initiator
    did       none, sealed, opened or struck: its ballot or its model
    is_drawn  of a verifier; None: the committee is not known yet
    unread    why the roster cannot be read: whether the account has a seat in it is not known then
    """

    task: str
    number: int
    name: str | None
    phase: Phase
    ends_at_s: int | None
    role: str
    did: str = "none"
    is_drawn: bool | None = None
    unread: str = ""


def of_account(session: Session, account: str, now_s: int, seats: Seats) -> list[Part]:
    """All of them, in the order of the tasks' opening."""
    found = [
        *_as_verifier(session, account, now_s, seats),
        *_as_contributor(session, account, now_s),
        *_as_initiator(session, account, now_s),
    ]
    return sorted(found, key=lambda part: part.number)


def _as_verifier(session: Session, account: str, now_s: int, seats: Seats) -> Iterator[Part]:
    topic = "0x" + account[2:].lower().rjust(64, "0")
    pools = select(LogEntry.topic1).where(LogEntry.topic2 == topic, LogEntry.contract == "Membership")
    opened = exists().where(
        Ballot.task == Task.task,
        Ballot.state == "opened",
        or_(Ballot.verifier == account, Ballot.verifier.is_(None)),
    )
    phase = phase_column(now_s)
    unpaid = _unpaid(account, Task.initiator == account)
    asks = or_(
        phase.in_(list(map(int, JUDGED))),
        and_(phase == int(Phase.SETTLED), opened, unpaid),
        and_(phase == int(Phase.LAPSED), unpaid),
    )
    rows = _rows(session, phase, Fixing.task.is_not(None), Task.pool.in_(pools), asks)
    ballots = _ballots(session, [row.task for row in rows], account)
    for row in rows:
        try:
            seat = seats(row.roster, row.pool_size).get(account)
        except QuorateError as error:
            yield _part(row, "verifier", unread=error.message)
            continue
        if seat is None:
            continue
        is_drawn = None
        if row.seed is not None:
            place = place_of(int(row.seed, 16), COMMITTEE, row.pool_size, row.drawn, seat)
            is_drawn = place is not None
        did = ballots.get((row.task, account)) or ballots.get((row.task, seat)) or "none"
        if row.phase != Phase.SETTLED or did == "opened":
            yield _part(row, "verifier", did, is_drawn)


def _as_contributor(session: Session, account: str, now_s: int) -> Iterator[Part]:
    phase = phase_column(now_s)
    mine = exists().where(Submission.task == Task.task, Submission.contributor == account)
    asks = or_(
        phase.in_([int(Phase.SUBMIT), int(Phase.OPEN), *map(int, JUDGED)]),
        and_(phase.in_([int(Phase.SETTLED), int(Phase.LAPSED)]), _unpaid(account, Task.initiator == account)),
    )
    rows = _rows(session, phase, mine, asks)
    found: defaultdict[str, dict[str, int | None]] = defaultdict(dict)
    for chunk in _chunks([row.task for row in rows]):
        query = select(Submission.task, Submission.state, Submission.model)
        for each in session.execute(
            query.where(Submission.contributor == account, Submission.task.in_(chunk))
        ):
            found[each.task][each.state] = each.model
    for row in rows:
        states = found[row.task]
        did = next(state for state in ("struck", "opened", "sealed") if state in states)
        is_over = Phase(row.phase).is_over
        is_refused = is_over and row.paid is not None and not row.paid >> (states.get("opened") or 0) & 1
        if not is_over or (did == "opened" and not is_refused):
            yield _part(row, "contributor", did)


def _as_initiator(session: Session, account: str, now_s: int) -> Iterator[Part]:
    phase = phase_column(now_s)
    over = list(map(int, (Phase.SETTLED, Phase.EMPTY, Phase.LAPSED)))
    votes = exists().where(Ballot.task == Task.task, Ballot.state == "opened", Ballot.verifier == account)
    asks = or_(phase == int(Phase.DRAW), and_(phase.in_(over), _unpaid(account, votes)))
    for row in _rows(session, phase, Task.initiator == account, asks):
        yield _part(row, "initiator")


def _unpaid(account: str, also: ColumnElement[bool]) -> ColumnElement[bool]:
    """Fewer payments than roles. also: whether the account has another role in the task beside the one."""
    paid = select(func.count()).where(
        Payout.task == Task.task, Payout.payee == account, Payout.state == "paid"
    )
    return paid.correlate(Task).scalar_subquery() < case((also, 2), else_=1)


def _rows(session: Session, phase: ColumnElement[int], *conditions: ColumnElement[bool]) -> Sequence[Any]:
    columns: tuple[Any, ...] = (
        Task.task, Task.number, Spec.name, Spec.known, phase.label("phase"),
        ends_column(phase).label("ends_at_s"), Fixing.roster, Fixing.pool_size, Draw.seed,
        Draw.committee.label("drawn"), Settlement.models.label("paid"),
    )  # fmt: skip
    query = (
        joined(select(*columns))
        .outerjoin(Fixing, Fixing.task == Task.task)
        .outerjoin(Settlement, Settlement.task == Task.task)
    )
    return session.execute(query.where(*conditions)).all()


def _part(row: Any, role: str, did: str = "none", is_drawn: bool | None = None, unread: str = "") -> Part:
    name = row.name if row.known else None
    return Part(row.task, row.number, name, Phase(row.phase), row.ends_at_s, role, did, is_drawn, unread)


def _ballots(session: Session, tasks: Sequence[str], account: str) -> dict[tuple[str, str | int], str]:
    """How far ballots are, by task and by account, or by seat where they came in a batch."""
    found: dict[tuple[str, str | int], str] = {}
    for chunk in _chunks(tasks):
        query = select(Ballot.task, Ballot.verifier, Ballot.seat, Ballot.state).where(
            Ballot.task.in_(chunk), or_(Ballot.verifier == account, Ballot.verifier.is_(None))
        )
        for row in session.execute(query):
            key = (row.task, row.seat if row.verifier is None else row.verifier)
            if found.get(key) != "opened":
                found[key] = row.state
    return found


def _chunks(tasks: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(tasks), CHUNK):
        yield tasks[at : at + CHUNK]
