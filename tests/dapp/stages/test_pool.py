"""Pools: joining and leaving are done once, however often they are asked for."""

from __future__ import annotations

import pytest

from dapp.chain.errors import ContractRefused
from dapp.chain.merkle import MerkleTree
from dapp.chain.seals import account_leaf
from dapp.stages import pool
from dapp.stages.pool import PoolKey
from tests.flow.world import World


def test_join_leave_join_eachCountsOnce(world: World) -> None:
    ctx, key = world.person(1), PoolKey()
    first = pool.join(ctx, key)
    assert pool.join(ctx, key) == first
    assert pool.show(ctx, key.pool).members == (ctx.chain.address,)
    pool.leave(ctx, key.pool)
    assert pool.show(ctx, key.pool).members == ()
    assert pool.join(ctx, key).receipt != first.receipt
    assert pool.show(ctx, key.pool).members == (ctx.chain.address,)


def test_join_listedPool_needsTheProof(world: World) -> None:
    listed, other = world.person(1), world.person(2)
    leaves = [account_leaf(listed.chain.address), account_leaf("0x" + "11" * 20)]
    tree = MerkleTree(leaves)
    key = PoolKey(allow_list=tree.root)
    assert pool.join(listed, key, tree.proof(0)).is_member
    with pytest.raises(ContractRefused, match="NotOnList"):
        pool.join(other, key, tree.proof(0))
