"""Stage vote: one sealed ballot on all models, opened when nobody can copy it any more; alone or in a
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dapp import ballots
from dapp.ballots import Decided
from dapp.chain import tasks
from dapp.chain.batches import OpenedEntry, SealedEntry, SignedSeal, pack_opened, pack_sealed
from dapp.chain.client import Receipt
from dapp.chain.handed_over import LeftOut, openable, sealable
from dapp.chain.outbox import is_unsent
from dapp.chain.seals import pack_scores
from dapp.chain.tasks import Seat, TaskView
from dapp.chain.words import Phase
from dapp.stages.context import Context, NothingDue, NotSealedHere, TermsRefused, once
from ml.canonical import sha256


@dataclass(frozen=True)
class SealedBallot:
    """A sealed ballot; what opens it is in the journal."""

    task: bytes
    seat: int
    seal: bytes
    receipt: Receipt | None


@dataclass(frozen=True)
class OpenedBallot:
    """A ballot that counts."""

    task: bytes
    seat: int
    scores_ppm: tuple[int, ...]
    receipt: Receipt | None


@dataclass(frozen=True)
class SentBatch:
    """Ballots that went to the chain in one transaction."""

    task: bytes
    seats: tuple[int, ...]
    receipt: Receipt | None
    left_out: tuple[LeftOut, ...] = ()  # what was handed over and not sent


def seal(ctx: Context, task: bytes, scores_ppm: Sequence[int], instead: bool = False) -> SealedBallot:
    """Seal our ballot by a transaction of our own: once; other scores after that are refused.

    instead: in place of scores that were decided on and never sent; what opens those stays in the journal.

    Raises NothingDue when our account was not drawn, TermsRefused, ContractRefused (WrongPhase and others).
    """
    view = tasks.view(ctx.chain, task)
    seat = _seat(ctx, view)
    value = _seal(ctx, view, scores_ppm, instead)
    call = ctx.chain.quorate.call("voteSeal", task, seat.seat, value)
    receipt = once(ctx, "vote.seal", task, call, seat.sealed == value)
    return SealedBallot(task, seat.seat, value, receipt)


def open_ballot(ctx: Context, task: bytes, pay_to: str | None = None) -> OpenedBallot:
    """Open our sealed ballot by a transaction of our own, also when it was sealed in a batch.

    pay_to: take the fee in the same transaction (only for a ballot sealed directly). Raises NotSealedHere,
    ContractRefused (WrongPhase, BallotSealMismatch and others).
    """
    view = tasks.view(ctx.chain, task)
    seat = _seat(ctx, view)
    ballot = _secret(ctx, view, seat)
    scores, salt = ballot.scores, ballot.salt
    done = seat.scores_ppm is not None
    if seat.in_batch:
        which = next(i for i, batch in enumerate(view.batches) if seat.seat in _seats(batch))
        packed = pack_opened(view.batches, which, [OpenedEntry(seat.seat, scores, salt)])
        call = ctx.chain.quorate.call("voteOpenMany", task, *packed)
    elif pay_to is not None:
        call = ctx.chain.quorate.call("voteOpenAndWithdraw", view.key.astuple(), scores, salt, pay_to)
    else:
        call = ctx.chain.quorate.call("voteOpen", task, scores, salt)
    return OpenedBallot(task, seat.seat, ballot.scores_ppm, once(ctx, "vote.open", task, call, done))


def sign(ctx: Context, task: bytes, scores_ppm: Sequence[int]) -> SignedSeal:
    """Our sealed ballot, signed, for whoever submits a batch (seal_many). Raises as `seal`."""
    view = tasks.view(ctx.chain, task)
    seat = _seat(ctx, view)
    value = _seal(ctx, view, scores_ppm)
    signature = ctx.chain.sign_typed_data(ctx.chain.board.ballot_typed_data(task, value))
    return SignedSeal(seat.seat, value, signature)


def opening(ctx: Context, task: bytes) -> OpenedEntry:
    """What opens our ballot, for whoever opens a batch. Give it away only once the phase is Ballot.

    Raises NotSealedHere, and NothingDue before the phase Ballot: until then scores and salt stay secret.
    """
    view = tasks.view(ctx.chain, task)
    if view.phase != Phase.BALLOT:
        raise NothingDue(
            f"the phase is {view.phase.name.lower()}; openings are handed over in the phase Ballot only",
            fix="Run this again once `quorate task show` says ballot: opened sooner, a ballot can be copied.",
        )
    seat = _seat(ctx, view)
    ballot = _secret(ctx, view, seat)
    return OpenedEntry(seat.seat, ballot.scores, ballot.salt)


def seal_many(ctx: Context, task: bytes, signed: Sequence[SignedSeal]) -> SentBatch:
    """Submit signed ballots in one transaction, by anyone; those that cannot be taken are left out.

    Every ballot is checked before gas is paid for it. Raises NothingDue when all were left out,
    ContractRefused (WrongPhase).
    """
    view = tasks.view(ctx.chain, task)
    good, left_out = sealable(ctx.chain, view, signed)
    if not good:
        raise _none_left(left_out)
    entries = sorted(good, key=lambda entry: (view.seats[entry.seat].place or 0) // 48)
    data = pack_sealed(entries)
    done = all(view.seats[entry.seat].sealed == entry.seal for entry in entries)
    call = ctx.chain.quorate.call("voteSealMany", task, data)
    receipt = once(ctx, "vote.seal_many", task, call, done, part=f"/{sha256(data).hex()[:16]}")
    return SentBatch(task, tuple(entry.seat for entry in entries), receipt, left_out)


def open_many(ctx: Context, task: bytes, openings: Sequence[OpenedEntry]) -> tuple[SentBatch, ...]:
    """Open ballots that were sealed in batches: one transaction a batch. By anyone.

    Those that do not open what was sealed are left out. Raises NothingDue when that is all of them,
    ContractRefused (WrongPhase, BatchUnknown).
    """
    view = tasks.view(ctx.chain, task)
    good, left_out = openable(ctx.chain, view, openings)
    if not good:
        raise _none_left(left_out)
    sent = []
    for which, batch in enumerate(view.batches):
        sealed = _seats(batch)
        ours = [entry for entry in good if entry.seat in sealed]
        if not ours:
            continue
        earlier, entries, later = pack_opened(view.batches, which, ours)
        call = ctx.chain.quorate.call("voteOpenMany", task, earlier, entries, later)
        done = all(view.seats[entry.seat].scores_ppm is not None for entry in ours)
        receipt = once(ctx, "vote.open_many", task, call, done, part=f"/{sha256(entries).hex()[:16]}")
        sent.append(SentBatch(task, tuple(entry.seat for entry in ours), receipt, left_out))
    return tuple(sent)


def _none_left(left_out: Sequence[LeftOut]) -> NothingDue:
    why = "; ".join(f"seat {each.seat}: {each.reason}" for each in left_out)
    return NothingDue(f"none of these ballots can be taken: {why[:500]}", fix="Ask the verifiers for theirs.")


def _seat(ctx: Context, view: TaskView) -> Seat:
    if view.draw_block is None:
        raise NothingDue(
            f"the draw of 0x{view.task.hex()} is not made: who is in the committee is not known yet",
            fix="Run this again once `quorate task show` says vote.",
        )
    seat = view.seat_of(ctx.chain.address)
    if seat is None or seat.place is None:
        what = "is not in the task's pool" if seat is None else "was not drawn"
        raise NothingDue(
            f"{ctx.chain.address} {what}", fix="Use an account of the committee (`quorate task show`)."
        )
    return seat


def _seal(ctx: Context, view: TaskView, scores_ppm: Sequence[int], instead: bool = False) -> bytes:
    """Our seal over these scores, with its salt in the journal."""
    if len(scores_ppm) != len(view.models):
        raise TermsRefused(f"{len(scores_ppm)} scores for {len(view.models)} models")
    for index, score_ppm in enumerate(scores_ppm):
        if not 0 <= score_ppm <= 1_000_000:
            raise TermsRefused(f"score {score_ppm} of model {index} is outside 0 to 1,000,000 ppm")
    scores = pack_scores(scores_ppm)
    known = ballots.decided(ctx.journal, view.task)
    seat = _seat(ctx, view)
    if instead and seat.sealed is not None:  # decided on before others that were never sent
        sent = ballots.opening(known, ctx.chain.board, view.task, ctx.chain.address, seat.sealed)
        if sent is not None and sent.scores == scores:
            return seat.sealed
    if not known or (known[0].scores != scores and instead):
        _check_undecided(ctx, view, known)
        salt = ctx.chain.derive(b"ballot/" + view.task)[:16]
        ballots.decide(ctx.journal, view.task, Decided(scores, salt))
        known = ballots.decided(ctx.journal, view.task)
    if known[0].scores != scores:
        raise TermsRefused(
            "this account has decided on other scores for this task already",
            fix="Seal and open the ballot that the journal holds; one account has one ballot.",
        )
    ctx.failpoint("vote.seal:salt")
    return known[0].seal(ctx.chain.board, view.task, ctx.chain.address)


def _check_undecided(ctx: Context, view: TaskView, known: Sequence[Decided]) -> None:
    """Raise TermsRefused for other scores than were sent, by this journal or by whomever."""
    seat = _seat(ctx, view)
    if known and (seat.sealed is not None or not is_unsent(ctx.journal, f"vote.seal/{view.task.hex()}")):
        raise TermsRefused("the ballot is sealed: its scores cannot be changed any more")


def _secret(ctx: Context, view: TaskView, seat: Seat) -> Decided:
    """What opens our ballot as it was sealed. Raises NotSealedHere."""
    known = ballots.decided(ctx.journal, view.task)
    if not known:
        raise NotSealedHere(f"the journal holds no ballot for task 0x{view.task.hex()}")
    if seat.sealed is None:
        return known[0]
    found = ballots.opening(known, ctx.chain.board, view.task, ctx.chain.address, seat.sealed)
    if found is None:
        raise NotSealedHere(
            f"what the journal holds does not open the ballot that was sealed for task 0x{view.task.hex()}",
            fix="Run this where it was sealed, or bring its recovery file: the sealed ballot has other scores"
            " or another salt.",
        )
    return found


def _seats(batch: Sequence[SealedEntry]) -> set[int]:
    return {entry.seat for entry in batch}
