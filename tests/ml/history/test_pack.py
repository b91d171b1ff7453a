"""Packs as bytes: one form, and hostile ones refused before anything is allocated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from ml.canonical import canonical_json, sha256
from ml.history.codec import Coded, Coding
from ml.history.pack import (
    MAX_HOPS,
    TURNS,
    Bounds,
    Entry,
    InvalidPack,
    Part,
    parts_kept,
    read,
    write,
)
from ml.history.tensors import DTYPES

OTHER = b"\x11" * 32
WHOLE = Coded(Coding.RAW, b"\0\0\x80?", 4)
ENTRY = Entry("weights/ü", DTYPES["F32"], (1,), sha256(bytes(WHOLE.data)), 0, (Part(None, 4, 4, Coding.RAW),))
ELSEWHERE = Entry("weights/ω", DTYPES["I64"], (), b"\x22" * 32, 0, (Part(OTHER, 4, 8, Coding.RAW),))
INDEX = (
    '{"format":"quorate/pack/1","packs":["' + "11" * 32 + '"],"tensors":['
    '{"dtype":"F32","name":"weights/ü","parts":[[0,4,4,"raw"]],'
    '"sha256":"e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c","shape":[1],"turn":0},'
    '{"dtype":"I64","name":"weights/ω","parts":[[1,4,8,"raw"]],"sha256":"'
    + "22" * 32
    + '","shape":[],"turn":0}]}'
).encode()


def packed(index: bytes, payload: bytes = b"\0\0\x80?") -> bytes:
    return b"QPK1" + payload + index + len(index).to_bytes(4, "big")


def test_write_ofTwoTensors_isThesePackBytes() -> None:
    assert write([ENTRY, ELSEWHERE], [WHOLE]) == packed(INDEX)


def test_read_ofAPack_isItsIndex() -> None:
    index = read(packed(INDEX), Bounds())

    assert (list(index.entries.values()), index.packs) == ([ENTRY, ELSEWHERE], (OTHER,))


def test_write_isCanonicalJson() -> None:
    assert canonical_json(json.loads(INDEX)) == INDEX


def chain_of(turn: int) -> list[int]:
    """The versions from a whole one to this one, by the layout's rule."""
    return [0] if turn == 0 else [*chain_of(turn & (turn - 1)), turn]


def test_partsKept_afterEachTurn_areTheNextOnesBase() -> None:
    chains = [[0]]
    while kept := parts_kept(len(chains) - 1):
        chains.append([*chains[-1][:kept], len(chains)])

    assert chains == [chain_of(turn) for turn in range(TURNS)]
    assert max(len(chain) - 1 for chain in chains) == 5 <= MAX_HOPS


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    index = json.loads(INDEX)
    change(index)
    return packed(json.dumps(index, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def first(**fields: object) -> bytes:
    return edited(lambda index: index["tensors"][0].update(fields))


def twice(index: dict[str, Any]) -> None:
    index["tensors"].insert(0, copy.deepcopy(index["tensors"][0]))


DIFFERENCE = [0, 4, 4, "difference"]
HOSTILE = {
    "empty": (b"", "do not begin with QPK1"),
    "too short": (b"QPK1", "do not begin with QPK1"),
    "another magic": (b"QPK2" + packed(INDEX)[4:], "do not begin with QPK1"),
    "a pickle": (b"\x80\x04" + bytes(20), "do not begin with QPK1"),
    "a zip": (b"PK\x03\x04" + bytes(20), "do not begin with QPK1"),
    "an index beyond the pack": (b"QPK1" + INDEX + b"\xff\xff\xff\xff", "claims an index of"),
    "an index that begins in the magic": (b"QPK1" + (1).to_bytes(4, "big"), "claims an index of"),
    "an index cut short": (packed(INDEX[:-1]), "Expecting ','"),
    "an index that is no object": (packed(b"[]", b""), "not an object with format"),
    "an index that is no UTF-8": (packed(INDEX.replace("ü".encode(), b"\xff\xff")), "can't decode byte 0xff"),
    "a lone surrogate": (packed(INDEX.replace("ü".encode(), b"\\ud800")), "surrogates not allowed"),
    "white space": (packed(INDEX.replace(b":", b": ", 1)), "not in canonical form"),
    "an escape without need": (packed(INDEX.replace("ü".encode(), b"\\u00fc")), "not in canonical form"),
    "a key twice": (
        packed(INDEX.replace(b'{"format"', b'{"format":"","format"', 1)),
        "not in canonical form",
    ),
    "a float": (packed(INDEX.replace(b'"shape":[1]', b'"shape":[1.0]')), "is not an integer"),
    "not a number": (packed(INDEX.replace(b'"shape":[1]', b'"shape":[NaN]')), "is not an integer"),
    "a number of 5,000 digits": (
        packed(INDEX.replace(b'"shape":[1]', b'"shape":[' + b"9" * 5_000 + b"]")),
        "Exceeds the limit",
    ),
    "nested a million deep": (packed(b"[" * 1_000_000 + b"]" * 1_000_000, b""), "nested deeper than 8"),
    "another format": (
        edited(lambda index: index.update(format="quorate/pack/2")),
        "format is 'quorate/pack/2'",
    ),
    "one more key": (edited(lambda index: index.update(more=1)), "not an object with format"),
    "packs that are no list": (edited(lambda index: index.update(packs={})), "other packs by their SHA-256"),
    "a pack in capitals": (edited(lambda index: index.update(packs=["AA" * 32])), "lower-case hexadecimal"),
    "a pack that is no digest": (
        edited(lambda index: index.update(packs=["zz" * 32])),
        "lower-case hexadecimal",
    ),
    "packs not in order": (
        edited(lambda index: index.update(packs=["33" * 32, "11" * 32])),
        "other packs are not in order",
    ),
    "a pack twice": (
        edited(lambda index: index.update(packs=["11" * 32] * 2)),
        "other packs are not in order",
    ),
    "a pack that nothing needs": (
        edited(lambda index: index["packs"].append("33" * 32)),
        "in which no part lies",
    ),
    "tensors that are no list": (
        edited(lambda index: index.update(tensors={})),
        "list at most 32,768 tensors",
    ),
    "a tensor that is no object": (
        edited(lambda index: index.update(tensors=[7])),
        "not an object with dtype",
    ),
    "a tensor twice": (edited(twice), "order of their names"),
    "tensors not in order": (edited(lambda index: index["tensors"].reverse()), "order of their names"),
    "a tensor with one more key": (first(more=1), "not an object with dtype"),
    "no name": (first(name=""), "1 to 512 characters"),
    "a name that is a number": (first(name=7), "1 to 512 characters"),
    "a name of 513 characters": (first(name="n" * 513), "1 to 512 characters"),
    "an object dtype": (first(dtype="O"), "unknown dtype"),
    "a dtype that is a list": (first(dtype=["F32"]), "unknown dtype"),
    "a rank of 17": (first(shape=[1] * 17), "at most 16 axes"),
    "a shape that is a number": (first(shape=1), "at most 16 axes"),
    "a negative side": (first(shape=[-1]), "an axis outside"),
    "a side that is true": (first(shape=[True]), "an axis outside"),
    "a huge side": (first(shape=[2**50]), "an axis outside"),
    "sides whose product is huge": (first(shape=[2**24] * 16), "more than 8,589,934,592 bytes"),
    "a digest of 31 bytes": (first(sha256="00" * 31), "has no SHA-256"),
    "a digest that is a number": (first(sha256=0), "has no SHA-256"),
    "a digest in capitals": (first(sha256="AB" * 32), "lower-case hexadecimal"),
    "no parts": (first(parts=[]), "made of 1 to 9 parts"),
    "ten parts": (first(parts=[[0, 4, 4, "raw"], *[DIFFERENCE] * 9], turn=31), "made of 1 to 9 parts"),
    "parts that are no list": (first(parts="raw"), "made of 1 to 9 parts"),
    "a part of three": (first(parts=[[0, 4, 4]]), "is not pack, offset, size and coding"),
    "a part of five": (first(parts=[[0, 4, 4, "raw", 0]]), "is not pack, offset, size and coding"),
    "a part at a fraction": (first(parts=[[0, "4", 4, "raw"]]), "is not pack, offset, size and coding"),
    "a part with an unknown coding": (first(parts=[[0, 4, 4, "gzip"]]), "unknown coding"),
    "a part with a coding that is a list": (first(parts=[[0, 4, 4, ["raw"]]]), "unknown coding"),
    "a part in a pack that is not listed": (first(parts=[[2, 4, 4, "raw"]]), "lies in pack number"),
    "a part in a negative pack": (first(parts=[[-1, 4, 4, "raw"]]), "lies in pack number"),
    "a part in the magic": (first(parts=[[0, 0, 4, "raw"]]), "lies outside its pack"),
    "a part in the index": (first(parts=[[0, 8, 4, "raw"]]), "lies outside its pack"),
    "a part that ends in the index": (first(parts=[[0, 4, 5, "zstd"]], shape=[2]), "lies outside its pack"),
    "a part of negative size": (first(parts=[[0, 4, -4, "zstd"]]), "lies outside its pack"),
    "a part larger than its tensor": (first(parts=[[0, 4, 4, "zstd"]], shape=[0]), "lies outside its pack"),
    "a raw part smaller than its tensor": (first(shape=[2]), "is not as large as the tensor"),
    "a part far beyond a file": (first(parts=[[1, 2**60, 4, "zstd"]]), "lies outside its pack"),
    "a gap in the payload": (packed(INDEX, bytes(5)), "parts end at byte 8, its payload at 9"),
    "parts that overlap": (
        first(parts=[[0, 4, 4, "zstd"], [0, 6, 2, "difference"]], turn=1),
        "overlap or leave a gap at byte 6",
    ),
    "a difference first": (first(parts=[DIFFERENCE]), "a whole part and differences"),
    "a whole part after another": (
        first(parts=[[0, 4, 4, "raw"], [0, 4, 4, "raw"]], turn=1),
        "a whole part and differences",
    ),
    "a turn without its parts": (first(turn=1), "a turn that does not go"),
    "parts without their turn": (first(parts=[[0, 4, 4, "raw"], DIFFERENCE]), "a turn that does not go"),
    "a turn beyond the last": (first(turn=32), "a turn that does not go"),
    "a negative turn": (first(turn=-1), "a turn that does not go"),
    "a turn that is false": (first(turn=False), "a turn that does not go"),
}


@pytest.mark.parametrize(("data", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_read_ofAHostilePack_isRefused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidPack) as caught:
        read(data, Bounds())

    assert caught.value.code == "invalid-pack"
    assert why in caught.value.message


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(pack_bytes=len(packed(INDEX)) - 1),
        Bounds(index_bytes=len(INDEX) - 1),
        Bounds(tensors=1),
        Bounds(raw_bytes=11),
        Bounds(raw_bytes=7),
    ],
    ids=lambda bounds: str(bounds),
)
def test_read_beyondItsBounds_isRefused(bounds: Bounds) -> None:
    with pytest.raises(InvalidPack):
        read(packed(INDEX), bounds)


def test_read_withinItsBounds_isTaken() -> None:
    bounds = Bounds(len(packed(INDEX)), len(INDEX), tensors=2, raw_bytes=12)

    assert len(read(packed(INDEX), bounds).entries) == 2


def test_read_ofATensorThatNobodyCouldHold_allocatesNothing() -> None:
    data = first(shape=[2**30], parts=[[0, 4, 4, "zstd"]])
    assert read(data, Bounds(raw_bytes=2**33)).entries["weights/ü"].raw_bytes == 2**32

    with pytest.raises(InvalidPack):
        read(data, Bounds(raw_bytes=2**31))
