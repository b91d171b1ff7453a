"""The bytes of inner nodes."""

from __future__ import annotations

import random

import pytest

from dapp.store.errors import InvalidCid
from dapp.store.unixfs import NODE_BYTES, Link, decode_node, encode_node

CID = bytes.fromhex("01551220") + bytes(32)
TWO_LINKS = (Link(CID, 262_144, 262_144), Link(CID, 1, 1))


def test_encodeNode_writesTheSpecifiedBytes() -> None:
    first = "122c" + "0a24" + CID.hex() + "1200" + "18808010"
    second = "122a" + "0a24" + CID.hex() + "1200" + "1801"
    header = "0a0c" + "0802" + "18818010" + "20808010" + "2001"
    assert encode_node(TWO_LINKS).hex() == first + second + header


def test_decodeNode_undoesEncodeNode() -> None:
    assert decode_node(encode_node(TWO_LINKS)) == TWO_LINKS


def test_encodeNode_ofTheMostAndLargestLinks_isWithinNodeBytes() -> None:
    assert len(encode_node([Link(CID, 2**56, 2**56)] * 174)) < NODE_BYTES


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x12",
        b"\x12\xff",
        b"\xff" * 64,
        b"\x0a\x02\x08\x01",  # an empty directory
        b"\x0a\x04\x08\x02\x18\x00",  # an empty file, not as a raw block
        b"\x0a\x0b\x08\x02\x12\x05hello\x18\x05",  # a file within its node
        encode_node(TWO_LINKS)[:-1],
        encode_node(TWO_LINKS) + b"\x20\x01",
        encode_node([TWO_LINKS[0]] * 175),
        encode_node(TWO_LINKS).replace(b"\x12\x00\x18", b"\x12\x01a\x18"),  # a named link
    ],
)
def test_decodeNode_ofAnythingElse_isRefused(block: bytes) -> None:
    with pytest.raises(InvalidCid):
        decode_node(block)


def test_decodeNode_ofChangedBytes_isRefusedOrSaysSomethingElse() -> None:
    chance = random.Random(1)
    block = encode_node([Link(CID, 262_144, 262_144)] * 5)
    for _ in range(1_500):
        changed = bytearray(block)
        changed[chance.randrange(len(block))] ^= 1 << chance.randrange(8)
        try:
            assert encode_node(decode_node(bytes(changed))) == changed
        except InvalidCid:
            continue
