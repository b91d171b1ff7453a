"""CIDs against what IPFS implementations say, and against strings made to hurt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import ChaCha20
from multiformats import CID

from dapp.store.cid import (
    DAG_PB,
    RAW,
    Cid,
    DagBuilder,
    cid_from_digest,
    cid_of,
    cid_of_chunks,
    digest_of,
    parse,
)
from dapp.store.errors import InvalidCid

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "cid.json").read_text())
HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
ONE_MIB = "bafybeif4itevxxoslwsg3uqwmde4isxettvh3ztuncctt5hoasfhrvdzyu"


def named(vector: dict[str, Any]) -> str:
    return f"{vector['size_bytes']}by{vector['chunk_bytes']}"


def built(chunk_bytes: int, pieces: Iterator[bytes]) -> str:
    builder = DagBuilder(lambda cid, block: None, chunk_bytes)
    for piece in pieces:
        builder.add(piece)
    return str(builder.finish())


def key_stream(seed: str, size_bytes: int) -> Iterator[bytes]:
    cipher = ChaCha20.new(key=hashlib.sha256(seed.encode()).digest(), nonce=bytes(12))
    for _ in range(size_bytes >> 20):
        yield cipher.encrypt(bytes(1 << 20))


@pytest.mark.parametrize("vector", VECTORS["js_ipfs"]["files"], ids=named)
def test_dagBuilder_givesTheCidsOfJsIpfs(vector: dict[str, Any], content: Callable[[int], bytes]) -> None:
    assert built(vector["chunk_bytes"], iter([content(vector["size_bytes"])])) == vector["cid"]


@pytest.mark.parametrize("vector", VECTORS["kubo"]["files"], ids=named)
def test_dagBuilder_givesTheCidsThatKuboPublishes(vector: dict[str, Any]) -> None:
    assert built(vector["chunk_bytes"], key_stream(vector["seed"], vector["size_bytes"])) == vector["cid"]


def test_cidOf_text_isWhatKuboPublishes() -> None:
    assert cid_of(VECTORS["kubo"]["text"]["utf8"].encode()) == VECTORS["kubo"]["text"]["cid"] == HELLO


def test_cidOf_isReadAlikeByMultiformats() -> None:
    theirs = CID.decode(HELLO)
    assert (theirs.version, theirs.codec.name, theirs.hashfun.name) == (1, "raw", "sha2-256")
    assert theirs.raw_digest == digest_of(HELLO)


@pytest.mark.parametrize("piece_bytes", [1_000, 65_536, 262_144, 262_145, 1 << 20])
def test_cidOfChunks_dependsNotOnThePieces(piece_bytes: int, content: Callable[[int], bytes]) -> None:
    data = content(1 << 20)
    pieces = (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))
    assert cid_of_chunks(pieces) == ONE_MIB


@pytest.mark.parametrize("size_bytes", [0, 1, 262_144])
def test_digestOf_oneBlock_isTheFilesSha256(size_bytes: int, content: Callable[[int], bytes]) -> None:
    data = content(size_bytes)
    assert digest_of(cid_of(data)) == hashlib.sha256(data).digest()


@pytest.mark.parametrize("size_bytes", [0, 262_144, 262_145, 1 << 20])
def test_cidFromDigest_undoesDigestOf(size_bytes: int, content: Callable[[int], bytes]) -> None:
    cid = cid_of(content(size_bytes))
    assert cid_from_digest(digest_of(cid), size_bytes) == cid


@pytest.mark.parametrize(
    ("digest", "size_bytes"), [(bytes(31), 1), (bytes(33), 1), (b"", 1), (bytes(32), -1)]
)
def test_cidFromDigest_ofNoDigestOrSize_isRefused(digest: bytes, size_bytes: int) -> None:
    with pytest.raises(InvalidCid):
        cid_from_digest(digest, size_bytes)


def test_parse_givesCodecAndDigest() -> None:
    assert parse(HELLO) == Cid(RAW, hashlib.sha256(b"hello world").digest())
    assert parse(ONE_MIB).codec == DAG_PB


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "../../../../../../../../../../../../../../../../etc/passwd\0..",
        "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN",  # CIDv0
        "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn",  # base58
        HELLO.upper(),
        HELLO[:-1],
        HELLO + "a",
        HELLO + "=",
        HELLO + "\n",
        " " + HELLO[1:],
        HELLO[:-1] + "f",  # a bit beyond the last byte
        HELLO[:30] + "1" + HELLO[31:],  # not of the alphabet
        HELLO[:30] + "ｅ" + HELLO[31:],  # full-width
        HELLO[:30] + "/" + HELLO[31:],
        "bafyrgq" + HELLO[7:],  # another codec and hash
        "bafkqa" + HELLO[6:],  # the identity hash
        "baekreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",  # version 0 in base32
        "b" * 1_000_000,
        None,
        7,
        HELLO.encode(),
    ],
    ids=range(22),
)
def test_parse_anythingButOurOwnForm_isRefused(text: Any) -> None:
    with pytest.raises(InvalidCid) as caught:
        parse(text)
    assert len(caught.value.message) < 200
