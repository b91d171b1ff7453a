"""Ballots handed over for a batch: bad ones are named and left out, good ones count all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.batches import OpenedEntry, SignedSeal, pack_sealed
from dapp.chain.contracts import contract, creation
from dapp.chain.words import Phase
from dapp.stages import vote
from dapp.stages.context import NothingDue
from tests.flow.world import CONTRIBUTORS, STRANGER, VERIFIERS, World

SCORES = (900_000,)
OWNER = 25  # the account whose signatures a wallet takes
ANSWERS = {"Honest": 0, "Always": 1, "WrongMagic": 2, "Revert": 4, "EatGas": 7, "Dear": 8}  # of Wallet.sol


@pytest.fixture
def of(world: World) -> bytes:
    """A task in phase Vote with one model."""
    task = world.open()
    world.submit(task, CONTRIBUTORS[:1])
    world.draw(task)
    return task


def test_seal_beforeTheDraw_saysThatTheCommitteeIsNotKnownYet(world: World) -> None:
    of = world.open()
    world.submit(of)
    with pytest.raises(NothingDue, match="is not made: who is in the committee"):
        vote.seal(world.person(VERIFIERS[0]), of, [900_000] * 3)


def test_sealMany_withBadEntries_leavesThemOutByName(world: World, of: bytes) -> None:
    first, second, third = (vote.sign(world.person(index), of, SCORES) for index in VERIFIERS)
    bad = [
        first,
        replace(second, signature=first.signature),
        replace(third, signature=third.signature[:64]),
        replace(third, signature=third.signature[:64] + b"\x05"),
        replace(third, seat=77),
        replace(third, seat=-1),
        replace(third, seat=[1]),
    ]
    sent = vote.seal_many(world.person(STRANGER), of, [first, *bad, third])
    assert sent.seats == (first.seat, third.seat)
    assert [(each.seat, each.reason.split(" ", 1)[1]) for each in sent.left_out] == [
        (first.seat, "entry is of the same seat"),
        (second.seat, "has not signed it"),
        (third.seat, "seal has 32 bytes and a signature 65"),
        (third.seat, "has not signed it"),
        (77, "is no such seat"),
        (-1, "is no such seat"),
        ([1], "is no such seat"),
    ]
    sealed = [seat.seat for seat in world.view(of).seats if seat.sealed is not None]
    assert sealed == sorted((first.seat, third.seat))


def test_sealMany_withNothingGood_costsNothing(world: World, of: bytes) -> None:
    signed, stranger = vote.sign(world.person(VERIFIERS[0]), of, SCORES), world.person(STRANGER)
    before = world.balance_wei(STRANGER)
    with pytest.raises(NothingDue, match="has not signed it"):
        vote.seal_many(stranger, of, [replace(signed, seal=bytes(32))])
    assert world.balance_wei(STRANGER) == before


def test_openMany_withWrongOpenings_leavesThemOutByName(world: World, of: bytes) -> None:
    people = [world.person(index) for index in VERIFIERS]
    vote.seal_many(world.person(STRANGER), of, [vote.sign(person, of, SCORES) for person in people])
    world.pass_phase(of, Phase.VOTE)
    first, second, third = (vote.opening(person, of) for person in people)
    openings = [first, replace(second, salt=bytes(16)), OpenedEntry(third.seat, b"", third.salt), first]
    (sent,) = vote.open_many(world.person(STRANGER), of, openings)
    assert sent.seats == (first.seat,)
    assert [each.seat for each in sent.left_out] == [second.seat, third.seat, first.seat]
    assert "not those that were sealed" in sent.left_out[0].reason


def test_opening_beforePhaseBallot_isNotHandedOut(world: World, of: bytes) -> None:
    person = world.person(VERIFIERS[0])
    vote.sign(person, of, SCORES)
    with pytest.raises(NothingDue, match="the phase is vote"):
        vote.opening(person, of)
    world.pass_phase(of, Phase.VOTE)
    assert len(vote.opening(person, of).salt) == 16


def by_wallet(world: World, of: bytes, index: int, answer: str) -> SignedSeal:
    """The ballot of a verifier with the code of a wallet (EIP-7702), signed by the wallet's owner."""
    verifier, owner = world.person(index).chain, world.person(OWNER).chain
    wallet = owner.create(f"wallet/{index}", creation("Wallet", owner.address)).contract
    assert wallet is not None
    world.delegate(index, to=wallet)
    owner.send(f"say/{index}", contract("Wallet", verifier.address).call("say", ANSWERS[answer]))
    signed = vote.sign(world.person(index), of, SCORES)
    return replace(signed, signature=owner.sign_typed_data(verifier.board.ballot_typed_data(of, signed.seal)))


@pytest.mark.parametrize("answer", ANSWERS)
def test_sealMany_withAWalletsBallot_takesItAsTheBoardDoes(world: World, of: bytes, answer: str) -> None:
    signed, stranger = by_wallet(world, of, VERIFIERS[0], answer), world.person(STRANGER)
    other = vote.sign(world.person(VERIFIERS[1]), of, SCORES)
    sent = vote.seal_many(stranger, of, [signed, other])
    assert sent.seats == ((signed.seat, other.seat) if answer in ("Honest", "Always") else (other.seat,))
    sealed = {seat.seat for seat in world.view(of).seats if seat.sealed is not None}
    assert sealed == set(sent.seats)


@pytest.mark.parametrize("answer", ["Revert", "Dear"])
def test_board_withAWalletThatTheClientLeavesOut_leavesItOutToo(world: World, of: bytes, answer: str) -> None:
    signed, chain = by_wallet(world, of, VERIFIERS[0], answer), world.person(STRANGER).chain
    other = vote.sign(world.person(VERIFIERS[1]), of, SCORES)
    chain.send("unchecked", chain.quorate.call("voteSealMany", of, pack_sealed([signed, other])))
    assert [seat.seat for seat in world.view(of).seats if seat.sealed is not None] == [other.seat]
