"""Training runs: started once with their nodes and rules, then listed and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from eth_utils import to_checksum_address

from dapp.chain import events
from dapp.chain.client import Receipt
from dapp.chain.ledger import MAX_NODES, Ledger, RunTerms, RunView, run_view
from dapp.stages.context import Context, StageError, once
from dapp.store import StoreError, cid_from_digest
from ml.errors import QuorateError
from ml.history.header import MAX_DIFFICULTY_BITS
from ml.history.run_spec import RunSpec

MIN_WINDOW_S = 12
MAX_WINDOW_S = 7 * 86_400
MAX_SPEC_BYTES = 4_096


class RunRefused(StageError):
    """Terms or nodes that no run can have."""

    code = "run-refused"
    default_fix = "Correct the value that the message names."


@dataclass(frozen=True)
class Started:
    """A run that stands."""

    run: bytes
    spec_cid: str
    nodes: tuple[str, ...]
    needed: int
    receipt: Receipt | None


class VoteState(StrEnum):
    """How a run's last rollback vote stands."""

    NONE = "none"
    OPEN = "open"
    DECIDED = "decided"
    ENDED = "ended"  # without a majority


@dataclass(frozen=True)
class Vote:
    """The last rollback vote of a run, by the chain's clock.

    target, entry   once it is decided: where the run went back to, and the new entry
    open_left_s     0 when it is not open
    next_at_s       from then on another can be opened: each vote is followed by a pause as long as its window
    pause_left_s    until then, its own window included
    """

    state: VoteState
    number: int
    ends_at_s: int
    open_left_s: int
    next_at_s: int
    pause_left_s: int
    target: bytes | None = None
    entry: bytes | None = None


@dataclass(frozen=True)
class Shown:
    """A run as chain and store have it; `spec` is None when the store cannot give it."""

    view: RunView
    spec: RunSpec | None
    entries: int
    rollbacks: int
    vote: Vote
    now_s: int


def start(ctx: Context, spec: RunSpec, terms: RunTerms, nodes: Sequence[str]) -> Started:
    """Start a run whose recorder is our account; no-op when this very run stands.

    terms: its `spec` is put in here. Raises RunRefused and what chain and store raise.
    """
    ordered = tuple(sorted({to_checksum_address(node) for node in nodes}, key=lambda node: int(node, 16)))
    _check(terms, nodes, ordered)
    cid = ctx.store.put(spec.to_bytes())
    terms = replace(terms, spec=spec.digest())
    ledger = Ledger(ctx.chain.chain_id, ctx.chain.ledger.address)
    run = ledger.run_id(terms, ctx.chain.address, ordered)
    stands = any(event.run == run for event in events.started_runs(ctx.chain))
    call = ctx.chain.ledger.call("runStart", terms.astuple(), list(ordered))
    receipt = once(ctx, "run.start", run, call, stands)
    return Started(run, cid, ordered, terms.needed(len(ordered)), receipt)


def show(ctx: Context, run: bytes) -> Shown:
    """The run as it stands. Raises ContractRefused (RunUnknown)."""
    view = run_view(ctx.chain, run)
    happened = events.of_run(ctx.chain, run)
    started = events.of_type(happened, events.RunStarted)
    spec = _spec(ctx, started[0].terms.spec) if started else None
    rollbacks, now_s = events.of_type(happened, events.RolledBack), ctx.clock.now_s()
    return Shown(
        view,
        spec,
        len(events.of_type(happened, events.Attested)),
        len(rollbacks),
        _vote(view, rollbacks, now_s),
        now_s,
    )


def list_runs(ctx: Context) -> tuple[Shown, ...]:
    """All runs of the ledger, in order of their start."""
    return tuple(show(ctx, event.run) for event in events.started_runs(ctx.chain))


def _vote(view: RunView, rollbacks: Sequence[events.RolledBack], now_s: int) -> Vote:
    decided = next((event for event in rollbacks if event.vote == view.votes), None)
    open_left_s = max(0, view.vote_ends_at_s - now_s + 1)  # its last second included
    next_at_s = view.vote_ends_at_s + view.window_s + 1 if view.votes else 0
    state = VoteState.ENDED
    if not view.votes:
        state = VoteState.NONE
    elif decided is not None:
        state = VoteState.DECIDED
    elif open_left_s:
        state = VoteState.OPEN
    return Vote(
        state,
        view.votes,
        view.vote_ends_at_s,
        open_left_s if state is VoteState.OPEN else 0,
        next_at_s,
        max(0, next_at_s - now_s),
        None if decided is None else decided.target,
        None if decided is None else decided.entry,
    )


def _spec(ctx: Context, digest: bytes) -> RunSpec | None:
    """A stranger wrote it, and may keep it to himself."""
    try:
        return RunSpec.from_bytes(ctx.store.get(cid_from_digest(digest, MAX_SPEC_BYTES), MAX_SPEC_BYTES))
    except (StoreError, QuorateError):
        return None


def _check(terms: RunTerms, nodes: Sequence[str], ordered: Sequence[str]) -> None:
    if len(ordered) != len(nodes):
        raise RunRefused("a node is named twice")
    if not 1 <= len(ordered) <= MAX_NODES:
        raise RunRefused(f"{len(ordered)} nodes; a run has between 1 and {MAX_NODES}")
    if not 500_000 < terms.quorum_ppm <= 1_000_000:
        raise RunRefused(f"a quorum of {terms.quorum_ppm} ppm; it must be above one half and at most all")
    if not 0 <= terms.difficulty_bits <= MAX_DIFFICULTY_BITS:
        raise RunRefused(f"a difficulty of {terms.difficulty_bits} bits; give 0 to {MAX_DIFFICULTY_BITS}")
    if not MIN_WINDOW_S <= terms.window_s <= MAX_WINDOW_S:
        raise RunRefused(f"a vote window of {terms.window_s} s; give {MIN_WINDOW_S} to {MAX_WINDOW_S:,}")
