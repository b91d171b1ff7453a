"""Models sealed and opened in batches: signed by their contributors, sent by anyone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from dapp.chain import model_batches
from dapp.chain.model_batches import ModelOpening, SignedModel
from dapp.chain.words import Phase, SubmissionState
from dapp.gas import world as w
from dapp.gas.rounds import Round
from dapp.gas.world import World

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 2 * HALF_ORDER + 1


def at(world: World, phase: Phase, **terms: object) -> Round:
    """A task with nothing sealed, or (phase Open) three models sealed in a batch."""
    task = Round(world, **terms)
    task.open()
    task.until(Phase.SUBMIT)
    if phase is Phase.OPEN:
        task.seal_batch(task.contributors)
        task.until(Phase.OPEN)
    return task


def openings(task: Round) -> list[ModelOpening]:
    return [ModelOpening(each, *task.models[each].args()) for each in task.contributors]


def states(task: Round) -> list[SubmissionState]:
    return [task.submission(each).state for each in task.contributors]


def seal(task: Round, entries: list[SignedModel]) -> None:
    task.send(w.SUBMITTER, "commitSealMany", task.task, model_batches.pack_signed(entries))


def test_modelDigest_isThatOfTheTypedData(world: World) -> None:
    message = encode_typed_data(full_message=world.seals.model_typed_data(b"\1" * 32, b"\2" * 32))
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    assert world.read(world.board, "modelDigest", b"\1" * 32, b"\2" * 32) == digest
    assert world.read(world.board, "ballotDigest", b"\1" * 32, b"\2" * 32) != digest


def test_batch_leavesWhatSealingAndOpeningAloneLeave(world: World) -> None:
    task = at(world, Phase.SUBMIT)
    words, said = [], []
    for batched in (False, True):
        with world.evm.branch():
            if batched:
                done = [task.seal_batch(task.contributors)]
            else:
                done = [task.seal(each) for each in task.contributors]
            blocks = [task.submission(each).sealed_block for each in task.contributors]
            task.until(Phase.OPEN)
            if batched:
                done.append(task.open_models(task.contributors))
            else:
                done += [task.open_model(each) for each in task.contributors]
            stored = [task.submission(each) for each in task.contributors]
            words.append((task.word(), [replace(s, sealed_block=0) for s in stored]))
            assert [s.sealed_block for s in stored] == blocks
            said.append([(topics, body) for receipt in done for _, topics, body in receipt.logs])
    assert words[0] == words[1]
    assert said[0] == said[1]


def test_sealMany_entriesThatCannotBeTaken_areLeftOut(world: World) -> None:
    task = at(world, Phase.SUBMIT)
    first, second, third = task.contributors
    task.seal(first)
    other = w.Model.of("another")
    entries = [
        replace(task.signed_model(first), seal=b"\1" * 32),
        replace(task.signed_model(second), signature=task.signed_model(third).signature),
        task.signed_model(third),
    ]
    task.models[third] = other
    entries.append(task.signed_model(third))
    seal(task, entries)
    assert states(task) == [SubmissionState.SEALED, SubmissionState.NONE, SubmissionState.SEALED]
    assert task.submission(third).digest == int.from_bytes(entries[2].seal, "big") >> 56


def other_task(task: Round) -> bytes:
    return task.world.sign_model(
        task.contributors[0], b"\1" * 32, task.signed_model(task.contributors[0]).seal
    )


def as_a_ballot(task: Round) -> bytes:
    signer = task.contributors[0]
    return task.world.sign(signer, task.task, task.signed_model(signer).seal)


def high_s(task: Round) -> bytes:
    """The second signature that anyone can make from the first."""
    given = task.signed_model(task.contributors[0]).signature
    r, s, v = given[:32], int.from_bytes(given[32:64], "big"), given[64]
    return r + (ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - v])


@pytest.mark.parametrize("forged", [other_task, as_a_ballot])
def test_attack_30_signatureForSomethingElse_sealsNothing(
    world: World, forged: Callable[[Round], bytes]
) -> None:
    task = at(world, Phase.SUBMIT)
    entry = replace(task.signed_model(task.contributors[0]), signature=forged(task))
    packed = model_batches.pack_signed([entry])
    assert world.error(w.SUBMITTER, world.board, "commitSealMany", task.task, packed).name == "BatchEmpty"


def test_attack_31_highS_isNoSignature(world: World) -> None:
    task = at(world, Phase.SUBMIT)
    entry = task.signed_model(task.contributors[0])
    forged = high_s(task)
    packed = bytearray(model_batches.pack_signed([entry]))
    s = int.from_bytes(forged[32:64], "big") | (forged[64] - 27) << 255  # as packed, were it allowed
    packed[-32:] = s.to_bytes(32, "big")
    refused = world.error(w.SUBMITTER, world.board, "commitSealMany", task.task, bytes(packed))
    assert refused.name == "BatchEmpty"
    seal(task, [entry])


def test_openMany_entriesThatCannotBeTaken_areLeftOut(world: World) -> None:
    task = at(world, Phase.OPEN, cap=2)
    first, second, third = openings(task)
    entries = [
        replace(first, claimed_ppm=first.claimed_ppm - 1),
        replace(first, size_bytes=0),
        replace(first, claimed_ppm=1_000_001),
        replace(first, contributor=w.STRANGER),
        second,
        second,
        first,
        third,
    ]
    task.send(w.SUBMITTER, "commitOpenMany", task.task, model_batches.pack_openings(entries))
    assert states(task) == [SubmissionState.OPENED, SubmissionState.OPENED, SubmissionState.SEALED]
    assert [task.submission(each).index for each in task.contributors[:2]] == [1, 0]
    assert task.word().models == 2


def test_attack_01_openingSomeoneElsesSeal_opensItsOwnersModel(world: World) -> None:
    """Whoever repeats an opening that it saw on its way does its owner a service."""
    task = at(world, Phase.OPEN)
    task.open_models(task.contributors[:1], sender=w.STRANGER)
    assert states(task) == [SubmissionState.OPENED, SubmissionState.SEALED, SubmissionState.SEALED]
    refused = world.error(
        task.contributors[0], world.board, "commitOpen", task.task, *task.models[task.contributors[0]].args()
    )
    assert refused.name == "ModelNotSealed"


def test_openMany_ofAListedTask_isRefused(world: World) -> None:
    task = at(world, Phase.OPEN, listed=b"\1" * 32)
    packed = model_batches.pack_openings(openings(task))
    refused = world.error(w.SUBMITTER, world.board, "commitOpenMany", task.task, packed)
    assert refused.name == "ContributorsAreListed"


@pytest.mark.parametrize(
    ("function", "phase", "size"),
    [("commitSealMany", Phase.SUBMIT, 116), ("commitOpenMany", Phase.OPEN, 124)],
)
def test_batches_malformedEmptyOrLate_areRefused(
    world: World, function: str, phase: Phase, size: int
) -> None:
    task = at(world, phase)
    refused = lambda entries: world.error(w.STRANGER, world.board, function, task.task, entries).name  # noqa: E731
    assert [refused(b"\1" * length) for length in (0, size - 1, size + 1)] == ["BatchMalformed"] * 3
    assert refused(b"\1" * size) == "BatchEmpty"
    task.until(Phase.OPEN if phase is Phase.SUBMIT else Phase.EMPTY)
    assert refused(b"\1" * size) == "WrongPhase"
