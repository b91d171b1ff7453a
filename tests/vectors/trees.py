"""Vectors of the shard tree: roots, and proofs of places."""

from __future__ import annotations

from collections.abc import Iterator

from eth_utils import keccak

from dapp.chain.merkle import PlacedTree

COUNTS = [*range(1, 13), 1_000]


def leaf(place: int) -> bytes:
    """The leaf at a place of every tree of the vectors."""
    return keccak(place.to_bytes(4, "big"))


def placed_tree() -> dict[str, object]:
    """Trees of 1 to 12 leaves with each place, some and all of them proven; one of 1,000."""
    return {"leaves": "leaf i is the keccak256 of i in 4 bytes, big-endian", "trees": [*map(_tree, COUNTS)]}


def _tree(count: int) -> dict[str, object]:
    tree = PlacedTree([leaf(place) for place in range(count)])
    proofs = [{"places": places, "proof": tree.multiproof(places)} for places in _places(count)]
    return {"count": count, "root": tree.root, "proofs": proofs}


def _places(count: int) -> Iterator[list[int]]:
    if count > 12:
        yield from (
            [0],
            [count - 1],
            [0, count - 1],
            [count // 2 - 1, count // 2],
            [*range(3, count, 31)][:32],
        )
        return
    yield from ([place] for place in range(count))
    if count > 1:
        yield [*range(count)]
    if count > 2:
        yield from ([0, count - 1], [*range(0, count, 2)])
    if count > 3:
        yield [*range(1, count, 2)]
