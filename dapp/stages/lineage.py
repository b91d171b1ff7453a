"""Lineages: started once with their first head, then listed, shown and ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dapp import packages
from dapp.chain import events
from dapp.chain.client import Receipt
from dapp.chain.lineage import Lineages, LineageTerms, class_word
from dapp.chain.merkle import PlacedTree
from dapp.lineage import heads
from dapp.lineage.heads import Class, Known
from dapp.packages import PEER_FAULTS
from dapp.stages.context import Context, TermsRefused, once
from dapp.store import StoreError
from ml.canonical import sha256
from ml.lineage_spec import LineageSpec

if TYPE_CHECKING:
    from ml.growth import Grown


@dataclass(frozen=True)
class Terms:
    """What a lineage promises, beside its specification and first head."""

    pool: bytes
    committee: int = 3
    prize_wei: int = 0
    rounds_max: int = 20
    idle_max: int = 2
    threshold_ppm: int = 900_000
    challenge_s: int = 3_600
    growable: bool = True
    number: int = 0  # tells apart lineages that are alike in all else


@dataclass(frozen=True)
class Started:
    """A lineage that stands."""

    lineage: bytes
    spec_cid: str
    manifest_cid: str
    terms: LineageTerms
    receipt: Receipt | None


@dataclass(frozen=True)
class Ended:
    """A lineage that takes no more rounds."""

    lineage: bytes
    receipt: Receipt | None


@dataclass(frozen=True)
class Shown:
    """A lineage as chain and store have it; `spec` is None when the store cannot give it."""

    lineage: bytes
    known: Known
    classes: tuple[Class, ...]
    spec: LineageSpec | None
    authors: tuple[str, ...]  # of the present head
    rounds: tuple[bytes, ...]  # tasks, in order
    now_s: int


def start(ctx: Context, spec: LineageSpec, model: Grown, claimed_ppm: int, terms: Terms) -> Started:
    """Start a lineage with `model` as its first head, and pay the prizes of all its rounds.

    claimed_ppm: the model's likelihood, as its author measured it. No-op when this very lineage stands.
    Raises TermsRefused, ContractRefused (LineageTermsInvalid and others), and what chain and store raise.
    """
    from ml.weights import leaves

    _check(spec, model)
    manifest, data = packages.packed(spec.digest(), model, claimed_ppm)
    own = leaves(data)
    full = LineageTerms(
        initiator=ctx.chain.address,
        spec=spec.digest(),
        weights=sha256(data),
        manifest=manifest.digest(),
        tensors=PlacedTree(own).root,
        tensor_count=len(own),
        score_ppm=claimed_ppm,
        pool=terms.pool,
        committee=terms.committee,
        prize_wei=terms.prize_wei,
        rounds_max=terms.rounds_max,
        idle_max=terms.idle_max,
        threshold_ppm=terms.threshold_ppm,
        challenge_s=terms.challenge_s,
        growable=terms.growable,
        salt=terms.number,
    )
    ctx.store.put(data)
    spec_cid, manifest_cid = ctx.store.put(spec.to_bytes()), ctx.store.put(manifest.to_bytes())
    lineage = Lineages(ctx.chain.chain_id, ctx.chain.lineage.address).lineage_id(full)
    classes = [(class_word(spec.labels[label]), spec.label_digest(label)) for label in model.labels]
    call = ctx.chain.lineage.call("lineageStart", full.astuple(), classes)
    stands = any(event.lineage == lineage for event in events.started_lineages(ctx.chain))
    receipt = once(ctx, "lineage.start", lineage, call, stands, full.prizes_wei)
    return Started(lineage, spec_cid, manifest_cid, full, receipt)


def show(ctx: Context, lineage: bytes) -> Shown:
    """The lineage as it stands. Raises ContractRefused (LineageUnknown)."""
    known = heads.known(ctx.chain, lineage)
    made = known.advanced(known.view.number)
    try:
        spec = heads.spec_of(ctx.store, known.terms)
    except (*PEER_FAULTS, StoreError):
        spec = None
    return Shown(
        lineage,
        known,
        known.classes,
        spec,
        (known.terms.initiator,) if made is None else made.contributors,
        tuple(event.task for event in events.of_type(known.history, events.RoundOpened)),
        ctx.clock.now_s(),
    )


def list_lineages(ctx: Context) -> tuple[Shown, ...]:
    """All lineages, in order of their start."""
    return tuple(show(ctx, event.lineage) for event in events.started_lineages(ctx.chain))


def end(ctx: Context, lineage: bytes, to: str | None = None) -> Ended:
    """Take no more rounds, and take back the prizes that are not owed. By the initiator.

    Raises ContractRefused (NotInitiator, RoundIsOpen, ChallengeOpen, LineageEnded).
    """
    known = heads.known(ctx.chain, lineage)
    call = ctx.chain.lineage.call("lineageEnd", known.terms.astuple(), to or ctx.chain.address)
    paid = any(events.of_type(known.history, events.LineageClosed))
    return Ended(lineage, once(ctx, "lineage.end", lineage, call, paid))


def _check(spec: LineageSpec, model: Grown) -> None:
    if max(model.labels) >= len(spec.labels):
        raise TermsRefused(f"the model has labels beyond the lineage's {len(spec.labels)}")
    if model.plan.input_shape != spec.input_shape:
        raise TermsRefused(
            f"the model takes {model.plan.input_shape}, the lineage's input is {spec.input_shape}"
        )
