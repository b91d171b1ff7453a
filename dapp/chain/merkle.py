"""Merkle trees over 32-byte leaves: one that proves membership in a list, one that proves a place in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_utils import keccak


class MerkleTree:
    """The tree that OpenZeppelin's MerkleProof verifies: proves that a leaf is in the list, not where.

    Complete and stored root first; leaf i lies at the i-th place from the end; children are hashed as sorted
    pairs. tests/dapp/chain/test_merkle.py holds it against trees that @openzeppelin/merkle-tree made.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise ValueError("a Merkle tree needs at least one leaf")
        count = len(leaves)
        self._leaves = count
        self._nodes: list[bytes] = [b""] * (2 * count - 1)
        for i, leaf in enumerate(leaves):
            self._nodes[self._place(i)] = leaf
        for at in range(count - 2, -1, -1):
            a, b = sorted(self._nodes[2 * at + 1 : 2 * at + 3])
            self._nodes[at] = keccak(a + b)

    def _place(self, leaf: int) -> int:
        return 2 * self._leaves - 2 - leaf

    @property
    def root(self) -> bytes:
        return self._nodes[0]

    def proof(self, leaf: int) -> list[bytes]:
        """Siblings on the way from a leaf to the root."""
        at, siblings = self._place(leaf), []
        while at > 0:
            siblings.append(self._nodes[at + 1 if at % 2 else at - 1])
            at = (at - 1) // 2
        return siblings


class PlacedTree:
    """The tree of contracts/libraries/PlacedTree.sol: proves which leaf is at a place, and that no other is.

    The number of leaves fixes the shape and a node's place the side it is hashed on; a last node without a
    sibling moves up as it is.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise ValueError("a Merkle tree needs at least one leaf")
        self._levels = [list(leaves)]
        while len(below := self._levels[-1]) > 1:
            pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
            self._levels.append([keccak(pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def multiproof(self, places: Iterable[int]) -> list[bytes]:
        """The nodes that the leaves at these places leave unknown: level by level upwards, left to right.

        Raises ValueError for a place that does not exist or is named twice.
        """
        known = sorted(places)
        exist = range(len(self._levels[0]))
        if not known or len(set(known)) != len(known) or not set(known) <= set(exist):
            raise ValueError("name places of the tree, each once")
        proof: list[bytes] = []
        for level in self._levels[:-1]:
            siblings = [place ^ 1 for place in known]
            proof += [level[place] for place in siblings if place < len(level) and place not in known]
            known = sorted({place >> 1 for place in known})
        return proof
