"""Draws by a keyed permutation, step for step as contracts/libraries/Draw.sol makes them."""

from __future__ import annotations

from math import isqrt

from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak

SHARDS = keccak(text="quorate/draw/shards/1")
COMMITTEE = keccak(text="quorate/draw/committee/1")
_ROUNDS = 4


def seed_from(block_hash: bytes, task: bytes) -> int:
    """Seed of a task's draw, 64 bits, from the hash of its draw block."""
    return int.from_bytes(keccak(encode(["bytes32", "bytes32"], [block_hash, task])), "big") & (2**64 - 1)


def permute(seed: int, purpose: bytes, n: int, x: int) -> int:
    """Image of x < n under the permutation of [0, n) that seed and purpose key (Black and Rogaway 2002)."""
    side = isqrt(n - 1) + 1 if n > 1 else n
    key = seed.to_bytes(32, "big") + purpose
    while True:
        left, right = divmod(x, side)
        for turn in range(_ROUNDS):
            mixed = keccak(key + turn.to_bytes(32, "big") + right.to_bytes(32, "big"))
            mix = int.from_bytes(mixed, "big")
            left, right = right, (left + mix % side) % side
        x = left * side + right
        if x < n:
            return x


def place_of(seed: int, purpose: bytes, n: int, k: int, x: int) -> int | None:
    """Place of position x of n among the k drawn, None when it is not drawn."""
    if x >= n:
        return None
    place = x if n <= k else permute(seed, purpose, n, x)
    return place if place < k else None


def drawn(seed: int, purpose: bytes, n: int, k: int) -> list[int]:
    """All drawn positions, rising."""
    return [x for x in range(n) if place_of(seed, purpose, n, k, x) is not None]
