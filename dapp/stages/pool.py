"""Pools of verifiers: joining once, serving every task that names the pool, leaving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dapp.chain import events
from dapp.chain.client import Receipt
from dapp.chain.seals import pool_id
from dapp.stages.context import Context, once

ANYONE = bytes(32)


@dataclass(frozen=True)
class PoolKey:
    """Who may join (a Merkle root of accounts, zero: anyone), and a salt that tells pools apart."""

    allow_list: bytes = ANYONE
    salt: bytes = bytes(32)

    @property
    def pool(self) -> bytes:
        """The pool's id."""
        return pool_id(self.allow_list, self.salt)


@dataclass(frozen=True)
class Membership:
    """Our account's place in a pool, after what was asked."""

    pool: bytes
    member: str
    is_member: bool
    receipt: Receipt | None
    before: bool = field(compare=False)  # whether it was so already


@dataclass(frozen=True)
class Pool:
    """A pool as it is now, in order of joining."""

    pool: bytes
    members: tuple[str, ...]


def join(ctx: Context, key: PoolKey, proof: Sequence[bytes] = ()) -> Membership:
    """Take a seat; no-op when we have one. Raises ContractRefused (NotOnList, PoolFull)."""
    account, pool = ctx.chain.address, key.pool
    call = ctx.chain.membership.call("join", (key.allow_list, key.salt), list(proof))
    before = _is_member(ctx, pool)
    receipt = once(ctx, "pool.join", pool, call, before, part=f"/{_turn(ctx, pool)}")
    return Membership(pool, account, True, receipt, before)


def leave(ctx: Context, pool: bytes) -> Membership:
    """Give up the seat, from the next draw on; no-op when we have none."""
    call = ctx.chain.membership.call("leave", pool)
    before = not _is_member(ctx, pool)
    receipt = once(ctx, "pool.leave", pool, call, before, part=f"/{_turn(ctx, pool)}")
    return Membership(pool, ctx.chain.address, False, receipt, before)


def show(ctx: Context, pool: bytes) -> Pool:
    """The members now."""
    members: dict[str, None] = {}
    for event in events.of_pool(ctx.chain, pool):
        if isinstance(event, events.Joined):
            members[event.member] = None
        elif isinstance(event, events.Left):
            members.pop(event.member, None)
    return Pool(pool, tuple(members))


def _is_member(ctx: Context, pool: bytes) -> bool:
    return bool(ctx.chain.read(ctx.chain.membership.call("isMember", pool, ctx.chain.address))[0])


def _turn(ctx: Context, pool: bytes) -> int:
    """How often we have left this pool: joining again after that is another step."""
    left = events.of_type(events.of_pool(ctx.chain, pool), events.Left)
    return sum(event.member == ctx.chain.address for event in left)
