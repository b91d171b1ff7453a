"""Stage rollback: asking the nodes of a run where to go back to."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import events
from dapp.chain.client import Receipt
from dapp.chain.ledger import run_view
from dapp.chain.outbox import is_unsent
from dapp.ledger.ask import REASON_BYTES, ask, step_of
from dapp.stages.context import Context, StageError


class ReasonTooLong(StageError):
    """A reason that does not fit the word it has on chain."""

    code = "reason-too-long"
    default_fix = f"Say it in at most {REASON_BYTES} bytes, as nan or loss-spike."


@dataclass(frozen=True)
class Opened:
    """A rollback vote that is open."""

    run: bytes
    vote: int
    head: bytes
    ends_at_s: int
    receipt: Receipt | None


@dataclass(frozen=True)
class Result:
    """What a vote came to; target and entry are None when no quorum named the same target."""

    vote: int
    target: bytes | None
    entry: bytes | None


def word(reason: str, wish: bytes | None = None) -> bytes:
    """A reason, or in its place the entry wished for, as it goes to the chain. Raises ReasonTooLong."""
    text = reason.encode() if wish is None else wish
    if len(text) > REASON_BYTES:
        raise ReasonTooLong(f"the reason has {len(text)} bytes, {REASON_BYTES} are the most")
    return text


def open_vote(ctx: Context, run: bytes, reason: str, wish: bytes | None = None) -> Opened:
    """Ask for a rollback, as the run's recorder or one of its nodes; no-op while a vote is open.

    wish: an entry to go back to, which stands in place of the reason; nodes need not go along with it.
    Raises ReasonTooLong, ContractRefused (NotOfRun, NothingToRollBack, VotePauses).
    """
    text = word(reason, wish)
    view = run_view(ctx.chain, run)
    is_open = view.votes > 0 and ctx.clock.now_s() <= view.vote_ends_at_s
    vote = view.votes if is_open else view.votes + 1
    opened_by_others = is_open and is_unsent(ctx.journal, step_of(run, vote))
    receipt = None if opened_by_others else ask(ctx.chain, view, vote, text)
    return opened(ctx, run, vote, receipt)


def opened(ctx: Context, run: bytes, vote: int, receipt: Receipt | None = None) -> Opened:
    """The vote as it is open now."""
    view = run_view(ctx.chain, run)
    return Opened(run, vote, view.head, view.vote_ends_at_s, receipt)


def result_of(ctx: Context, run: bytes, vote: int) -> Result:
    """What the vote has come to so far."""
    for event in events.of_type(events.of_run(ctx.chain, run), events.RolledBack):
        if event.vote == vote:
            return Result(vote, event.target, event.entry)
    return Result(vote, None, None)
