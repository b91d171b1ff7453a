"""Rounds of a lineage: a task becomes one, models are declared, its head may be doubted, it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dapp import packages
from dapp.chain import events, tasks
from dapp.chain.client import Receipt
from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Growth, Kind, RoundState, RoundView, lineage_view, round_view
from dapp.chain.seals import TaskKey
from dapp.chain.words import Phase
from dapp.lineage import heads, verdicts
from dapp.lineage.errors import HeadDoubtful
from dapp.lineage.verdicts import HeadFinding, Round
from dapp.stages.context import Context, NothingDue, TermsRefused, once
from dapp.store import StoreError
from ml.errors import QuorateError
from ml.spec import Development, TaskSpec

if TYPE_CHECKING:
    from ml.data.samples import Samples


@dataclass(frozen=True)
class Opened:
    """A task that is a round."""

    lineage: bytes
    task: bytes
    kind: Kind
    head: int
    receipt: Receipt | None


@dataclass(frozen=True)
class Declared:
    """What our account declared of its model."""

    task: bytes
    growth: Growth
    receipt: Receipt | None


@dataclass(frozen=True)
class Doubted:
    """Our vote against the head that a round goes on from."""

    task: bytes
    head: int
    receipt: Receipt | None


@dataclass(frozen=True)
class Closed:
    """A round that ended without a head."""

    task: bytes
    receipt: Receipt | None


def spec_for(ctx: Context, lineage: bytes, kind: Kind, development: Development) -> TaskSpec:
    """The task spec of the next round. Raises ContractRefused (LineageUnknown), and what the store raises."""
    known = heads.known(ctx.chain, lineage)
    spec = heads.spec_of(ctx.store, known.terms)
    return spec.round(verdicts.WORDS[kind], lineage, known.view.head.tensors, development)


def require_open(ctx: Context, lineage: bytes, kind: Kind, key: TaskKey) -> None:
    """Ask the contract, before a task is paid for, whether it would make it a round once it is there.

    Raises ContractRefused (HeadGoodEnough, HeadNotGoodEnough, RoundIsOpen, ChallengeOpen, RoundsUsedUp and
    others).
    """
    if round_view(ctx.chain, ctx.chain.board.task_id(key)) is not None:
        return
    terms = heads.known(ctx.chain, lineage).terms
    try:
        ctx.chain.read(
            ctx.chain.lineage.call("roundOpen", terms.astuple(), int(kind), key.astuple()), ctx.chain.address
        )
    except ContractRefused as refused:
        if refused.name != "WrongPhase":  # of the task that is not there yet, which is looked at last
            raise


def open_round(ctx: Context, lineage: bytes, task: bytes) -> Opened:
    """Make an open task, whose spec is a round's, the lineage's next round. By the initiator of both.

    Raises TermsRefused (retryable where the head is another), ContractRefused (HeadGoodEnough,
    HeadNotGoodEnough, RoundIsOpen, ChallengeOpen and others).
    """
    view = tasks.view(ctx.chain, task)
    spec = packages.spec(ctx.store, view.key.spec)
    known = heads.known(ctx.chain, lineage)
    if spec.round is None or spec.round.lineage != lineage.hex():
        raise TermsRefused(f"task 0x{task.hex()} has the spec of something else than a round of this lineage")
    standing = round_view(ctx.chain, task)
    if standing is None and spec.round.head != known.view.head.tensors.hex():
        raise TermsRefused(
            "the lineage's head is not the one that the task was prepared for",
            fix="Open another task, unless the chain was reorganised and the head comes back.",
            retryable=True,
        )
    kind = Kind[spec.kind.upper()]
    call = ctx.chain.lineage.call("roundOpen", known.terms.astuple(), int(kind), view.key.astuple())
    receipt = once(ctx, "round.open", task, call, standing is not None)
    number = known.view.number if standing is None else standing.parent
    return Opened(lineage, task, kind, number, receipt)


def declare(ctx: Context, task: bytes) -> Declared:
    """Declare what our opened model is: root over its tensors, their number, new classes. Once.

    Raises NothingDue without an opened model, InvalidGrowth for one that the round cannot take, NotARound,
    HeadUnavailable, ContractRefused (WrongPhase, AlreadyDeclared), and what chain and store raise.
    """
    view = tasks.view(ctx.chain, task)
    mine = view.model_of(ctx.chain.address)
    if mine is None:
        raise NothingDue(
            f"this account opened no model in task 0x{task.hex()}",
            fix="Open it first: `quorate commit open`.",
        )
    spec = packages.spec(ctx.store, view.key.spec)
    round_ = verdicts.round_of(ctx.chain, ctx.store, task, spec)
    package = packages.model(ctx.store, spec, mine.manifest, mine.weights, mine.size_bytes)
    verdicts.check(round_, package)
    growth = verdicts.growth_of(round_, package)
    call = ctx.chain.lineage.call("declare", task, growth.astuple())
    return Declared(task, growth, once(ctx, "round.declare", task, call, has_declared(ctx, task)))


def has_declared(ctx: Context, task: bytes) -> bool:
    """Whether our account has declared its model in the round."""
    call = ctx.chain.lineage.call("declarationOf", task, ctx.chain.address)
    return any(ctx.chain.read(call)[0])


def check_head(ctx: Context, task: bytes) -> HeadFinding:
    """Measure the head that a round goes on from, before training on it [Krolevets, 3.0.1 (2 d)].

    On the shards that the newest earlier round showed; without one, on the round's public test images.
    Raises HeadDoubtful when it does worse than was recorded, NotARound, HeadUnavailable.
    """
    spec = packages.spec(ctx.store, tasks.view(ctx.chain, task).key.spec)
    round_ = verdicts.round_of(ctx.chain, ctx.store, task, spec)
    found = verdicts.measure_head(round_, _public_samples(ctx, round_, spec))
    if found.doubtful:
        raise HeadDoubtful(
            f"head {found.number} reaches a likelihood of {found.measured_ppm} ppm;"
            f" {found.recorded_ppm} ppm were recorded of it"
        )
    return found


def doubt(ctx: Context, task: bytes) -> Doubted:
    """Vote that the head is not what was recorded. By members of the round's committee, while they vote.

    Raises NothingDue for others, NotARound, ContractRefused (WrongPhase, HeadMoved, AlreadyDoubted).
    """
    round_ = verdicts.standing(ctx.chain, task)
    seat = tasks.view(ctx.chain, task).seat_of(ctx.chain.address)
    if seat is None or seat.place is None:
        raise NothingDue(f"this account is not in the committee of task 0x{task.hex()}")
    call = ctx.chain.lineage.call("doubt", task, seat.seat)
    receipt = once(ctx, "round.doubt", task, call, has_doubted(ctx, task))
    return Doubted(task, round_.parent, receipt)


def has_doubted(ctx: Context, task: bytes) -> bool:
    """Whether our account has voted against the round's head."""
    round_ = verdicts.standing(ctx.chain, task)
    said = events.of_type(events.of_lineage(ctx.chain, round_.lineage), events.Doubted)
    return any(event.task == task and event.verifier == ctx.chain.address for event in said)


def may_doubt(ctx: Context, task: bytes) -> bool:
    """Whether our doubt can still be said: not yet said, and the head has not fallen meanwhile."""
    round_ = verdicts.standing(ctx.chain, task)
    line = lineage_view(ctx.chain, round_.lineage)
    return not line.ended and line.number == round_.parent and not has_doubted(ctx, task)


def close(ctx: Context, task: bytes) -> Closed:
    """Close a round that is over and made no head. By anyone.

    Raises NotARound, ContractRefused (NotOver, RoundPending, RoundNotOpen).
    """
    round_ = verdicts.standing(ctx.chain, task)
    call = ctx.chain.lineage.call("roundClose", task)
    return Closed(task, once(ctx, "round.close", task, call, round_.state is RoundState.CLOSED))


def show(ctx: Context, task: bytes) -> RoundView:
    """The round that a task is. Raises NotARound."""
    return verdicts.standing(ctx.chain, task)


def _public_samples(ctx: Context, round_: Round, spec: TaskSpec) -> Samples:
    opened = events.of_type(round_.known.history, events.RoundOpened)
    for earlier in reversed([event.task for event in opened if event.task != round_.view.task]):
        if tasks.phase(ctx.chain, earlier) < Phase.VOTE:
            continue
        try:
            shards = tasks.view(ctx.chain, earlier).shards
            if not shards:  # it lapsed
                continue
            found = packages.drawn(ctx.store, spec, [shard.digest for shard in shards])
        except (QuorateError, StoreError):
            continue
        if len(found.with_labels(round_.head.labels)):
            return found
    return packages.samples(ctx.store, spec, spec.development.test)
