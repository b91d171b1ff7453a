"""Models handed over for a batch: bad ones are named and left out, good ones count all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.model_batches import ModelOpening, SignedModel
from dapp.chain.words import Phase
from dapp.stages import commit, commit_many
from dapp.stages.context import NothingDue
from tests.flow.world import CONTRIBUTORS, STRANGER, World


@pytest.fixture
def of(world: World) -> bytes:
    """A task in phase Submit."""
    task = world.open()
    world.pass_phase(task, Phase.NOTICE)
    return task


def signed(world: World, of: bytes) -> list[SignedModel]:
    models = {index: world.train(index, of) for index in CONTRIBUTORS}
    return [
        commit_many.sign(world.person(index), of, model.manifest, model.weights)
        for index, model in models.items()
    ]


def openings(world: World, of: bytes) -> list[ModelOpening]:
    world.pass_phase(of, Phase.SUBMIT)
    return [commit_many.opening(world.person(index), of) for index in CONTRIBUTORS]


def test_sealMany_withBadEntries_leavesThemOutByName(world: World, of: bytes) -> None:
    first, second, third = signed(world, of)
    bad = [
        first,
        replace(second, signature=first.signature),
        replace(third, signature=third.signature[:64]),
        replace(third, signature=third.signature[:64] + b"\x05"),
        replace(third, contributor="0x77"),
    ]
    stranger = world.person(STRANGER)
    sent = commit_many.seal_many(stranger, of, [first, *bad, third])
    assert sent.contributors == (first.contributor, third.contributor)
    assert [(each.contributor, each.reason.split(" ", 1)[1]) for each in sent.left_out] == [
        (first.contributor, "entry is of the same contributor"),
        (second.contributor, "has not signed it"),
        (third.contributor, "seal has 32 bytes and a signature 65"),
        (third.contributor, "has not signed it"),
        ("0x77", "is no account"),
    ]
    assert world.view(of).sealed == (first.contributor, third.contributor)
    again = commit_many.seal_many(stranger, of, [first, third])
    assert again.receipt == sent.receipt
    before = world.balance_wei(STRANGER)
    with pytest.raises(NothingDue, match="has sealed another model already"):
        commit_many.seal_many(stranger, of, [replace(first, seal=bytes(32))])
    assert world.balance_wei(STRANGER) == before


def test_openMany_withWrongOpenings_leavesThemOutByName(world: World, of: bytes) -> None:
    commit_many.seal_many(world.person(STRANGER), of, signed(world, of))
    first, second, third = openings(world, of)
    wrong = [
        replace(second, salt=bytes(32)),
        replace(second, claimed_ppm=second.claimed_ppm + 1),
        replace(third, size_bytes=0),
        replace(third, weights=b""),
    ]
    sent = commit_many.open_many(world.person(STRANGER), of, [*wrong, first])
    assert sent.contributors == (first.contributor,)
    assert [each.reason for each in sent.left_out] == [
        *["that is not what the contributor sealed"] * 2,
        "the size or the claim is out of range",
        "weights, manifest and salt have 32 bytes each",
    ]
    commit_many.open_many(world.person(STRANGER), of, [second, third])
    assert [model.contributor for model in world.view(of).models] == [
        entry.contributor for entry in (first, second, third)
    ]


def test_opening_beforePhaseOpen_isNotHandedOut(world: World, of: bytes) -> None:
    signed(world, of)
    with pytest.raises(NothingDue, match="the phase is submit"):
        commit_many.opening(world.person(CONTRIBUTORS[0]), of)


def test_signedModel_thatNobodySent_isSealedAndOpenedAlone(world: World, of: bytes) -> None:
    model, person = world.train(1, of), world.person(1)
    handed = commit_many.sign(person, of, model.manifest, model.weights)
    assert commit.seal(person, of, model.manifest, model.weights).seal == handed.seal
    world.pass_phase(of, Phase.SUBMIT)
    commit_many.opening(person, of)
    commit.open_model(person, of)
    assert world.view(of).model_of(person.chain.address) is not None
