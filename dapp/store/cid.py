"""Names of content: the CID that `ipfs add --cid-version=1` gives the same bytes.

CIDv1, SHA-256, base32. Up to 262,144 bytes a file is one raw block, whose digest is the file's SHA-256;
beyond, a balanced UnixFS tree of such blocks, 174 to a node, whose digest is its root node's.
docs/formats.md gives the bytes, tests/vectors/cid.json what other implementations say.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dapp.store.errors import InvalidCid
from dapp.store.unixfs import CHUNK_BYTES, LINKS_PER_NODE, Link, encode_node

RAW = 0x55
DAG_PB = 0x70
DIGEST_BYTES = 32
_TEXT_CHARACTERS = 59  # 'b' and 36 bytes in base32
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")

Emit = Callable[["Cid", bytes], None]


@dataclass(frozen=True)
class Cid:
    """A CIDv1 over SHA-256. codec: RAW or DAG_PB; digest: 32 bytes."""

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.codec not in (RAW, DAG_PB) or len(self.digest) != DIGEST_BYTES:
            raise InvalidCid(
                f"Codec {self.codec:#x} with a digest of {len(self.digest)} bytes makes no CID here."
            )

    @classmethod
    def of_block(cls, codec: int, block: bytes) -> Cid:
        """The name of one block."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def from_bytes(cls, binary: bytes) -> Cid:
        """The CID in 36 bytes, as a node's link holds it. Raises InvalidCid."""
        if len(binary) != 4 + DIGEST_BYTES or binary[0] != 1 or binary[2:4] != b"\x12\x20":
            raise InvalidCid("A link does not hold a CIDv1 over SHA-256.")
        return cls(binary[1], binary[4:])

    def to_bytes(self) -> bytes:
        """Version, codec, hash function, hash length, digest: 36 bytes."""
        return bytes((1, self.codec, 0x12, DIGEST_BYTES)) + self.digest

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.to_bytes()).decode("ascii").rstrip("=").lower()


def parse(text: str) -> Cid:
    """The CID written as `text`: only the one way this project writes it, so safe as a file name.

    Raises InvalidCid for CIDv0, another base, hash or codec, padding, capitals, stray bits, anything else.
    """
    if (
        not isinstance(text, str)
        or len(text) != _TEXT_CHARACTERS
        or text[0] != "b"
        or not _ALPHABET.issuperset(text)
    ):
        raise InvalidCid(f"{_shown(text)} is not a CIDv1 in base32.")
    cid = Cid.from_bytes(base64.b32decode(text[1:].upper() + "=" * 6))
    if str(cid) != text:
        raise InvalidCid(f"{_shown(text)} has bits set beyond its last byte.")
    return cid


def cid_of(data: bytes) -> str:
    """The CID of a file's bytes."""
    return cid_of_chunks((data,))


def cid_of_chunks(chunks: Iterable[bytes]) -> str:
    """The CID of a file that arrives in pieces of any length; holds one block of it at a time."""
    builder = DagBuilder(lambda cid, block: None)
    for chunk in chunks:
        builder.add(chunk)
    return str(builder.finish())


def digest_of(cid: str) -> bytes:
    """The 32 bytes that go on chain for a CID: with the file's size they give it back."""
    return parse(cid).digest


def cid_from_digest(digest: bytes, size_bytes: int) -> str:
    """The CID of the file of `size_bytes` whose digest_of is `digest`."""
    if size_bytes < 0:
        raise InvalidCid(f"A file cannot have {size_bytes} bytes.")
    return str(Cid(RAW if size_bytes <= CHUNK_BYTES else DAG_PB, digest))


class DagBuilder:
    """Cuts a file into blocks as it arrives and hands each to `emit`, children before parents, the root last.

    Kubo's balanced layout: 174 blocks to a node, 174 nodes to a node, and so on, filled from the left.
    `chunk_bytes` differs from the project's only where a test compares with vectors of another profile.
    """

    def __init__(self, emit: Emit, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._emit = emit
        self._chunk_bytes = chunk_bytes
        self._rest = bytearray()
        self._levels: list[list[Link]] = [[]]

    def add(self, data: bytes) -> None:
        """The next bytes of the file."""
        view = memoryview(data)
        if self._rest:
            missing = self._chunk_bytes - len(self._rest)
            self._rest += view[:missing]
            view = view[missing:]
            if len(self._rest) < self._chunk_bytes:
                return
            self._leaf(bytes(self._rest))
            self._rest.clear()
        while len(view) >= self._chunk_bytes:
            self._leaf(bytes(view[: self._chunk_bytes]))
            view = view[self._chunk_bytes :]
        self._rest += view

    def finish(self) -> Cid:
        """The file's CID, once every byte is in."""
        if self._rest or not self._levels[0]:
            self._leaf(bytes(self._rest))
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            self._close(level)
            level += 1
        return Cid.from_bytes(self._levels[level][0].cid)

    def _leaf(self, block: bytes) -> None:
        cid = Cid.of_block(RAW, block)
        self._emit(cid, block)
        self._push(0, Link(cid.to_bytes(), len(block), len(block)))

    def _push(self, level: int, link: Link) -> None:
        if len(self._levels[level]) == LINKS_PER_NODE:
            self._close(level)
        self._levels[level].append(link)

    def _close(self, level: int) -> None:
        links, self._levels[level] = self._levels[level], []
        if level + 1 == len(self._levels):
            self._levels.append([])
        block = encode_node(links)
        cid = Cid.of_block(DAG_PB, block)
        self._emit(cid, block)
        file_bytes = sum(link.file_bytes for link in links)
        dag_bytes = len(block) + sum(link.dag_bytes for link in links)
        self._push(level + 1, Link(cid.to_bytes(), file_bytes, dag_bytes))


def _shown(text: object) -> str:
    return repr(text) if len(repr(text)) <= 80 else repr(text)[:77] + "…"
