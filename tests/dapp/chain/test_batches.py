"""Packed ballots, byte by byte."""

from __future__ import annotations

from dapp.chain.batches import (
    OpenedEntry,
    SealedEntry,
    SignedSeal,
    pack_opened,
    pack_sealed,
    root_of,
    unpack_opened,
    unpack_sealed,
)

SEAL = bytes(range(32))
SALT = b"\xaa" * 16
SCORES = bytes.fromhex("0f4240 000001")


def test_packSealed_ofABallot_isSeatSealSignature() -> None:
    assert pack_sealed([SignedSeal(0x04AF, SEAL, b"\x11" * 65)]) == b"\x04\xaf" + SEAL + b"\x11" * 65


def test_packOpened_ofPartOfABatch_marksTheRestAsSealed() -> None:
    batches = [[SealedEntry(3, SEAL), SealedEntry(0x04AF, SEAL), SealedEntry(7, SEAL)]]
    earlier, entries, later = pack_opened(batches, 0, [OpenedEntry(7, SCORES, SALT)])
    assert (earlier, later) == (1, [])
    assert entries == b"\x80\x03" + SEAL + b"\x84\xaf" + SEAL + b"\x00\x07" + SALT + SCORES


def test_packOpened_ofTheSecondOfThreeBatches_namesTheChainBeforeAndTheRootAfter() -> None:
    batches = [[SealedEntry(seat, SEAL)] for seat in range(3)]
    earlier, _, later = pack_opened(batches, 1, [])
    assert later == [root_of(batches[2])]
    assert f"{earlier:064x}" == "0cd724b6ddd1f51c102198c471d72259821b21d484328602a5ff04a676511dd3"


def test_unpacked_eventsOfABatch_giveSeatsAndScores() -> None:
    assert unpack_sealed(b"\x04\xaf" + SEAL + b"\0\1" + SEAL) == [
        SealedEntry(0x04AF, SEAL),
        SealedEntry(1, SEAL),
    ]
    assert unpack_opened(b"\x04\xaf" + SCORES + b"\0\1" + SCORES, 2) == [(0x04AF, SCORES), (1, SCORES)]
