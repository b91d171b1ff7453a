"""The bytes of a file's inner nodes: dag-pb around a UnixFS file header, as Kubo writes them.

Source: the dag-pb and UnixFS v1 specifications of IPFS. A node is the protobuf PBNode: its links
(field 2: hash, empty name, Tsize), then its data (field 1: type, file size, one block size a link).
Only this one form is read back, so that a node has one encoding and a file one CID.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dapp.store.errors import InvalidCid

CHUNK_BYTES = 262_144  # Kubo's classic chunk; a file up to this size is one raw block
LINKS_PER_NODE = 174  # Kubo's classic width: a node of 174 links stays below 16 KiB
NODE_BYTES = 16_384  # no node of 174 links is longer, whatever its sizes
CID_BYTES = 36  # version, codec, hash function, hash length, then the 32 bytes of SHA-256
_VARINT_BYTES = 10  # a varint of 64 bits


@dataclass(frozen=True)
class Link:
    """A child: its binary CID, the bytes of file below it, the bytes of blocks below it (Tsize)."""

    cid: bytes
    file_bytes: int
    dag_bytes: int


def encode_node(links: Sequence[Link]) -> bytes:
    """The block of a file node over `links`, in file order."""
    sizes = b"".join(b"\x20" + _varint(link.file_bytes) for link in links)
    header = b"\x08\x02\x18" + _varint(sum(link.file_bytes for link in links)) + sizes
    return b"".join(map(_encode_link, links)) + b"\x0a" + _varint(len(header)) + header


def decode_node(block: bytes) -> tuple[Link, ...]:
    """The children of a file node.

    Raises InvalidCid for anything but the exact bytes that encode_node writes.
    """
    try:
        links = _decode_links(block)
        canonical = 0 < len(links) <= LINKS_PER_NODE and encode_node(links) == block
    except (IndexError, ValueError):
        canonical = False
    if not canonical:
        raise InvalidCid("The block is not a UnixFS file node in the form that this project reads.")
    return links


def _encode_link(link: Link) -> bytes:
    body = b"\x0a" + _varint(len(link.cid)) + link.cid + b"\x12\x00\x18" + _varint(link.dag_bytes)
    return b"\x12" + _varint(len(body)) + body


def _decode_links(block: bytes) -> tuple[Link, ...]:
    children: list[tuple[bytes, int]] = []
    at = 0
    while block[at] == 0x12:
        _, at = _read_varint(block, at + 1)
        at += 2  # tag and length of the CID: the caller's re-encoding checks them
        cid = block[at : at + CID_BYTES]
        dag_bytes, at = _read_varint(block, at + CID_BYTES + 3)
        children.append((cid, dag_bytes))
    _, at = _read_varint(block, at + 1)
    _, at = _read_varint(block, at + 3)
    sizes: list[int] = []
    while at < len(block):
        size, at = _read_varint(block, at + 1)
        sizes.append(size)
    return tuple(Link(cid, size, dag_bytes) for (cid, dag_bytes), size in zip(children, sizes, strict=True))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(block: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _VARINT_BYTES, 7):
        byte = block[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a varint longer than 64 bits")
