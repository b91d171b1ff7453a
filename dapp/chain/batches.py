"""Packed ballots for one transaction of many verifiers, as contracts/Ballots.sol reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak

STILL_SEALED: Final = 1 << 15  # added to the seat of a ballot that is not opened now


@dataclass(frozen=True)
class SignedSeal:
    """A verifier's sealed ballot with its EIP-712 signature (65 bytes)."""

    seat: int
    seal: bytes
    signature: bytes


@dataclass(frozen=True)
class SealedEntry:
    """A seal of a batch as the chain recorded it."""

    seat: int
    seal: bytes


@dataclass(frozen=True)
class OpenedEntry:
    """A ballot of a batch with what opens it: packed scores and the 16-byte salt."""

    seat: int
    scores: bytes
    salt: bytes


def pack_sealed(entries: Sequence[SignedSeal]) -> bytes:
    """Calldata of voteSealMany: 99 bytes a ballot."""
    return b"".join(e.seat.to_bytes(2, "big") + e.seal + e.signature for e in entries)


def pack_opened(
    batches: Sequence[Sequence[SealedEntry]], which: int, openings: Sequence[OpenedEntry]
) -> tuple[int, bytes, list[bytes]]:
    """What voteOpenMany takes after the task to open ballots of batch `which` of all that were sealed: the
    chain of those before it, its ballots in its own order, the roots of those after it.
    """
    known = {entry.seat: entry for entry in openings}
    entries = b"".join(_packed(known.get(sealed.seat, sealed)) for sealed in batches[which])
    roots = [root_of(batch) for batch in batches]
    return int.from_bytes(chain_of(roots[:which]), "big"), entries, roots[which + 1 :]


def _packed(entry: SealedEntry | OpenedEntry) -> bytes:
    if isinstance(entry, OpenedEntry):
        return entry.seat.to_bytes(2, "big") + entry.salt + entry.scores
    return (STILL_SEALED + entry.seat).to_bytes(2, "big") + entry.seal


def unpack_sealed(ballots: bytes) -> list[SealedEntry]:
    """Seals of a batch from its BallotsSealed event: 34 bytes each."""
    return [
        SealedEntry(int.from_bytes(ballots[i : i + 2], "big"), ballots[i + 2 : i + 34])
        for i in range(0, len(ballots), 34)
    ]


def unpack_opened(ballots: bytes, models: int) -> list[tuple[int, bytes]]:
    """Seat and packed scores of each ballot of a BallotsOpened event."""
    size = 2 + 3 * models
    return [
        (int.from_bytes(ballots[i : i + 2], "big"), ballots[i + 2 : i + size])
        for i in range(0, len(ballots), size)
    ]


def root_of(entries: Sequence[SealedEntry]) -> bytes:
    """Root of a batch: keccak256 over its packed seals."""
    return keccak(b"".join(e.seat.to_bytes(2, "big") + e.seal for e in entries))


def chain_of(roots: Sequence[bytes]) -> bytes:
    """What the contract keeps of all batches of a task, in order."""
    chain = (1).to_bytes(32, "big")
    for root in roots:
        link = bytearray(keccak(encode(["bytes32", "bytes32"], [chain, root])))
        link[0] &= 0x7F  # the top bit marks a settled task (contracts/types/LateWord.sol)
        chain = bytes(link)
    return chain
