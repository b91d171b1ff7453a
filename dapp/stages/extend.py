"""Stage extend: what a committee accepted becomes the head; a changed old tensor takes it back."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import events, tasks
from dapp.chain.client import Receipt
from dapp.chain.lineage import Growth, Kind, Merge, RoundState, RoundView, lineage_view, merged, round_view
from dapp.chain.merkle import PlacedTree
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.lineage import heads, verdicts
from dapp.lineage.errors import HeadUnavailable, NothingToOverturn
from dapp.packages import PEER_FAULTS, PackageRefused
from dapp.stages.context import Context, NothingDue, once
from ml.weights import leaves


@dataclass(frozen=True)
class Extended:
    """A head that a round made."""

    task: bytes
    lineage: bytes
    head: int
    contributors: tuple[str, ...]
    tensors: bytes
    receipt: Receipt | None


@dataclass(frozen=True)
class Overturned:
    """An acceptance that was taken back."""

    task: bytes
    cheat: str
    tensor: int  # place of the one that changed
    receipt: Receipt | None


@dataclass(frozen=True)
class Prize:
    """Our share of a round's prize."""

    task: bytes
    amount_wei: int
    receipt: Receipt | None


def is_due(ctx: Context, view: TaskView, round_: RoundView) -> bool:
    """Whether the round has accepted models whose head nobody has made yet, and can."""
    if view.phase != Phase.SETTLED or round_.state is not RoundState.OPEN:
        return False
    line = lineage_view(ctx.chain, round_.lineage)
    stands = not line.ended and line.number == round_.parent
    return stands and any(m.index not in round_.cheats for m in view.accepted)


def extend(ctx: Context, task: bytes) -> Extended:
    """Make what the committee accepted the lineage's head; several growths are merged. By anyone.

    Raises NothingDue before the task is settled or when nothing was accepted, NotARound, ContractRefused
    (HeadMoved, ClassExists and others), HeadUnavailable when growths must be merged and one cannot be had.
    """
    round_ = verdicts.standing(ctx.chain, task)
    if round_.state is RoundState.TAKEN:
        return _made(ctx, round_, None)
    view = tasks.view(ctx.chain, task)
    if view.phase != Phase.SETTLED:
        raise NothingDue(f"task 0x{task.hex()} is in phase {view.phase.name}; its models are not decided yet")
    accepted = [m for m in view.accepted if m.index not in round_.cheats]
    if not accepted:
        raise NothingDue("no model was accepted: the head stays", fix="`quorate round close` ends the round.")
    contributors = tuple(m.contributor for m in accepted)
    growths = _declared(ctx, task, contributors)
    merge = _merge(ctx, round_, contributors, growths)
    call = ctx.chain.lineage.call(
        "extend", task, list(contributors), [growth.astuple() for growth in growths], merge.astuple()
    )
    receipt = once(ctx, "extend", task, call, False, part=f"/{len(round_.cheats)}")
    after = round_view(ctx.chain, task) or round_
    return _made(ctx, after, receipt)


def overturn(ctx: Context, task: bytes, to: str | None = None) -> Overturned:
    """Look for an old tensor that an accepted extension changed, and prove it on chain. By anyone, in time.

    Raises NothingToOverturn when every old tensor stands, NotARound, ContractRefused (ChallengeOver), and
    what chain and store raise.
    """
    round_ = verdicts.standing(ctx.chain, task)
    if round_.kind is not Kind.EXTEND or round_.state is not RoundState.TAKEN:
        raise NothingToOverturn(f"task 0x{task.hex()} is no round whose extension stands")
    known = heads.known(ctx.chain, round_.lineage)
    made = known.advanced(round_.head)
    contributors = () if made is None else made.contributors
    parent = heads.fetch(ctx.chain, ctx.store, known, round_.parent)
    spec = heads.spec_of(ctx.store, known.terms)
    growths = _declared(ctx, task, contributors)
    unseen: list[str] = []
    for contributor, growth in zip(contributors, growths, strict=True):
        try:
            (package,) = heads.taken(ctx.chain, ctx.store, spec, task, (contributor,))
        except (*PEER_FAULTS, PackageRefused) as error:
            unseen.append(f"the file of {contributor} cannot be had: {error.message}")
            continue
        own = leaves(package.data)
        if (PlacedTree(own).root, len(own)) != (growth.tensors, growth.tensor_count):
            unseen.append(
                f"the file of {contributor} is not what was declared of it: the chain cannot see that"
            )
            continue
        place = next((at for at, leaf in enumerate(parent.leaves) if own[at] != leaf), None)
        if place is None:
            continue
        call = ctx.chain.lineage.call(
            "overturn", task, contributor, growth.astuple(), place,
            parent.leaves[place], PlacedTree(parent.leaves).multiproof([place]),
            own[place], PlacedTree(own).multiproof([place]), to or ctx.chain.address,
        )  # fmt: skip
        receipt = once(ctx, "extend.overturn", task, call, False, part=f"/{len(round_.cheats)}")
        return Overturned(task, contributor, place, receipt)
    if unseen:
        raise NothingToOverturn(
            "; ".join(unseen), fix="Tell the next round's committee: its members can doubt the head."
        )
    raise NothingToOverturn(f"all {len(parent.leaves)} old tensors of head {round_.head} stand as they were")


def withdraw_prize(ctx: Context, task: bytes, to: str | None = None) -> Prize:
    """Take our share of a round's prize, once nobody can overturn its head any more.

    Raises NotARound, ContractRefused (ChallengeOpen, NothingOwed).
    """
    round_ = verdicts.standing(ctx.chain, task)
    call = ctx.chain.lineage.call("prizeWithdraw", task, to or ctx.chain.address)
    paid = events.of_type(events.of_lineage(ctx.chain, round_.lineage), events.PrizePaid)
    mine = next((p for p in paid if p.task == task and p.contributor == ctx.chain.address), None)
    receipt = once(ctx, "extend.prize", task, call, mine is not None)
    return Prize(task, round_.share_wei if mine is None else mine.amount_wei, receipt)


def _declared(ctx: Context, task: bytes, contributors: tuple[str, ...]) -> list[Growth]:
    said = {event.contributor: event.growth for event in events.declarations(ctx.chain, task)}
    missing = [contributor for contributor in contributors if contributor not in said]
    if missing:
        raise NothingDue(f"{missing[0]} was accepted without a declaration: this round can have no head")
    return [said[contributor] for contributor in contributors]


def _merge(ctx: Context, round_: RoundView, contributors: tuple[str, ...], growths: list[Growth]) -> Merge:
    """What the contract needs to put several growths behind one another; the files tell."""
    if len(growths) == 1:
        return Merge()
    known = heads.known(ctx.chain, round_.lineage)
    spec = heads.spec_of(ctx.store, known.terms)
    try:
        models = heads.taken(ctx.chain, ctx.store, spec, round_.task, contributors)
    except (*PEER_FAULTS, PackageRefused) as error:
        raise HeadUnavailable(
            f"the models that task 0x{round_.task.hex()} accepted cannot be merged: {error.message}"
        ) from error
    merge, _, _ = merged(known.view.head.tensor_count, [leaves(package.data) for package in models])
    return merge


def _made(ctx: Context, round_: RoundView, receipt: Receipt | None) -> Extended:
    made = heads.known(ctx.chain, round_.lineage).advanced(round_.head)
    contributors = () if made is None else made.contributors
    root = b"" if made is None else made.head.tensors
    return Extended(round_.task, round_.lineage, round_.head, contributors, root, receipt)
