"""Reading trees that lie: about size, shape, depth, or their bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dapp.store.cid import DAG_PB, RAW, Cid, DagBuilder
from dapp.store.errors import DigestMismatch, InvalidCid, NotFound, TooLarge
from dapp.store.reader import read_file
from dapp.store.unixfs import CHUNK_BYTES, Link, encode_node

ZEROS = bytes(CHUNK_BYTES)
ZEROS_CID = Cid.of_block(RAW, ZEROS)


class Blocks(dict[Cid, bytes]):
    """What a store holds; `fetched` is what was asked of it."""

    def __init__(self) -> None:
        self.fetched: list[Cid] = []

    def fetch(self, cid: Cid, limit_bytes: int) -> bytes:
        self.fetched.append(cid)
        if cid not in self:
            raise NotFound(str(cid), cid=str(cid))
        return self[cid]

    def keep(self, codec: int, block: bytes) -> Cid:
        self[Cid.of_block(codec, block)] = block
        return Cid.of_block(codec, block)

    def read(self, cid: Cid, max_bytes: int) -> bytes:
        return b"".join(read_file(cid, self.fetch, max_bytes))


@pytest.fixture
def blocks() -> Blocks:
    holding = Blocks()
    holding[ZEROS_CID] = ZEROS
    return holding


def put(blocks: Blocks, data: bytes, chunk_bytes: int = CHUNK_BYTES) -> Cid:
    builder = DagBuilder(blocks.__setitem__, chunk_bytes)
    builder.add(data)
    return builder.finish()


def leaf(data: bytes, tsize_error: int = 0) -> Link:
    return Link(Cid.of_block(RAW, data).to_bytes(), len(data), len(data) + tsize_error)


def node(blocks: Blocks, *links: Link) -> Cid:
    return blocks.keep(DAG_PB, encode_node(links))


@pytest.mark.parametrize("size_bytes", [0, 1, 262_144, 262_145, 1 << 20, 174 * 262_144 + 1])
def test_readFile_givesTheBytesThatWerePut(
    size_bytes: int, blocks: Blocks, content: Callable[[int], bytes]
) -> None:
    data = content(size_bytes)
    assert blocks.read(put(blocks, data), size_bytes) == data


@pytest.mark.parametrize("size_bytes", [1, 262_144, 262_145, 1 << 20])
def test_readFile_oneByteOverTheLimit_isTooLarge(
    size_bytes: int, blocks: Blocks, content: Callable[[int], bytes]
) -> None:
    cid = put(blocks, content(size_bytes))
    with pytest.raises(TooLarge) as caught:
        blocks.read(cid, size_bytes - 1)
    assert caught.value.values["limit_bytes"] == size_bytes - 1


def test_readFile_tenGigabytesOfOneBlock_isTooLargeAfterOneFetch(blocks: Blocks) -> None:
    lower = [Link(ZEROS_CID.to_bytes(), CHUNK_BYTES, CHUNK_BYTES)] * 174
    middle = node(blocks, *lower)
    root = node(blocks, *[Link(middle.to_bytes(), 174 * CHUNK_BYTES, 174 * CHUNK_BYTES)] * 174)
    with pytest.raises(TooLarge) as caught:
        blocks.read(root, 10 << 20)
    assert caught.value.values["size_bytes"] == 174 * 174 * CHUNK_BYTES
    assert blocks.fetched == [root]


def test_readFile_rootThatUnderstatesItsChildren_isRefused(blocks: Blocks) -> None:
    small = Link(ZEROS_CID.to_bytes(), 1, CHUNK_BYTES)
    cid = node(blocks, Link(ZEROS_CID.to_bytes(), CHUNK_BYTES, CHUNK_BYTES), small)
    with pytest.raises((InvalidCid, TooLarge)):
        blocks.read(cid, CHUNK_BYTES + 1)


def test_readFile_leafThatIsShorterThanStated_isRefused(blocks: Blocks) -> None:
    short = blocks.keep(RAW, b"short")
    cid = node(blocks, leaf(ZEROS), Link(short.to_bytes(), 100, 100))
    with pytest.raises(InvalidCid):
        blocks.read(cid, 1 << 20)


def test_readFile_wrongTsize_isRefused(blocks: Blocks) -> None:
    blocks.keep(RAW, b"end")
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, leaf(ZEROS), leaf(b"end", tsize_error=1)), 1 << 20)


def test_readFile_wrongTsizeOfAnInnerNode_isRefused(blocks: Blocks) -> None:
    blocks.keep(RAW, b"end")
    full = node(blocks, *[leaf(ZEROS)] * 174)
    last = node(blocks, leaf(b"end"))
    tsize = len(blocks[full]) + 174 * CHUNK_BYTES
    links = [Link(full.to_bytes(), 174 * CHUNK_BYTES, tsize), Link(last.to_bytes(), 3, len(blocks[last]) + 3)]
    size_bytes = 174 * CHUNK_BYTES + 3
    assert len(blocks.read(node(blocks, *links), size_bytes)) == size_bytes
    links[1] = Link(last.to_bytes(), 3, len(blocks[last]) + 4)
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, *links), size_bytes)


def test_readFile_sizesShiftedBetweenBlocks_areRefused(blocks: Blocks) -> None:
    end = blocks.keep(RAW, b"end")
    first = Link(ZEROS_CID.to_bytes(), CHUNK_BYTES - 1, CHUNK_BYTES)
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, first, Link(end.to_bytes(), 4, 3)), 1 << 20)


def test_readFile_anEmptyBlockAtTheEnd_isRefused(blocks: Blocks) -> None:
    blocks.keep(RAW, b"end")
    blocks.keep(RAW, b"")
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, leaf(ZEROS), leaf(b"end"), leaf(b"")), 1 << 20)


def test_readFile_aHugeBlockWhereANodeBelongs_isRefused_unfetched(blocks: Blocks) -> None:
    blocks.keep(RAW, b"end")
    huge = leaf(ZEROS * 174)
    root = node(blocks, huge, leaf(b"end"))
    with pytest.raises(InvalidCid):
        blocks.read(root, 1 << 30)
    assert blocks.fetched == [root]


def test_readFile_ofOtherImportSettings_isRefused(blocks: Blocks, content: Callable[[int], bytes]) -> None:
    data = content(600_000)
    with pytest.raises(InvalidCid, match="other settings"):
        blocks.read(put(blocks, data, chunk_bytes=100_000), 1 << 20)


def test_readFile_oneBlockWrappedInANode_isRefused(blocks: Blocks) -> None:
    with pytest.raises(InvalidCid, match="other settings"):
        blocks.read(node(blocks, leaf(ZEROS)), 1 << 20)


def test_readFile_chainOfNodes_isRefusedAtItsFirst(blocks: Blocks) -> None:
    cid = node(blocks, leaf(ZEROS), leaf(ZEROS))
    for _ in range(1_000):
        cid = node(blocks, Link(cid.to_bytes(), 2 * CHUNK_BYTES, 2 * CHUNK_BYTES))
    with pytest.raises(InvalidCid):
        blocks.read(cid, 1 << 30)
    assert len(blocks.fetched) == 1


def test_readFile_nodeWhereALeafBelongs_isRefused(blocks: Blocks) -> None:
    inner = node(blocks, leaf(ZEROS))
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, Link(inner.to_bytes(), CHUNK_BYTES, CHUNK_BYTES), leaf(ZEROS)), 1 << 20)


def test_readFile_linkOfAnotherHash_isRefused(blocks: Blocks) -> None:
    alien = bytes.fromhex("01551b20") + bytes(32)
    with pytest.raises(InvalidCid):
        blocks.read(node(blocks, leaf(ZEROS), Link(alien, 5, 5)), 1 << 20)


@pytest.mark.parametrize("position", range(6))
def test_readFile_aChangedByteInAnyBlock_isAMismatch(
    position: int, blocks: Blocks, content: Callable[[int], bytes]
) -> None:
    cid = put(blocks, content(1_200_000))
    changed = list(blocks)[position + 1]
    blocks[changed] = bytes([blocks[changed][0] ^ 1]) + blocks[changed][1:]
    with pytest.raises(DigestMismatch) as caught:
        blocks.read(cid, 1_200_000)
    assert caught.value.values["cid"] == str(changed)


def test_readFile_aMissingBlock_isNotFound(blocks: Blocks, content: Callable[[int], bytes]) -> None:
    cid = put(blocks, content(300_000))
    del blocks[list(blocks)[-2]]
    with pytest.raises(NotFound):
        blocks.read(cid, 300_000)
