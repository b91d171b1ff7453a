"""Training runs: started once with their nodes and rules, then listed and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Shown:
    """A run as chain and store have it; `spec` is None when the store cannot give it."""

    view: RunView
    spec: RunSpec | None
    entries: int
    rollbacks: int
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
    return Shown(
        view,
        spec,
        len(events.of_type(happened, events.Attested)),
        len(events.of_type(happened, events.RolledBack)),
        ctx.clock.now_s(),
    )


def list_runs(ctx: Context) -> tuple[Shown, ...]:
    """All runs of the ledger, in order of their start."""
    return tuple(show(ctx, event.run) for event in events.started_runs(ctx.chain))


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
