"""Packed models for one transaction of many contributors, as contracts/Submissions.sol reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils import to_canonical_address

from dapp.chain.ledger import compact


@dataclass(frozen=True)
class SignedModel:
    """A contributor's sealed model with its EIP-712 signature (65 bytes)."""

    contributor: str
    seal: bytes
    signature: bytes


@dataclass(frozen=True)
class ModelOpening:
    """What opens a contributor's sealed model."""

    contributor: str
    weights: bytes
    manifest: bytes
    size_bytes: int
    claimed_ppm: int
    salt: bytes


def pack_signed(entries: Sequence[SignedModel]) -> bytes:
    """Calldata of commitSealMany: 116 bytes a model."""
    return b"".join(to_canonical_address(e.contributor) + e.seal + compact(e.signature) for e in entries)


def pack_openings(entries: Sequence[ModelOpening]) -> bytes:
    """Calldata of commitOpenMany: 124 bytes a model."""
    return b"".join(
        to_canonical_address(e.contributor)
        + e.weights
        + e.manifest
        + e.size_bytes.to_bytes(5, "big")
        + e.claimed_ppm.to_bytes(3, "big")
        + e.salt
        for e in entries
    )
