"""Attacks on commitments and submissions (threat model, A), one test a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.words import Phase, SubmissionState
from dapp.gas import world as w
from dapp.gas.rounds import Round
from dapp.gas.world import GOOD, INITIATOR, World, account, verifiers

COPYCAT = account(30)


def test_attack_01_copycatReplaysEverySeal_earnsNothing(world: World) -> None:
    task = Round(world)
    task.open()
    task.until(Phase.SUBMIT)
    for contributor in task.contributors:  # the copy goes first: it was seen on its way
        seal = world.seals.model_seal(task.task, contributor, *task.models[contributor].args())
        with world.evm.branch():
            task.send(COPYCAT, "commitSeal", task.task, seal)
            task.seal(contributor)
            task.until(Phase.OPEN)
            task.open_model(contributor)
            opening = task.models[contributor].args()
            refused = world.error(COPYCAT, world.board, "commitOpen", task.task, *opening)
            assert refused.name == "ModelSealMismatch"
            assert task.submission(contributor).state is SubmissionState.OPENED


def test_attack_01_copiedWeights_areStruckAndUnpaid(world: World) -> None:
    """Whoever learns the weights before the seals close can seal them too, but later: the first seal wins."""
    task = Round(world)
    original, thief = task.contributors[:2]
    task.models[thief] = replace(task.models[original], salt=b"\7" * 32)
    task.run_to(Phase.VOTE)
    task.send(w.STRANGER, "commitStrike", task.task, original, thief)
    for verifier in task.verifiers:
        task.vote(verifier, [GOOD] * 3)
    task.until(Phase.BALLOT)
    for verifier in task.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    task.settle(task.contributors, task.verifiers)
    assert world.evm.balance(thief) == 0
    assert world.evm.balance(original) == task.key.reward_wei // 2
    assert task.board_wei() == 0


def test_attack_01_strikeOfTheOriginal_isRefused(world: World) -> None:
    task = Round(world)
    original, thief, other = task.contributors
    task.models[thief] = replace(task.models[original], salt=b"\7" * 32)
    task.run_to(Phase.DRAW)
    for pair in [(thief, original), (original, original), (original, other), (other, w.STRANGER)]:
        assert world.error(w.STRANGER, world.board, "commitStrike", task.task, *pair).name == "NotACopy"
    task.send(w.STRANGER, "commitStrike", task.task, original, thief)
    assert world.error(w.STRANGER, world.board, "commitStrike", task.task, original, thief).name == "NotACopy"


def test_attack_01_sealedInOneBlock_firstOpenedWins(world: World) -> None:
    task = Round(world, contributors=2)
    first, second = task.contributors
    task.models[second] = replace(task.models[first], salt=b"\7" * 32)
    task.open()
    task.until(Phase.SUBMIT)
    task.seal(second, mine=False)
    task.seal(first)
    task.until(Phase.OPEN)
    task.open_model(first)
    task.open_model(second)
    assert world.error(w.STRANGER, world.board, "commitStrike", task.task, second, first).name == "NotACopy"
    task.send(w.STRANGER, "commitStrike", task.task, first, second)


@pytest.mark.parametrize("role", ["verifier", "contributor"])
def test_attack_05_initiatorInASecondRole_getsNoDraw(world: World, role: str) -> None:
    if role == "verifier":
        task = Round(world, pool=world.join([*verifiers(3), INITIATOR]))
    else:
        task = Round(world)
        task.contributors.append(INITIATOR)
    task.run_to(Phase.DRAW)
    refused = world.error(w.STRANGER, world.board, "draw", task.key.astuple())
    assert refused.name == ("InitiatorSeated" if role == "verifier" else "InitiatorContributed")
    task.until(Phase.LAPSED)  # it loses its bond
    task.settle(task.contributors)
    assert task.board_wei() == 0
    assert world.evm.balance(task.contributors[0]) == task.key.bond_wei // len(task.contributors)


def test_attack_06_allPlacesTaken_byJunk_isBoundedByTheCap(world: World) -> None:
    task = Round(world, contributors=4, cap=3)
    task.open()
    task.until(Phase.SUBMIT)
    for contributor in task.contributors:
        task.seal(contributor)
    task.until(Phase.OPEN)
    for contributor in task.contributors[:3]:
        task.open_model(contributor)
    late = task.contributors[3]
    refused = world.error(late, world.board, "commitOpen", task.task, *task.models[late].args())
    assert (refused.name, refused.args_["cap"]) == ("CapReached", 3)


def test_attack_07_sealsWithheld_earnNothing(world: World) -> None:
    task = Round(world)
    silent = task.contributors[2]
    task.open()
    task.until(Phase.SUBMIT)
    for contributor in task.contributors:
        task.seal(contributor)
    task.until(Phase.OPEN)
    for contributor in task.contributors[:2]:
        task.open_model(contributor)
    task.until(Phase.DRAW)
    late = world.error(silent, world.board, "commitOpen", task.task, *task.models[silent].args())
    assert late.name == "WrongPhase"
    task.until(Phase.LAPSED)
    task.settle(task.contributors)
    assert world.evm.balance(silent) == 0
    assert task.board_wei() == 0


def test_attack_07_secondSeal_isRefused(world: World) -> None:
    task = Round(world).run_to(Phase.SUBMIT)
    task.seal(task.contributors[0])
    refused = world.error(task.contributors[0], world.board, "commitSeal", task.task, b"\1" * 32)
    assert refused.name == "ModelAlreadySealed"


def test_attack_07_twoBallots_areRefused(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    alone, batched = task.verifiers[:2]
    task.vote(alone, [GOOD] * 3)
    task.vote_batch({batched: [GOOD] * 3})
    for verifier in (alone, batched):
        seat = task.seat(verifier)
        refused = world.error(verifier, world.board, "voteSeal", task.task, seat, b"\1" * 32)
        assert refused.name == "BallotAlreadySealed"
        entry = w.Ballot.of("other", [GOOD] * 3)
        seal = world.seals.ballot_seal(task.task, verifier, entry.scores, entry.salt)
        packed = seat.to_bytes(2, "big") + seal + world.sign(verifier, task.task, seal)
        assert world.error(verifier, world.board, "voteSealMany", task.task, packed).name == "BatchEmpty"
