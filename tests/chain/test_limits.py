"""The largest that a task can be: 21 models, a pool of 1,200, a committee of 1,200, 32 shards. No
transaction that
must be sent takes more than 8 M gas (EIP-7825 allows 16.7 M)."""

from __future__ import annotations

import pytest

from dapp.chain.words import MAX_MODELS, PANEL, Phase
from dapp.gas import world as w
from dapp.gas.rounds import Round
from dapp.gas.world import GOOD, World

MAX_POOL, MAX_SHARDS_DRAWN, MOST_GAS = 1_200, 32, 8_000_000


@pytest.fixture(scope="module")
def largest() -> Round:
    """A task of the largest kind that has come to its vote; the members that can sign come first."""
    world = World()
    signers = w.verifiers(100)
    crowd = [f"0x{0xC0FFEE << 64 | number:040x}" for number in range(MAX_POOL - len(signers))]
    pool = world.join([*signers, *(w.to_checksum_address(member) for member in crowd)])
    terms = {"committee": MAX_POOL, "cap": MAX_MODELS, "shard_count": 1_000, "shards_drawn": MAX_SHARDS_DRAWN}
    task = Round(world, contributors=MAX_MODELS, pool=pool, **terms)
    task.run_to(Phase.DRAW)
    task.verifiers = signers
    return task


def test_attack_24_largestTask_keepsEveryTransactionBounded(largest: Round) -> None:
    task, gas = largest, {}
    full = task.world.error(
        w.STRANGER, task.world.membership, "join", (w.ANYONE, (1).to_bytes(32, "big")), []
    )
    assert full.name == "PoolFull"
    gas["draw, with a roster of 1,200 published"] = task.draw().gas_used
    task.world.evm.mine(3)
    gas["show 32 of 1,000 shards"] = task.reveal().gas_used
    members = task.members()
    seats = {verifier: members.index(verifier) for verifier in task.verifiers}
    assert len(members) == MAX_POOL and max(seats.values()) > PANEL
    task.seat = seats.__getitem__  # type: ignore[method-assign]
    scores = [GOOD] * MAX_MODELS
    gas["seal a ballot alone"] = task.vote(task.verifiers[0], scores).gas_used
    gas["seal 60 ballots over two panels"] = task.vote_batch(
        dict.fromkeys(task.verifiers[40:100], scores)
    ).gas_used
    assert len(task.batches[0]) == 60
    task.until(Phase.BALLOT)
    gas["open a ballot on 21 models alone"] = task.open_ballot(task.verifiers[0]).gas_used
    gas["open 60 ballots on 21 models"] = task.open_batch().gas_used
    assert [task.panel(number).opened_count for number in range(3)] == [9, 48, 4]
    assert task.votes(20) == (61, False)
    task.until(Phase.SETTLED)
    gas["settle, nobody listed"] = task.settle().gas_used
    gas["settle, 21 contributors listed"] = task.settle(task.contributors).gas_used
    gas["settle, 61 verifiers listed"] = task.settle(
        (), [task.verifiers[0], *task.verifiers[40:100]]
    ).gas_used
    assert task.board_wei() == 0
    assert {name: figure for name, figure in gas.items() if figure > MOST_GAS} == {}
