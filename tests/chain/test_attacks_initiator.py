"""Attacks by the initiator (threat model, B), one test a row."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from typing import Any

import pytest

from dapp.chain import draws
from dapp.chain.errors import ContractRefused
from dapp.chain.merkle import PlacedTree
from dapp.chain.seals import shard_leaf
from dapp.chain.words import DrawWord, Phase, TaskWord
from dapp.gas import world as w
from dapp.gas.evm import HISTORY_BLOCKS, OutOfGas, block_hash
from dapp.gas.rounds import Round
from dapp.gas.world import GOOD, INITIATOR, World


@pytest.fixture
def fixed(world: World) -> Round:
    """A task whose draw is fixed and whose draw block lies behind."""
    task = Round(world).run_to(Phase.DRAW)
    task.draw()
    world.evm.mine(3)
    return task


def refused_reveal(task: Round, shards: list[Any], proof: list[bytes]) -> str:
    key = task.key.astuple()
    return task.world.error(INITIATOR, task.world.board, "drawReveal", key, shards, proof).name


def test_attack_09_anyByteOfAShardFlipped_isUnproven(fixed: Round) -> None:
    shown = fixed.drawn_shards()
    proof = fixed.tree.multiproof(shown)
    for place in range(3):
        for field in (1, 2):
            for byte in range(32):
                shards = [list(fixed.shards[i]) for i in shown]
                flipped = bytearray(shards[place][field])  # type: ignore[call-overload]
                flipped[byte] ^= 1
                shards[place][field] = bytes(flipped)
                if byte % 8 == 0:
                    assert refused_reveal(fixed, shards, proof) == "ShardsUnproven"


def test_attack_09_shardsDroppedDoubledOrSwapped_areRefused(fixed: Round) -> None:
    shown = fixed.drawn_shards()
    proof = fixed.tree.multiproof(shown)
    first, second, third = (fixed.shards[i] for i in shown)
    other = next(shard for shard in fixed.shards if shard[0] not in shown)
    swapped = (first[0], *second[1:]), (second[0], *first[1:]), third
    assert refused_reveal(fixed, [first, second], proof) == "ShardCountMismatch"
    assert refused_reveal(fixed, [first, second, third, other], proof) == "ShardCountMismatch"
    assert refused_reveal(fixed, [first, first, third], proof) == "ShardsOutOfOrder"
    assert refused_reveal(fixed, [second, first, third], proof) == "ShardsOutOfOrder"
    assert refused_reveal(fixed, list(swapped), proof) == "ShardsUnproven"


def test_attack_09_shardThatWasNotDrawn_isRefused(fixed: Round) -> None:
    drawn = fixed.drawn_shards()
    for wrong in range(10):
        if wrong in drawn:
            continue
        shown = sorted([wrong, *drawn[1:]])
        proof = fixed.tree.multiproof(shown)
        assert refused_reveal(fixed, [fixed.shards[i] for i in shown], proof) == "ShardNotDrawn"


def test_attack_09_proofsOfOtherShapes_areRefused(fixed: Round) -> None:
    shown = fixed.drawn_shards()
    shards, proof = [fixed.shards[i] for i in shown], fixed.tree.multiproof(shown)
    others = [proof[:length] for length in range(len(proof))]
    others += [[*proof, proof[-1]], [proof[-1], *proof], proof[::-1], [fixed.tree.root] * len(proof)]
    for other in others:
        assert refused_reveal(fixed, shards, other) == "ShardsUnproven"


def test_attack_09_twoShardsCommittedForOneIndex_noneCanBeChosen(world: World) -> None:
    """A second shard 5, committed at place 7, can be shown neither as shard 5 nor as shard 7."""
    task = Round(world)
    second = (5, b"\7" * 32, task.shards[7][2])
    task.tree = PlacedTree([shard_leaf(*shard) for shard in [*task.shards[:7], second, *task.shards[8:]]])
    task.key = replace(task.key, shards=task.tree.root, shards_drawn=10)
    task.task = world.seals.task_id(task.key)
    task.run_to(Phase.DRAW)
    task.draw()
    world.evm.mine(3)
    honest = list(task.shards)
    assert refused_reveal(task, honest, []) == "ShardsUnproven"
    assert refused_reveal(task, [*honest[:5], second, *honest[6:]], []) == "ShardsUnproven"
    assert refused_reveal(task, [*honest[:7], (7, *second[1:]), *honest[8:]], []) == "ShardsUnproven"
    assert refused_reveal(task, [*honest[:7], second, *honest[8:]], []) == "ShardsOutOfOrder"


def test_attack_10_shardsNotShown_bondIsForfeitedAndAllEnds(fixed: Round) -> None:
    fixed.until(Phase.LAPSED)
    fixed.settle(fixed.contributors, fixed.verifiers)
    balance = fixed.world.evm.balance
    sixth = fixed.key.bond_wei // 2 // 3
    assert [balance(who) for who in fixed.contributors + fixed.verifiers] == [sixth] * 6
    assert balance(INITIATOR) == fixed.key.pot_wei - 6 * sixth
    assert fixed.board_wei() == 0


@pytest.mark.parametrize(
    "stop", [Phase.NOTICE, Phase.SUBMIT, Phase.OPEN, Phase.DRAW, Phase.VOTE, Phase.BALLOT]
)
def test_attack_10_initiatorGoneAnywhere_nothingStaysBehind(world: World, stop: Phase) -> None:
    task = Round(world).run_to(stop)
    while not task.phase().is_over:
        world.evm.travel_to(task.phase_ends_s())
    task.settle(task.contributors, task.verifiers if isinstance(task.word(), DrawWord) else ())
    assert task.board_wei() == 0


def test_attack_11_revealAtAnyTime_meetsTheSameDraw(world: World) -> None:
    task = Round(world, draw_s=100_000).run_to(Phase.DRAW)
    task.draw()
    word = task.word()
    assert isinstance(word, TaskWord)
    assert word.draw_block == world.evm.number - 1 + 2
    seed = draws.seed_from(block_hash(word.draw_block), task.task)
    world.evm.mine(2)
    for _ in range(1_000):
        world.evm.mine()
        if world.evm.number % 50 == 0 or world.evm.number - word.draw_block < 5:
            assert world.read(world.board, "seedOf", task.task) == seed
    task.reveal()
    assert world.read(world.board, "seedOf", task.task) == seed


def test_attack_11_drawTwice_isRefused(world: World) -> None:
    task = Round(world).run_to(Phase.DRAW)
    task.draw()
    assert world.error(INITIATOR, world.board, "draw", task.key.astuple()).name == "DrawAlreadyFixed"


def test_attack_11_beforeTheDrawBlockIsKnown_revealIsRefused(world: World) -> None:
    task = Round(world).run_to(Phase.DRAW)
    key = task.key.astuple()
    assert world.error(INITIATOR, world.board, "drawReveal", key, [], []).name == "DrawNotFixed"
    task.draw()
    for _ in range(2):
        refused = world.error(INITIATOR, world.board, "drawReveal", key, [], [])
        assert refused.name == "DrawBlockPending"
    assert world.error(INITIATOR, world.board, "drawReveal", key, [], []).name == "ShardCountMismatch"


def test_attack_11_drawBlockForgotten_isAnErrorNotAZeroSeed(world: World) -> None:
    task = Round(world, draw_s=100_000).run_to(Phase.DRAW)
    task.draw()
    word = task.word()
    assert isinstance(word, TaskWord)
    world.evm.mine(word.draw_block + HISTORY_BLOCKS - world.evm.number)
    assert world.read(world.board, "seedOf", task.task) == draws.seed_from(
        block_hash(word.draw_block), task.task
    )
    world.evm.mine()
    key = task.key.astuple()
    assert world.error(INITIATOR, world.board, "drawReveal", key, [], []).name == "DrawBlockForgotten"
    task.until(Phase.LAPSED)
    task.settle(task.contributors, task.verifiers)
    assert task.board_wei() == 0


def test_attack_13_anyCallOfTheInitiator_takesNothingBeforeTheEnd(world: World) -> None:
    """All functions of the board with the task's own key and with noise, in every phase after notice."""
    rng = random.Random(13)
    functions = [e for e in world.board.abi if e["type"] == "function" and e["stateMutability"] != "view"]
    for stop in (Phase.SUBMIT, Phase.OPEN, Phase.DRAW, Phase.VOTE, Phase.BALLOT):
        before = world.evm.snapshot()
        task = Round(world).run_to(stop)
        for entry in functions:
            for _ in range(3):
                args = [_argument(rng, task, given) for given in entry["inputs"]]
                with world.evm.branch():
                    with contextlib.suppress(ContractRefused, OutOfGas):
                        world.send(INITIATOR, world.board, entry["name"], *args)
                    assert task.board_wei() == task.key.pot_wei, entry["name"]
        world.evm.revert(before)


def _argument(rng: random.Random, task: Round, given: Any) -> Any:
    kind, name = given["type"], given["name"]
    if kind == "tuple":
        return task.key.astuple()
    if name == "task":
        return task.task
    if kind == "address":
        return rng.choice([INITIATOR, *task.contributors, *task.verifiers])
    if kind == "address[]":
        return [INITIATOR, *task.contributors]
    if kind == "uint256[]":
        return [0, 1, 2, rng.randrange(9)]
    if kind == "tuple[]":
        return [task.shards[i] for i in sorted(rng.sample(range(10), 3))]
    if kind == "bool[]":
        return [rng.random() < 0.5 for _ in range(3)]
    if kind.endswith("[]"):
        return [rng.randbytes(32)] if kind == "bytes32[]" else [rng.randrange(1_000_000)]
    if kind == "bytes":
        return rng.randbytes(rng.choice([9, 35, 99]))
    if kind.startswith("bytes"):
        return rng.randbytes(int(kind[5:]))
    return rng.randrange(min(2 ** int(kind[4:]), 1_000_001))


def test_attack_13_cancelAfterNotice_isRefused(world: World) -> None:
    task = Round(world).run_to(Phase.SUBMIT)
    key = task.key.astuple()
    assert world.error(INITIATOR, world.board, "taskCancel", key, INITIATOR).name == "WrongPhase"


def test_attack_13_poolThatChangesAfterTheDraw_changesNoCommittee(world: World) -> None:
    task = Round(world).run_to(Phase.DRAW)
    task.draw()
    for verifier in task.verifiers:
        world.send(verifier, world.membership, "leave", task.pool)
    world.evm.mine(3)
    task.reveal()
    for verifier in task.verifiers:
        task.vote(verifier, [GOOD] * 3)
    assert task.members() == w.verifiers(3)
