"""Parts of tensors: exact bytes back, small ones kept, hostile ones refused."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ml.history.codec import PAYS, Coded, Coding, InvalidCoding, decode, encode, shuffle, unshuffle
from ml.history.tensors import Raw

WORDS = (1, 2, 4, 8)


def raw_of(data: bytes) -> Raw:
    return np.frombuffer(data, np.uint8).copy()


@given(
    word_bytes=st.sampled_from(WORDS),
    data=st.binary(max_size=400),
    changes=st.lists(st.binary(max_size=400), max_size=8),
)
def test_decode_ofAnyChainOfVersions_givesEachVersionsBytes(
    word_bytes: int, data: bytes, changes: list[bytes]
) -> None:
    data = data[: len(data) // word_bytes * word_bytes]
    raw, parts = raw_of(data), [encode(raw_of(data), word_bytes, None)]
    for change in changes:
        following = raw_of((change + bytes(raw)[len(change) :])[: len(data)])
        coded = encode(following, word_bytes, raw)
        parts = [*parts, coded] if coded.coding is Coding.DIFFERENCE else [coded]
        raw = following
        assert bytes(decode(parts, len(data), word_bytes)) == bytes(raw)


@pytest.mark.parametrize("word_bytes", WORDS)
def test_decode_ofDifferencesThatWrapAround_isExact(word_bytes: int) -> None:
    versions = [
        raw_of(word * 64) for word in (b"\x00" * word_bytes, b"\xff" * word_bytes, b"\x80" * word_bytes)
    ]
    whole = Coded(Coding.RAW, versions[0].data, len(versions[0]))
    coded = [encode(new, word_bytes, old) for old, new in pairwise(versions)]

    assert [each.coding for each in coded] == [Coding.DIFFERENCE] * 2
    assert bytes(decode([whole, *coded], 64 * word_bytes, word_bytes)) == bytes(versions[2])


def test_encode_ofSmallChangesBothWays_takesAQuarter() -> None:
    random = np.random.default_rng(1)
    base = random.integers(0, 2**32, 10_000, np.uint32)
    changed = base + random.integers(-100, 100, 10_000).astype(np.uint32)
    coded = encode(changed.view(np.uint8), 4, base.view(np.uint8))

    assert coded.coding is Coding.DIFFERENCE
    assert coded.size_bytes < 0.26 * changed.nbytes


def test_encode_ofNoise_staysRaw() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 4_096, np.uint8)

    assert encode(noise, 4, noise[::-1].copy()).coding is Coding.RAW


def test_encode_ofWhatSavesTooLittle_staysRaw() -> None:
    weights = np.random.default_rng(1).normal(size=20_000).astype(np.float32).view(np.uint8)
    shuffled = zstandard.ZstdCompressor(level=1).compress(shuffle(weights, 4).data)

    assert PAYS < len(shuffled) / len(weights) < 0.95
    assert encode(weights, 4, None).coding is Coding.RAW


@pytest.mark.parametrize(("word_bytes", "coding"), [(1, Coding.ZSTD), (4, Coding.SHUFFLED)])
def test_encode_ofText_isCompressed(word_bytes: int, coding: Coding) -> None:
    assert encode(raw_of(b"text" * 100), word_bytes, None).coding is coding


def test_encode_ofAVersionThatFitsItsBaseBadly_isWholeAndSmaller() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 4_096, np.uint8)

    assert encode(raw_of(bytes(4_096)), 4, noise).coding is Coding.SHUFFLED


@pytest.mark.parametrize("word_bytes", WORDS)
def test_unshuffle_ofShuffled_isTheSame(word_bytes: int) -> None:
    raw = raw_of(bytes(range(64)))

    assert bytes(unshuffle(shuffle(raw, word_bytes), word_bytes)) == bytes(raw)
    assert shuffle(raw, word_bytes)[1] == word_bytes % 64


def frame(data: bytes, coding: Coding = Coding.ZSTD, **options: bool) -> Coded:
    packed = zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]
    return Coded(coding, packed, len(packed))


def bomb(stated_bytes: int) -> Coded:
    """A frame of 64 MiB of zeros that states this size."""
    packed = bytearray(zstandard.ZstdCompressor().compress(bytes(1 << 26)))
    assert packed[4] == 0x80  # four bytes of content size, after one for the window
    packed[6:10] = struct.pack("<I", stated_bytes)
    return Coded(Coding.ZSTD, bytes(packed), len(packed))


WHOLE = Coded(Coding.RAW, bytes(16), 16)
HOSTILE = {
    "no parts": [],
    "a difference first": [frame(bytes(16), Coding.DIFFERENCE)],
    "two whole ones": [WHOLE, WHOLE],
    "too many parts": [WHOLE] + [frame(bytes(16), Coding.DIFFERENCE)] * 256,
    "raw and too short": [Coded(Coding.RAW, bytes(15), 15)],
    "raw and too long": [Coded(Coding.RAW, bytes(17), 17)],
    "a frame too long": [frame(bytes(17))],
    "a frame too short": [frame(bytes(15))],
    "a frame without its size": [frame(bytes(16), write_content_size=False)],
    "no frame": [Coded(Coding.ZSTD, b"zstd" * 4, 16)],
    "an empty frame": [Coded(Coding.SHUFFLED, b"", 0)],
    "a frame cut short": [Coded(Coding.ZSTD, bytes(frame(bytes(range(16))).data)[:-1], 24)],
    "a frame and more": [Coded(Coding.ZSTD, bytes(frame(bytes(16)).data) + b"\0", 20)],
    "two frames": [Coded(Coding.ZSTD, bytes(frame(bytes(16)).data) * 2, 40)],
    "a difference too long": [WHOLE, frame(bytes(20), Coding.DIFFERENCE)],
    "a bomb": [bomb(1 << 26)],
    "a bomb that states less": [bomb(16)],
}


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE.keys())
def test_decode_ofHostileParts_isRefused(parts: list[Coded]) -> None:
    with pytest.raises(InvalidCoding) as caught:
        decode(parts, 16, 4)

    assert caught.value.code == "invalid-coding"


def test_decode_ofBrokenWords_isRefused() -> None:
    with pytest.raises(InvalidCoding, match="no whole words"):
        decode([Coded(Coding.RAW, bytes(15), 15)], 15, 4)
