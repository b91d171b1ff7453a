"""Membership.sol: who may join, leave and be frozen in a roster."""

from __future__ import annotations

from typing import Any

from brownie import ZERO_ADDRESS, accounts

from dapp.chain.merkle import MerkleTree
from dapp.chain.seals import account_leaf, pool_id
from tests.contracts.conftest import NO_LIST, reverts

OPEN_POOL = (NO_LIST, b"\1" * 32)


def test_join_openPool_takesTheNextSeat(membership: Any) -> None:
    for account in accounts[:3]:
        membership.join(OPEN_POOL, [], {"from": account})
    membership.publish(pool_id(*OPEN_POOL))
    assert [membership.memberAt(1, seat) for seat in range(4)] == [*accounts[:3], ZERO_ADDRESS]


def test_join_twice_reverts(membership: Any) -> None:
    membership.join(OPEN_POOL, [], {"from": accounts[1]})
    with reverts("AlreadyMember"):
        membership.join(OPEN_POOL, [], {"from": accounts[1]})


def test_join_listedPool_wantsAProof(membership: Any) -> None:
    tree = MerkleTree([account_leaf(account.address) for account in accounts[:3]])
    pool = (tree.root, NO_LIST)
    membership.join(pool, tree.proof(1), {"from": accounts[1]})
    with reverts("NotOnList"):
        membership.join(pool, tree.proof(1), {"from": accounts[2]})
    with reverts("NotOnList"):
        membership.join(pool, [], {"from": accounts[5]})


def test_leave_moves_theLastMemberIntoTheSeat(membership: Any) -> None:
    pool = pool_id(*OPEN_POOL)
    for account in accounts[:3]:
        membership.join(OPEN_POOL, [], {"from": account})
    membership.leave(pool, {"from": accounts[0]})
    membership.publish(pool)
    assert [membership.memberAt(1, seat) for seat in range(2)] == [accounts[2], accounts[1]]
    assert (membership.sizeOf(pool), membership.isMember(pool, accounts[0])) == (2, False)


def test_leave_withoutSeat_reverts(membership: Any) -> None:
    with reverts("NotMember"):
        membership.leave(pool_id(*OPEN_POOL), {"from": accounts[0]})


def test_publish_emptyPool_reverts(membership: Any) -> None:
    with reverts("PoolEmpty"):
        membership.publish(pool_id(*OPEN_POOL))


def test_publish_unchangedPool_keepsItsRoster(membership: Any) -> None:
    pool = pool_id(*OPEN_POOL)
    membership.join(OPEN_POOL, [], {"from": accounts[0]})
    membership.publish(pool)
    membership.publish(pool)
    assert tuple(map(int, membership.lastRoster(pool))) == (1, 1, True)
    membership.join(OPEN_POOL, [], {"from": accounts[1]})
    assert tuple(map(int, membership.lastRoster(pool))) == (1, 1, False)
    membership.publish(pool)
    assert tuple(map(int, membership.lastRoster(pool))) == (2, 2, True)


def test_publish_pastThe127thRoster_findsItsAddress(membership: Any) -> None:
    """A creation nonce of 128 is the first that takes two bytes in RLP."""
    pool = pool_id(*OPEN_POOL)
    membership.join(OPEN_POOL, [], {"from": accounts[0]})
    for number in range(1, 130):
        membership.publish(pool)
        account = accounts[1]
        if number % 2:
            membership.join(OPEN_POOL, [], {"from": account})
        else:
            membership.leave(pool, {"from": account})
    assert membership.memberAt(127, 0) == accounts[0]
    assert membership.memberAt(128, 1) == accounts[1]
    assert membership.memberAt(129, 1) == ZERO_ADDRESS
