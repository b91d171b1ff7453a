"""Stage rollback: asking the nodes of a run where to go back to."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import events
from dapp.chain.client import Receipt
from dapp.chain.ledger import run_view
from dapp.stages.context import Context, StageError, once

MAX_REASON_BYTES = 32


class ReasonTooLong(StageError):
    """A reason that does not fit the word it has on chain."""

    code = "reason-too-long"
    default_fix = f"Say it in at most {MAX_REASON_BYTES} bytes, as nan or loss-spike."


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


def open_vote(ctx: Context, run: bytes, reason: str, wish: bytes | None = None) -> Opened:
    """Ask for a rollback, as the run's recorder or one of its nodes; no-op while a vote is open.

    wish: an entry to go back to, which stands in place of the reason; nodes need not go along with it.
    Raises ReasonTooLong, ContractRefused (NotOfRun, NothingToRollBack, VotePauses).
    """
    text = reason.encode() if wish is None else wish
    if len(text) > MAX_REASON_BYTES:
        raise ReasonTooLong(f"the reason has {len(text)} bytes, {MAX_REASON_BYTES} are the most")
    view = run_view(ctx.chain, run)
    is_open = view.votes > 0 and ctx.clock.now_s() <= view.vote_ends_at_s
    vote = view.votes if is_open else view.votes + 1
    seat = view.seat(ctx.chain.address) if ctx.chain.address in view.nodes else 0
    call = ctx.chain.ledger.call("rollbackOpen", run, seat, text.ljust(MAX_REASON_BYTES, b"\0"))
    receipt = once(ctx, "ledger.rollbackOpen", run, call, is_open, part=f"/{vote}")
    after = run_view(ctx.chain, run)
    return Opened(run, vote, after.head, after.vote_ends_at_s, receipt)


def result_of(ctx: Context, run: bytes, vote: int) -> Result:
    """What the vote has come to so far."""
    for event in events.of_type(events.of_run(ctx.chain, run), events.RolledBack):
        if event.vote == vote:
            return Result(vote, event.target, event.entry)
    return Result(vote, None, None)
