"""Stage draw: fixing the block that decides, then showing the shards it drew."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import draws, tasks
from dapp.chain.client import Receipt
from dapp.chain.seals import shard_tree
from dapp.stages.context import Context, NotSealedHere, once


@dataclass(frozen=True)
class Fixed:
    """A draw that nobody can change any more."""

    task: bytes
    draw_block: int
    pool_size: int
    receipt: Receipt | None


@dataclass(frozen=True)
class Revealed:
    """The drawn shards, shown; the vote is open."""

    task: bytes
    seed: int
    indices: tuple[int, ...]
    shard_cids: tuple[str, ...]
    receipt: Receipt | None


def fix(ctx: Context, task: bytes) -> Fixed:
    """Fix roster and draw block. By anyone, once. Raises ContractRefused (WrongPhase, PoolEmpty and
    others).
    """
    view = tasks.view(ctx.chain, task)
    call = ctx.chain.quorate.call("draw", view.key.astuple())
    receipt = once(ctx, "draw.fix", task, call, view.draw_block is not None)
    after = tasks.view(ctx.chain, task)
    return Fixed(task, after.draw_block or 0, len(after.seats), receipt)


def reveal(ctx: Context, task: bytes) -> Revealed:
    """Wait for the draw block, publish the drawn shards in the store and show them on chain.

    Raises NotSealedHere without the journal that opened the task, ContractRefused (DrawNotFixed, WrongPhase,
    ShardsUnproven, DrawBlockForgotten), and what chain, store and journal raise.
    """
    view = tasks.view(ctx.chain, task)
    secret = ctx.journal.get("shards", task.hex())
    if secret is None:
        owner = view.key.initiator
        raise NotSealedHere(
            f"the journal of {ctx.chain.address} holds no shards of task 0x{task.hex()}, which"
            f" {owner} opened",
            fix=f"Run this as {owner}, with the data directory that it opened the task with.",
        )
    if view.draw_block is not None and not view.shards:
        ctx.clock.wait_block(view.draw_block + ctx.chain.settings.confirmations)
    seed = view.seed
    if seed is None:
        seed = int(ctx.chain.read(ctx.chain.quorate.call("seedOf", task))[0])
    indices = draws.drawn(seed, draws.SHARDS, view.key.shard_count, view.key.shards_drawn)
    digests = [bytes.fromhex(digest) for digest in secret["shards"]]
    salts = [bytes.fromhex(salt) for salt in secret["salts"]]
    tree = shard_tree(digests, salts)
    shown = [(i, digests[i], salts[i]) for i in indices]
    call = ctx.chain.quorate.call("drawReveal", view.key.astuple(), shown, tree.multiproof(indices))
    if not view.shards and ctx.journal.get("tx", f"draw.reveal/{task.hex()}") is None:
        ctx.chain.plan(call)  # refused now rather than after publishing
    cids = tuple(ctx.store.put(ctx.journal.kept(digests[i])) for i in indices)
    ctx.failpoint("draw.reveal:stored")
    receipt = once(ctx, "draw.reveal", task, call, bool(view.shards))
    return Revealed(task, seed, tuple(indices), cids, receipt)
