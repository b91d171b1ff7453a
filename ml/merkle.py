"""Merkle trees over SHA-256 as in RFC 6962: no leaf can pass for a node, and none is counted twice."""

from __future__ import annotations

from collections.abc import Sequence

from ml.canonical import sha256


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of `leaves` (at least one), 32 bytes. Leaf: SHA-256(00|leaf); node: SHA-256(01|left|right).

    A level with an odd number of nodes hands its last one up unchanged, which equals RFC 6962's split at the
    largest power of two.
    """
    level = [sha256(b"\x00" + leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [sha256(b"\x01" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]
