"""Headers of the ledger: 224 bytes that name a checkpoint and link it to all before (Bae & Shin, Fig. 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Self

from ml.canonical import sha256
from ml.errors import QuorateError

SIZE_BYTES: Final = 224
NONE: Final = bytes(32)  # in place of an id: there is no such entry
MAX_DIFFICULTY_BITS: Final = 32
MAX_UINT48: Final = 2**48 - 1
MAX_UINT64: Final = 2**64 - 1
PPM: Final = 1_000_000


class InvalidHeader(QuorateError):
    """Bytes that are no header of the ledger, or values that none can hold."""

    code = "invalid-header"
    default_fix = "Take the header from another node: whoever sent this one changed or made it up."


class Kind(IntEnum):
    """What an entry of the ledger stands for."""

    EPOCH = 1
    ROLLBACK = 2


@dataclass(frozen=True)
class Header:
    """One entry of a run's ledger; its id is the SHA-256 of its bytes.

    run           the run, which binds chain and contract; 32 bytes, as the five that follow
    parent        id of the entry before it; zero for the first
    base          id of the epoch whose weights it goes on from (a rollback: its target); zero for the first
    history       root over the ids of all entries before it, in order; zero for the first
    weights       SHA-256 of the weights file
    manifest      SHA-256 of the checkpoint's manifest, which is its CID's digest
    height        number of entries before it
    step          what the trainer counts: epochs or steps
    loss_micro    loss in millionths
    accuracy_ppm  accuracy in parts per million
    nonce         what was searched for so that the id has leading zero bits (proof of work)

    Raises InvalidHeader for values out of range; a loss or an accuracy that is no number has no place in it.
    """

    run: bytes
    parent: bytes
    base: bytes
    history: bytes
    weights: bytes
    manifest: bytes
    height: int
    step: int
    loss_micro: int
    accuracy_ppm: int
    kind: Kind = Kind.EPOCH
    nonce: int = 0

    def __post_init__(self) -> None:
        for name in ("run", "parent", "base", "history", "weights", "manifest"):
            if len(getattr(self, name)) != 32:
                raise InvalidHeader(f"{name} has {len(getattr(self, name))} bytes instead of 32")
        limits = {
            "height": MAX_UINT48,
            "step": MAX_UINT48,
            "loss_micro": MAX_UINT64,
            "accuracy_ppm": PPM,
            "nonce": MAX_UINT64,
        }
        for name, limit in limits.items():
            if not 0 <= getattr(self, name) <= limit:
                raise InvalidHeader(f"{name} is {getattr(self, name)}, allowed is 0 to {limit}")

    def to_bytes(self) -> bytes:
        """The canonical 224 bytes: six words of 32 bytes, then one packed of big-endian integers."""
        words = self.run + self.parent + self.base + self.history + self.weights + self.manifest
        return (
            words
            + self.height.to_bytes(6, "big")
            + self.step.to_bytes(6, "big")
            + self.loss_micro.to_bytes(8, "big")
            + self.accuracy_ppm.to_bytes(3, "big")
            + bytes([self.kind])
            + self.nonce.to_bytes(8, "big")
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The header with these bytes. Raises InvalidHeader."""
        if len(data) != SIZE_BYTES:
            raise InvalidHeader(f"a header has {SIZE_BYTES} bytes, these are {len(data)}")
        run, parent, base, history, weights, manifest = (data[at : at + 32] for at in range(0, 192, 32))
        high, low, step_high, step_low, loss_micro = struct.unpack(">HIHIQ", data[192:212])
        if data[215] not in list(Kind):
            raise InvalidHeader(f"a header has no kind {data[215]}")
        return cls(
            run=run,
            parent=parent,
            base=base,
            history=history,
            weights=weights,
            manifest=manifest,
            height=high << 32 | low,
            step=step_high << 32 | step_low,
            loss_micro=loss_micro,
            accuracy_ppm=int.from_bytes(data[212:215], "big"),
            kind=Kind(data[215]),
            nonce=int.from_bytes(data[216:], "big"),
        )

    @property
    def id(self) -> bytes:
        """SHA-256 of the bytes."""
        return sha256(self.to_bytes())

    def works(self, difficulty_bits: int) -> bool:
        """Whether the id begins with that many zero bits; rollbacks need none."""
        return self.kind is Kind.ROLLBACK or work_of(self.id) >= difficulty_bits


def work_of(entry: bytes) -> int:
    """Leading zero bits of an id."""
    return 256 - int.from_bytes(entry, "big").bit_length()


def mine(header: Header, difficulty_bits: int, first: int = 0, tries: int = 1 << 20) -> Header | None:
    """The header with the first nonce from `first` on that works, or None after `tries`."""
    front = header.to_bytes()[:216]
    limit = 1 << (256 - difficulty_bits)
    for nonce in range(first, first + tries):
        if int.from_bytes(sha256(front + nonce.to_bytes(8, "big")), "big") < limit:
            return replace(header, nonce=nonce)
    return None
