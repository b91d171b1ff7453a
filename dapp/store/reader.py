"""A file out of blocks that nobody vouches for: each is hashed, measured and placed before it is used.

The root states the file's size, and the layout gives one tree for one size. So the size is held against the
caller's limit before a single byte of the file is fetched, and a block of the wrong size, at the wrong depth,
or one too many ends the reading at once. Nothing here trusts the store, the wire, or who built the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dapp.store.cid import DAG_PB, RAW, Cid
from dapp.store.errors import DigestMismatch, InvalidCid, TooLarge
from dapp.store.unixfs import CHUNK_BYTES, LINKS_PER_NODE, NODE_BYTES, Link, decode_node

# (cid, limit_bytes) -> the block. Raises TooLarge beyond the limit, NotFound where there is none.
Fetch = Callable[[Cid, int], bytes]


def read_file(cid: Cid, fetch: Fetch, max_bytes: int) -> Iterator[bytes]:
    """The file's bytes in order, a block at a time, each already verified against `cid`.

    Raises TooLarge when the file has more than max_bytes, DigestMismatch when a block is not what its name
    says, InvalidCid when the tree is not the one this project builds, and what `fetch` raises.
    """
    if cid.codec == RAW:
        yield _verified(cid, fetch, min(max_bytes, CHUNK_BYTES))
        return
    root = decode_node(_verified(cid, fetch, NODE_BYTES))
    size_bytes = sum(link.file_bytes for link in root)
    if size_bytes > max_bytes:
        raise TooLarge(
            f"{cid} has {size_bytes:,} bytes; at most {max_bytes:,} are allowed.",
            cid=str(cid),
            limit_bytes=max_bytes,
            size_bytes=size_bytes,
        )
    if size_bytes <= CHUNK_BYTES:
        raise _misbuilt(cid)
    child_bytes = CHUNK_BYTES
    while child_bytes * LINKS_PER_NODE < size_bytes:
        child_bytes *= LINKS_PER_NODE
    yield from _below(cid, root, size_bytes, child_bytes, fetch)


def read_block(cid: Cid, fetch: Fetch, limit_bytes: int) -> bytes:
    """One block, verified. Raises TooLarge, DigestMismatch, and what `fetch` raises."""
    return _verified(cid, fetch, limit_bytes)


def _below(
    cid: Cid, links: tuple[Link, ...], size_bytes: int, child_bytes: int, fetch: Fetch
) -> Iterator[bytes]:
    """The bytes under a node of `size_bytes` whose children hold `child_bytes` each, the last the rest."""
    if len(links) != -(-size_bytes // child_bytes):
        raise _misbuilt(cid)
    left = size_bytes
    for link in links:
        expected = min(child_bytes, left)
        child = Cid.from_bytes(link.cid)
        if link.file_bytes != expected or child.codec != (RAW if child_bytes == CHUNK_BYTES else DAG_PB):
            raise _misbuilt(cid)
        if child.codec == RAW:
            block = _verified(child, fetch, expected)
            if not len(block) == expected == link.dag_bytes:
                raise _misbuilt(cid)
            yield block
        else:
            block = _verified(child, fetch, NODE_BYTES)
            below = decode_node(block)
            if link.dag_bytes != len(block) + sum(grandchild.dag_bytes for grandchild in below):
                raise _misbuilt(cid)
            yield from _below(child, below, expected, child_bytes // LINKS_PER_NODE, fetch)
        left -= expected


def _verified(cid: Cid, fetch: Fetch, limit_bytes: int) -> bytes:
    block = fetch(cid, limit_bytes)
    if len(block) > limit_bytes:
        raise TooLarge(
            f"The block {cid} has more than the {limit_bytes:,} bytes allowed.",
            cid=str(cid),
            limit_bytes=limit_bytes,
            size_bytes=len(block),
        )
    actual = Cid.of_block(cid.codec, block)
    if actual != cid:
        raise DigestMismatch(f"The bytes for {cid} hash to {actual}.", cid=str(cid), actual=str(actual))
    return block


def _misbuilt(cid: Cid) -> InvalidCid:
    return InvalidCid(f"{cid} was imported with other settings than this project's.", cid=str(cid))
