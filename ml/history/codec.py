"""Bytes of tensors made small without loss: zstd, byte shuffle, and differences to an earlier version.

A difference is taken word by word modulo 2^w. One half of each byte is added, so that small changes, up or
down, leave the upper bytes of a word as they are: 0x80. Shuffled, these become runs. Figures: docs/log.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import zstandard

from ml.errors import QuorateError
from ml.history.tensors import Raw

LEVEL: Final = 1  # of zstd: 3 to 9 take 2 to 7 times as long for at most 1 % less
PAYS: Final = 0.85  # what stays larger than this share is kept as it is: whole copies are read at full speed
SMALL: Final = 0.75  # a difference below this share of the tensor needs no rival
MAX_PARTS: Final = 256  # sums of so many bytes still fit 16 bits


class InvalidCoding(QuorateError):
    """Bytes that do not decode to a tensor of the size stated."""

    code = "invalid-coding"
    default_fix = "Take the pack from another node: whoever sent this one changed or made it up."


class Coding(StrEnum):
    """How a part is written."""

    RAW = "raw"
    ZSTD = "zstd"
    SHUFFLED = "shuffled"  # all first bytes of the words, then all second ones, ...; then zstd
    DIFFERENCE = "difference"  # to the sum of the parts before it; halves added, shuffled, zstd


@dataclass(frozen=True)
class Coded:
    """A part as it is stored."""

    coding: Coding
    data: bytes | memoryview
    size_bytes: int


def encode(raw: Raw, word_bytes: int, base: Raw | None) -> Coded:
    """The smallest form of `raw`: whole, or as a difference to `base`, which has as many bytes."""
    difference = None if base is None else _zstd(Coding.DIFFERENCE, _differences(raw, base, word_bytes))
    if difference is not None and difference.size_bytes <= SMALL * len(raw):
        return difference
    whole = _zstd(Coding.SHUFFLED, shuffle(raw, word_bytes)) if word_bytes > 1 else _zstd(Coding.ZSTD, raw)
    best = min((part for part in (whole, difference) if part is not None), key=lambda part: part.size_bytes)
    return best if best.size_bytes <= PAYS * len(raw) else Coded(Coding.RAW, raw.data, len(raw))


def decode(parts: Sequence[Coded], raw_bytes: int, word_bytes: int) -> Raw:
    """The tensor's bytes from a whole part and the differences after it, in memory of their own.

    Raises InvalidCoding; nothing larger than `raw_bytes` is decompressed.
    """
    if not 1 <= len(parts) <= MAX_PARTS or parts[0].coding is Coding.DIFFERENCE:
        raise InvalidCoding(f"a tensor of {len(parts)} parts does not begin with a whole one")
    if raw_bytes % word_bytes:
        raise InvalidCoding(f"{raw_bytes} bytes are no whole words of {word_bytes}")
    whole = _whole(parts[0], raw_bytes, word_bytes)
    if len(parts) > 1 and raw_bytes:
        _add_differences(whole, parts[1:], word_bytes)
    return whole


def shuffle(raw: Raw, word_bytes: int) -> Raw:
    """All first bytes of the words, then all second ones, and so on."""
    return np.ascontiguousarray(raw.reshape(-1, word_bytes).T).reshape(-1)


def unshuffle(planes: Raw, word_bytes: int) -> Raw:
    """The inverse of shuffle, in memory of its own."""
    words = np.empty((len(planes) // word_bytes, word_bytes), np.uint8)
    for at, plane in enumerate(planes.reshape(word_bytes, -1)):
        words[:, at] = plane
    return words.reshape(-1)


def _differences(raw: Raw, base: Raw, word_bytes: int) -> Raw:
    word = np.dtype(f"<u{word_bytes}")
    changes = raw.view(word) - base.view(word)
    changes += _halves(word)
    return shuffle(changes.view(np.uint8), word_bytes)


def _add_differences(words: Raw, parts: Sequence[Coded], word_bytes: int) -> None:
    """Sum the parts' bytes by place and carry once: cheaper than to put each part's words together."""
    if any(part.coding is not Coding.DIFFERENCE for part in parts):
        raise InvalidCoding("a whole part follows another part")
    sums = _unzstd(parts[0].data, len(words)).astype(np.uint16)
    for part in parts[1:]:
        sums += _unzstd(part.data, len(words))
    word = np.dtype(f"<u{word_bytes}")
    planes = sums.reshape(word_bytes, -1)
    changes = planes[-1].astype(word)
    for plane in planes[-2::-1]:
        changes <<= word.type(8)
        changes += plane
    changes -= _halves(word, len(parts))
    total = words.view(word)
    total += changes


def _halves(word: np.dtype[np.unsignedinteger], times: int = 1) -> np.unsignedinteger:
    """0x80 in every byte, as often as asked, modulo the word."""
    total = times * int.from_bytes(b"\x80" * word.itemsize, "little")
    return word.type(total % 256**word.itemsize)


def _whole(part: Coded, raw_bytes: int, word_bytes: int) -> Raw:
    if part.coding is Coding.RAW:
        if part.size_bytes != raw_bytes:
            raise InvalidCoding(f"a raw part has {part.size_bytes} bytes, the tensor {raw_bytes}")
        return np.frombuffer(part.data, np.uint8).copy()
    plain = _unzstd(part.data, raw_bytes)
    return unshuffle(plain, word_bytes) if part.coding is Coding.SHUFFLED else plain.copy()


def _zstd(coding: Coding, raw: Raw) -> Coded:
    data = zstandard.ZstdCompressor(level=LEVEL).compress(raw.data)
    return Coded(coding, data, len(data))


def _unzstd(data: bytes | memoryview, raw_bytes: int) -> Raw:
    """Exactly `raw_bytes` out of one frame. The size in its header comes first: zstandard would trust it."""
    try:
        stated = zstandard.frame_content_size(data)
        if stated != raw_bytes:
            raise InvalidCoding(f"a frame states {stated} bytes, the tensor has {raw_bytes}")
        plain = zstandard.ZstdDecompressor().decompress(
            data, max_output_size=raw_bytes, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise InvalidCoding(f"a part does not decompress: {str(error)[:200]}") from error
    if len(plain) != raw_bytes:
        raise InvalidCoding(f"a part gives {len(plain)} bytes, the tensor has {raw_bytes}")
    return np.frombuffer(plain, np.uint8)
