"""A pack: one checkpoint as one file, its tensors whole, as differences, or where earlier packs hold them.

`QPK1`, the payload, the index, and the index's size. The index (canonical JSON) lists for every tensor all
parts that it is made of, with pack, offset and size: one index is enough to restore a checkpoint, and no pack
can lead in circles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Any, Final, NamedTuple

from ml.canonical import shallow_json
from ml.errors import QuorateError
from ml.history.codec import Coded, Coding
from ml.history.tensors import DTYPES, DType

MAGIC: Final = b"QPK1"
FORMAT: Final = "quorate/pack/1"
TRAILER_BYTES: Final = 4  # the index's size, big-endian
INDEX_DEPTH: Final = 8  # one has 5: itself, tensors, a tensor, its parts, a part
MAX_HOPS: Final = 8  # differences from a whole tensor to any version of it
TURNS: Final = 32  # versions of a tensor from one whole one to the next: see parts_kept
MAX_RANK: Final = 16
MAX_NAME_CHARACTERS: Final = 512
MAX_SIDE: Final = 2**48
_INTEGERS: Final = [int, int, int]
_CODINGS: Final = {coding.value: coding for coding in Coding}


class InvalidPack(QuorateError):
    """Bytes that are no pack, or a pack that asks for more than its bounds allow."""

    code = "invalid-pack"
    default_fix = "Take the pack from another node: whoever sent this one changed or made it up."


@dataclass(frozen=True)
class Bounds:
    """What a pack may cost, checked before anything is allocated."""

    pack_bytes: int = 2**31
    index_bytes: int = 2**24
    tensors: int = 2**15
    raw_bytes: int = 2**33  # of all tensors together, restored


class Part(NamedTuple):
    """Where a part of a tensor lies; `pack` is None for the pack whose index this is."""

    pack: bytes | None
    offset: int
    size_bytes: int
    coding: Coding

    def within(self, pack: bytes) -> Part:
        """The same part as seen from another pack, when this is the index of `pack`."""
        return self if self.pack is not None else Part(pack, self.offset, self.size_bytes, self.coding)


@dataclass(frozen=True)
class Entry:
    """One tensor of a pack: a whole part, then the differences that lead to this version of it.

    turn  which version this is since the last whole one; says what the next one is a difference to
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    sha256: bytes
    turn: int
    parts: tuple[Part, ...]

    @property
    def raw_bytes(self) -> int:
        """Bytes of the tensor."""
        return self.dtype.item_bytes * prod(self.shape)

    def within(self, pack: bytes) -> Entry:
        """The same entry as seen from another pack, when this is the index of `pack`."""
        return replace(self, parts=tuple(part.within(pack) for part in self.parts))


@dataclass(frozen=True)
class Index:
    """What a pack says about its tensors, by name."""

    entries: Mapping[str, Entry]
    packs: tuple[bytes, ...]  # the other packs in which parts lie


def parts_kept(turn: int) -> int:
    """How many parts of version `turn` the next one goes on from; 0: it is due to be whole.

    Version m is a difference to version m without its lowest set bit: 1 to 0, 2 to 0, 3 to 2, 4 to 0 and so
    on. So half of 32 versions are one step away from their base, a quarter two, and none is more than 5
    differences from a whole one.
    """
    following = turn + 1
    return following.bit_count() if following < TURNS else 0


def write(index_entries: Sequence[Entry], payload: Sequence[Coded]) -> bytes:
    """A pack with these entries and, one after the other, the parts that they place in it."""
    packs = sorted({part.pack for entry in index_entries for part in entry.parts if part.pack is not None})
    number = {None: 0} | {pack: at for at, pack in enumerate(packs, 1)}
    index = _json(
        {
            "format": FORMAT,
            "packs": [pack.hex() for pack in packs],
            "tensors": [
                {
                    "dtype": entry.dtype.name,
                    "name": entry.name,
                    "parts": [
                        [number[part.pack], part.offset, part.size_bytes, part.coding.value]
                        for part in entry.parts
                    ],
                    "sha256": entry.sha256.hex(),
                    "shape": list(entry.shape),
                    "turn": entry.turn,
                }
                for entry in index_entries
            ],
        }
    )
    return b"".join(
        [MAGIC, *(part.data for part in payload), index, len(index).to_bytes(TRAILER_BYTES, "big")]
    )


def read(data: bytes, bounds: Bounds) -> Index:
    """The index of a pack, all of it checked, nothing decompressed. Raises InvalidPack."""
    if len(data) > bounds.pack_bytes:
        raise InvalidPack(f"the pack has {len(data):,} bytes, at most {bounds.pack_bytes:,} are allowed")
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + TRAILER_BYTES:
        raise InvalidPack("these bytes are no pack: they do not begin with QPK1")
    size_bytes = int.from_bytes(data[-TRAILER_BYTES:], "big")
    payload_end = len(data) - TRAILER_BYTES - size_bytes
    if payload_end < len(MAGIC) or size_bytes > bounds.index_bytes:
        raise InvalidPack(f"the pack claims an index of {size_bytes:,} bytes")
    value = _parsed(data[payload_end:-TRAILER_BYTES])
    packs = _packs(value["packs"])
    tensors = value["tensors"]
    if not isinstance(tensors, list) or len(tensors) > bounds.tensors:
        raise InvalidPack(f"the pack does not list at most {bounds.tensors:,} tensors")
    entries = [_entry(tensor, packs, payload_end, bounds) for tensor in tensors]
    names = [entry.name for entry in entries]
    if any(second <= first for first, second in pairwise(names)):
        raise InvalidPack("the pack's tensors are not in the order of their names, or one is there twice")
    if (total := sum(entry.raw_bytes for entry in entries)) > bounds.raw_bytes:
        raise InvalidPack(f"the tensors have {total:,} bytes, at most {bounds.raw_bytes:,} are allowed")
    _check_whole(entries, packs, payload_end)
    return Index({entry.name: entry for entry in entries}, packs)


def _parsed(index: bytes) -> dict[str, Any]:
    try:
        value = shallow_json(index, INDEX_DEPTH, integers_only=True)
        canonical = _json(value)
    except ValueError as error:
        raise InvalidPack(f"the pack's index cannot be read: {str(error)[:200]}") from error
    if not isinstance(value, dict) or value.keys() != {"format", "packs", "tensors"}:
        raise InvalidPack("the pack's index is not an object with format, packs and tensors")
    if value["format"] != FORMAT:
        raise InvalidPack(f"the pack's format is {str(value['format'])[:60]!r}, known is {FORMAT}")
    if canonical != index:
        raise InvalidPack("the pack's index is not in canonical form")
    return value


def _packs(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not all(isinstance(pack, str) and len(pack) == 64 for pack in value):
        raise InvalidPack("the pack does not list other packs by their SHA-256")
    packs = tuple(_digest(pack) for pack in value)
    if any(second <= first for first, second in pairwise(packs)):
        raise InvalidPack("the other packs are not in order, or one is listed twice")
    return packs


def _entry(value: object, packs: tuple[bytes, ...], payload_end: int, bounds: Bounds) -> Entry:
    if not isinstance(value, dict) or value.keys() != {"dtype", "name", "parts", "sha256", "shape", "turn"}:
        raise InvalidPack("a tensor is not an object with dtype, name, parts, sha256, shape and turn")
    name, dtype, turn = value["name"], value["dtype"], value["turn"]
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise InvalidPack(f"a tensor's name is not 1 to {MAX_NAME_CHARACTERS} characters long")
    shown = name[:100]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InvalidPack(f"tensor {shown!r} has an unknown dtype")
    shape = _shape(shown, value["shape"], DTYPES[dtype], bounds)
    if not isinstance(value["sha256"], str) or len(value["sha256"]) != 64:
        raise InvalidPack(f"tensor {shown!r} has no SHA-256")
    if not isinstance(value["parts"], list) or not 1 <= len(value["parts"]) <= MAX_HOPS + 1:
        raise InvalidPack(f"tensor {shown!r} is not made of 1 to {MAX_HOPS + 1} parts")
    raw_bytes = DTYPES[dtype].item_bytes * prod(shape)
    parts = tuple(_part(shown, part, packs, payload_end, raw_bytes) for part in value["parts"])
    if [part.coding is Coding.DIFFERENCE for part in parts] != [at > 0 for at in range(len(parts))]:
        raise InvalidPack(f"tensor {shown!r} is not a whole part and differences after it")
    if type(turn) is not int or not 0 <= turn < TURNS or turn.bit_count() + 1 != len(parts):
        raise InvalidPack(f"tensor {shown!r} has a turn that does not go with its {len(parts)} parts")
    return Entry(name, DTYPES[dtype], shape, _digest(value["sha256"]), turn, parts)


def _shape(shown: str, value: object, dtype: DType, bounds: Bounds) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MAX_RANK:
        raise InvalidPack(f"tensor {shown!r} does not have at most {MAX_RANK} axes")
    if not all(type(side) is int and 0 <= side <= MAX_SIDE for side in value):
        raise InvalidPack(f"tensor {shown!r} has an axis outside 0..{MAX_SIDE}")
    if dtype.item_bytes * prod(value) > bounds.raw_bytes:
        raise InvalidPack(f"tensor {shown!r} has more than {bounds.raw_bytes:,} bytes")
    return tuple(value)


def _part(shown: str, value: object, packs: tuple[bytes, ...], payload_end: int, raw_bytes: int) -> Part:
    if not isinstance(value, list) or [type(item) for item in value[:3]] != _INTEGERS or len(value) != 4:
        raise InvalidPack(f"a part of tensor {shown!r} is not pack, offset, size and coding")
    number, offset, size_bytes, name = value
    if not 0 <= number <= len(packs):
        raise InvalidPack(f"a part of tensor {shown!r} lies in pack number {number}, {len(packs)} are listed")
    if not isinstance(name, str) or (coding := _CODINGS.get(name)) is None:
        raise InvalidPack(f"a part of tensor {shown!r} has an unknown coding")
    end = MAX_SIDE if number else payload_end
    if not (len(MAGIC) <= offset and 0 <= size_bytes <= raw_bytes and offset + size_bytes <= end):
        raise InvalidPack(f"a part of tensor {shown!r} lies outside its pack, or is larger than the tensor")
    if coding is Coding.RAW and size_bytes != raw_bytes:
        raise InvalidPack(f"a raw part of tensor {shown!r} is not as large as the tensor")
    return Part(packs[number - 1] if number else None, offset, size_bytes, coding)


def _check_whole(entries: Sequence[Entry], packs: tuple[bytes, ...], payload_end: int) -> None:
    """Nothing in the payload that belongs to no tensor, nothing listed that no tensor needs."""
    parts = [part for entry in entries for part in entry.parts]
    if {part.pack for part in parts} - {None} != set(packs):
        raise InvalidPack("the pack lists another pack in which no part lies")
    at = len(MAGIC)
    for offset, size_bytes in sorted({(part.offset, part.size_bytes) for part in parts if part.pack is None}):
        if offset != at:
            raise InvalidPack(f"the pack's parts overlap or leave a gap at byte {min(at, offset)}")
        at += size_bytes
    if at != payload_end:
        raise InvalidPack(f"the pack's parts end at byte {at}, its payload at {payload_end}")


def _json(value: object) -> bytes:
    """RFC 8785, as ml.canonical writes it, at the speed of C: here keys are ASCII, numbers integers."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
    return text.encode("utf-8")


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if digest.hex() != text:
        raise InvalidPack(f"{text[:70]!r} is no SHA-256 in lower-case hexadecimal")
    return digest
