"""Fuzzed commitments: whoever changes any one bound field does not open a seal. The seals are made by the
Python
mirror, so that every bound field, chain and board included, can be another one."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

import pytest

from dapp.chain.seals import Board
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.rounds import Round
from dapp.gas.world import GOOD, World, account

CONTRIBUTOR, OTHER = account(1), account(2)


def flipped(rng: random.Random, value: Any) -> Any:
    """The value with one random bit flipped, within its type's range where a flip would leave it."""
    if isinstance(value, bytes):
        bit = rng.randrange(8 * len(value))
        return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
    return value ^ 1 << rng.randrange(19)


def opens(world: World, task: Round, model: w.Model, seal: bytes) -> bool:
    """Whether the contributor, who sealed `seal`, can open it as `model`."""
    with world.evm.branch():
        task.send(CONTRIBUTOR, "commitSeal", task.task, seal)
        task.until(Phase.OPEN)
        try:
            task.open_model(CONTRIBUTOR, model)
        except w.ContractRefused as refused:
            assert refused.name == "ModelSealMismatch"
            return False
        return True


def test_modelSeal_unchanged_opens(world: World) -> None:
    task = Round(world).run_to(Phase.SUBMIT)
    model = task.models[CONTRIBUTOR]
    assert opens(world, task, model, world.seals.model_seal(task.task, CONTRIBUTOR, *model.args()))


@pytest.mark.parametrize("field", [field.name for field in fields(w.Model)])
def test_modelSeal_withAnyBitOfTheModelChanged_doesNotOpen(world: World, field: str) -> None:
    rng = random.Random(field)
    task = Round(world).run_to(Phase.SUBMIT)
    model = task.models[CONTRIBUTOR]
    seal = world.seals.model_seal(task.task, CONTRIBUTOR, *model.args())
    for _ in range(30):
        changed = replace(model, **{field: flipped(rng, getattr(model, field))})
        if changed.size_bytes > 0 and changed.claimed_ppm <= 1_000_000:
            assert not opens(world, task, changed, seal)


@pytest.mark.parametrize("context", ["chain", "board", "task", "sender"])
def test_modelSeal_madeElsewhere_doesNotOpen(world: World, context: str) -> None:
    task, twin = Round(world).run_to(Phase.SUBMIT), Round(world)
    model = task.models[CONTRIBUTOR]
    seals, name, sender = world.seals, task.task, CONTRIBUTOR
    if context == "chain":
        seals = Board(1, world.board.address)
    elif context == "board":
        seals = Board(world.evm.chain_id, World().create("Receiver").address)
    elif context == "task":
        name = twin.task
    else:
        sender = OTHER
    assert not opens(world, task, model, seals.model_seal(name, sender, *model.args()))


def test_contracts_onAnotherChain_haveOtherSealsAndIds() -> None:
    """The same deployment on two chains: the board itself binds the chain, not only its mirror."""
    one, two = World(chain_id=1), World(chain_id=2)
    assert one.board.address == two.board.address
    key = Round(one).key.astuple()
    model = w.Model.of("a model").args()
    ids = [world.read(world.board, "taskId", key) for world in (one, two)]
    seals = [world.read(world.board, "modelSeal", b"\1" * 32, CONTRIBUTOR, *model) for world in (one, two)]
    ballots = [
        world.read(world.board, "ballotSeal", b"\1" * 32, OTHER, b"\1" * 9, b"\2" * 16)
        for world in (one, two)
    ]
    digests = [world.read(world.board, "ballotDigest", b"\1" * 32, b"\2" * 32) for world in (one, two)]
    for pair in (ids, seals, ballots, digests):
        assert pair[0] != pair[1]


def ballot_opens(task: Round, verifier: str, scores: bytes, salt: bytes) -> bool:
    with task.world.evm.branch():
        try:
            task.send(verifier, "voteOpen", task.task, scores, salt)
        except w.ContractRefused as refused:
            assert refused.name == "BallotSealMismatch"
            return False
        return True


def test_ballotSeal_withAnyBitChanged_doesNotOpen(world: World) -> None:
    rng = random.Random(7)
    task = Round(world).run_to(Phase.VOTE)
    verifier = task.verifiers[0]
    task.vote(verifier, [GOOD, GOOD, 1])
    task.until(Phase.BALLOT)
    ballot = task.ballots[verifier]
    assert ballot_opens(task, verifier, ballot.scores, ballot.salt)
    for _ in range(60):
        assert not ballot_opens(task, verifier, flipped(rng, ballot.scores), ballot.salt)
        assert not ballot_opens(task, verifier, ballot.scores, flipped(rng, ballot.salt))
    assert not ballot_opens(task, verifier, ballot.scores + b"\0", ballot.salt)


@pytest.mark.parametrize("context", ["chain", "board", "task", "sender"])
def test_ballotSeal_madeElsewhere_doesNotOpen(world: World, context: str) -> None:
    task, twin = Round(world).run_to(Phase.VOTE), Round(world)
    verifier, other = task.verifiers[:2]
    ballot = w.Ballot.of("one", [GOOD] * 3)
    seals, name, sender = world.seals, task.task, verifier
    if context == "chain":
        seals = Board(1, world.board.address)
    elif context == "board":
        seals = Board(world.evm.chain_id, world.membership.address)
    elif context == "task":
        name = twin.task
    else:
        sender = other
    task.send(verifier, "voteSeal", task.task, 0, seals.ballot_seal(name, sender, ballot.scores, ballot.salt))
    task.until(Phase.BALLOT)
    assert not ballot_opens(task, verifier, ballot.scores, ballot.salt)
