"""Merkle trees that OpenZeppelin's MerkleProof verifies: root, proof, multiproof; leaves keep their order.

The tree is complete and stored root first; leaf i lies at the i-th place from the end; children are hashed as
a sorted pair. Checked against @openzeppelin/merkle-tree's vectors in tests/dapp/chain/test_merkle.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_utils import keccak


def _pair(a: bytes, b: bytes) -> bytes:
    return keccak(a + b if a < b else b + a)


class MerkleTree:
    """A tree over 32-byte leaves; leaves are hashes already and keep their order."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise ValueError("a Merkle tree needs at least one leaf")
        count = len(leaves)
        self._leaves = count
        self._nodes: list[bytes] = [b""] * (2 * count - 1)
        for i, leaf in enumerate(leaves):
            self._nodes[self._place(i)] = leaf
        for at in range(count - 2, -1, -1):
            self._nodes[at] = _pair(self._nodes[2 * at + 1], self._nodes[2 * at + 2])

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

    def multiproof(self, leaves: Iterable[int]) -> tuple[list[bytes], list[bool]]:
        """Proof nodes and flags for several leaves, which must be passed on in rising order of index."""
        pending = [self._place(leaf) for leaf in sorted(leaves)]
        if len(set(pending)) != len(pending):
            raise ValueError("a leaf is listed twice")
        proof: list[bytes] = []
        flags: list[bool] = []
        while pending and pending[0] > 0:
            at = pending.pop(0)
            sibling = at + 1 if at % 2 else at - 1
            if pending and pending[0] == sibling:
                flags.append(True)
                pending.pop(0)
            else:
                flags.append(False)
                proof.append(self._nodes[sibling])
            pending.append((at - 1) // 2)
        return proof, flags
