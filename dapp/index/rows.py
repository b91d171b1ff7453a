"""What an event says, as rows: the one place where events become tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dapp.chain import events as e
from dapp.chain.badges import Badge as BadgeNumber
from dapp.chain.batches import unpack_opened, unpack_sealed
from dapp.chain.lineage import class_name
from dapp.index import tables as t

MAX_NAME: Final = 200


class Known:
    """What a row needs beside its event: what rows before it said."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next: dict[type[t.Task | t.Run | t.Lineage], int] = {}
        self._windows: dict[str, tuple[int, int]] = {}

    def next(self, table: type[t.Task | t.Run | t.Lineage]) -> int:
        """The number of a new row of this table."""
        if table not in self._next:
            last = self._session.scalar(select(func.max(table.number)))
            self._next[table] = 0 if last is None else last + 1
        self._next[table] += 1
        return self._next[table] - 1

    def windows(self, task: str) -> tuple[int, int]:
        """How long a task votes, and opens ballots."""
        if task not in self._windows:
            query = select(t.Task.vote_s, t.Task.ballot_s).where(t.Task.task == task)
            vote_s, ballot_s = self._session.execute(query).one()
            self._windows[task] = (vote_s, ballot_s)
        return self._windows[task]

    def models(self, task: str) -> int:
        """How many models a task has."""
        opened = select(func.count()).where(t.Submission.task == task, t.Submission.state == "opened")
        return self._session.scalar(opened) or 0


def hexed(value: bytes) -> str:
    """An id or a digest as the tables have it."""
    return "0x" + value.hex()


def rows_of(event: e.Event, at_s: int, known: Known) -> Iterator[t.Fact]:
    """The facts that an event of a block of this time states."""
    make = _MAKERS.get(type(event))
    if make is not None:
        for part, row in enumerate(make(event, at_s, known)):
            row.block, row.position, row.part = event.at.block, event.at.index, part
            yield row


def _task(event: e.TaskOpened, at_s: int, known: Known) -> Iterator[t.Fact]:
    key = event.key
    opens_at_s = at_s + key.notice_s
    submit_ends_at_s = opens_at_s + key.submit_s
    open_ends_at_s = submit_ends_at_s + key.open_s
    yield t.Task(
        task=hexed(event.task),
        number=known.next(t.Task),
        initiator=event.initiator,
        spec=hexed(key.spec),
        pool=hexed(key.pool),
        listed=any(key.contributors),
        reward_wei=key.reward_wei,
        fee_wei=key.fee_wei,
        bond_wei=key.bond_wei,
        mafr_ppm=key.mafr_ppm,
        cap=key.cap,
        committee=key.committee,
        opened_at_s=at_s,
        opens_at_s=opens_at_s,
        submit_ends_at_s=submit_ends_at_s,
        open_ends_at_s=open_ends_at_s,
        draw_ends_at_s=open_ends_at_s + key.draw_s,
        vote_s=key.vote_s,
        ballot_s=key.ballot_s,
    )


def _cancelled(event: e.TaskCancelled, *_: Any) -> Iterator[t.Fact]:
    yield t.Cancellation(task=hexed(event.task))


def _sealed(event: e.ModelSealed, *_: Any) -> Iterator[t.Fact]:
    yield t.Submission(task=hexed(event.task), contributor=event.contributor, state="sealed")


def _opened(event: e.ModelOpened, *_: Any) -> Iterator[t.Fact]:
    yield t.Submission(
        task=hexed(event.task),
        contributor=event.contributor,
        state="opened",
        model=event.index,
        manifest=hexed(event.manifest),
        size_bytes=event.size_bytes,
        claimed_ppm=event.claimed_ppm,
    )


def _struck(event: e.ModelStruck, *_: Any) -> Iterator[t.Fact]:
    yield t.Submission(task=hexed(event.task), contributor=event.contributor, state="struck")


def _fixed(event: e.DrawFixed, *_: Any) -> Iterator[t.Fact]:
    yield t.Fixing(task=hexed(event.task), roster=event.roster, pool_size=event.pool_size)


def _shown(event: e.ShardsShown, at_s: int, known: Known) -> Iterator[t.Fact]:
    vote_s, ballot_s = known.windows(hexed(event.task))
    yield t.Draw(
        task=hexed(event.task),
        seed=f"{event.seed:#x}",
        committee=event.committee,
        vote_ends_at_s=at_s + vote_s,
        ballot_ends_at_s=at_s + vote_s + ballot_s,
    )


def _ballot_sealed(event: e.BallotSealed, *_: Any) -> Iterator[t.Fact]:
    yield t.Ballot(task=hexed(event.task), verifier=event.verifier, seat=event.seat, state="sealed")


def _ballots_sealed(event: e.BallotsSealed, *_: Any) -> Iterator[t.Fact]:
    for entry in unpack_sealed(event.ballots):
        yield t.Ballot(task=hexed(event.task), seat=entry.seat, state="sealed")


def _ballot_opened(event: e.BallotOpened, *_: Any) -> Iterator[t.Fact]:
    yield t.Ballot(task=hexed(event.task), verifier=event.verifier, state="opened")


def _ballots_opened(event: e.BallotsOpened, at_s: int, known: Known) -> Iterator[t.Fact]:
    for seat, _scores in unpack_opened(event.ballots, known.models(hexed(event.task))):
        yield t.Ballot(task=hexed(event.task), seat=seat, state="opened")


def _settled(event: e.Settled, *_: Any) -> Iterator[t.Fact]:
    outcome = event.outcome
    yield t.Settlement(
        task=hexed(event.task),
        models=outcome.models,
        paid_models=outcome.paid_models,
        paid_verifiers=outcome.paid_verifiers,
        contributor_wei=outcome.contributor_wei,
        verifier_wei=outcome.verifier_wei,
    )


def _paid(event: e.Paid, *_: Any) -> Iterator[t.Fact]:
    yield t.Payout(
        task=hexed(event.task), payee=event.payee, to=event.to, amount_wei=event.amount_wei, state="paid"
    )


def _paid_many(event: e.PaidMany, *_: Any) -> Iterator[t.Fact]:
    for paid in event.each():
        yield from _paid(paid)


def _refused(event: e.PaymentRefused, *_: Any) -> Iterator[t.Fact]:
    yield t.Payout(
        task=hexed(event.task),
        payee=event.payee,
        to=event.payee,
        amount_wei=event.amount_wei,
        state="refused",
    )


def _prize(event: e.PrizePaid, *_: Any) -> Iterator[t.Fact]:
    yield t.Payout(
        task=hexed(event.task),
        payee=event.contributor,
        to=event.to,
        amount_wei=event.amount_wei,
        state="prize",
    )


def _run(event: e.RunStarted, at_s: int, known: Known) -> Iterator[t.Fact]:
    terms = event.terms
    yield t.Run(
        run=hexed(event.run),
        number=known.next(t.Run),
        recorder=event.recorder,
        spec=hexed(terms.spec),
        nodes=len(event.nodes),
        quorum_ppm=terms.quorum_ppm,
        difficulty_bits=terms.difficulty_bits,
        window_s=terms.window_s,
        started_at_s=at_s,
    )


def _recorded(event: e.Recorded, at_s: int, *_: Any) -> Iterator[t.Fact]:
    yield t.Checkpoint(run=hexed(event.run), state="announced", head=hexed(event.head), at_s=at_s)


def _attested(event: e.Attested, at_s: int, *_: Any) -> Iterator[t.Fact]:
    yield t.Checkpoint(
        run=hexed(event.run), state="attested", head=hexed(event.head), before=hexed(event.parent), at_s=at_s
    )


def _rolled_back(event: e.RolledBack, at_s: int, *_: Any) -> Iterator[t.Fact]:
    yield t.Checkpoint(
        run=hexed(event.run),
        state="rolled back",
        head=hexed(event.entry),
        before=hexed(event.target),
        vote=event.vote,
        at_s=at_s,
    )


def _lineage(event: e.LineageStarted, at_s: int, known: Known) -> Iterator[t.Fact]:
    terms, lineage = event.terms, hexed(event.lineage)
    yield t.Lineage(
        lineage=lineage,
        number=known.next(t.Lineage),
        initiator=event.initiator,
        spec=hexed(terms.spec),
        prize_wei=terms.prize_wei,
        rounds_max=terms.rounds_max,
        threshold_ppm=terms.threshold_ppm,
        started_at_s=at_s,
    )
    yield t.Head(
        lineage=lineage,
        number=0,
        task=None,
        parent=0,
        score_ppm=terms.score_ppm,
        classes=len(event.classes),
        tensor_count=terms.tensor_count,
        contributors=event.initiator,
        challenge_ends_at_s=0,
        at_s=at_s,
    )


def _head(event: e.HeadAdvanced, at_s: int, *_: Any) -> Iterator[t.Fact]:
    head = event.head
    yield t.Head(
        lineage=hexed(event.lineage),
        number=event.number,
        task=hexed(event.task),
        parent=head.parent,
        score_ppm=head.score_ppm,
        classes=head.classes,
        tensor_count=head.tensor_count,
        contributors=" ".join(event.contributors),
        challenge_ends_at_s=head.challenge_ends_at_s,
        at_s=at_s,
    )


def _fall(event: e.HeadFell, *_: Any) -> Iterator[t.Fact]:
    yield t.Fall(lineage=hexed(event.lineage), head=event.head, back_to=event.back_to)


def _class(event: e.ClassTaught, *_: Any) -> Iterator[t.Fact]:
    yield t.Class(
        lineage=hexed(event.lineage),
        index=event.index,
        name=class_name(event.name)[:MAX_NAME],
        label_spec=hexed(event.label_spec),
        teacher=event.teacher,
        head=event.head,
    )


def _round(event: e.RoundOpened, *_: Any) -> Iterator[t.Fact]:
    yield t.Round(lineage=hexed(event.lineage), task=hexed(event.task), kind=event.kind, head=event.head)


def _badge(event: e.Transfer, *_: Any) -> Iterator[t.Fact]:
    badge = BadgeNumber.from_token(event.token_id)
    yield t.Badge(
        token=f"0x{event.token_id:064x}",
        account=event.to,
        kind=int(badge.kind),
        task_start=hexed(badge.task_start),
    )


_MAKERS: Final[dict[type[e.Event], Callable[..., Iterator[t.Fact]]]] = {
    e.TaskOpened: _task,
    e.TaskCancelled: _cancelled,
    e.ModelSealed: _sealed,
    e.ModelOpened: _opened,
    e.ModelStruck: _struck,
    e.DrawFixed: _fixed,
    e.ShardsShown: _shown,
    e.BallotSealed: _ballot_sealed,
    e.BallotsSealed: _ballots_sealed,
    e.BallotOpened: _ballot_opened,
    e.BallotsOpened: _ballots_opened,
    e.Settled: _settled,
    e.Paid: _paid,
    e.PaidMany: _paid_many,
    e.PaymentRefused: _refused,
    e.PrizePaid: _prize,
    e.RunStarted: _run,
    e.Recorded: _recorded,
    e.Attested: _attested,
    e.RolledBack: _rolled_back,
    e.LineageStarted: _lineage,
    e.HeadAdvanced: _head,
    e.HeadFell: _fall,
    e.ClassTaught: _class,
    e.RoundOpened: _round,
    e.Transfer: _badge,
}
