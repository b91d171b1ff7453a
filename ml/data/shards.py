"""Samples as bytes: one canonical encoding, so that a shard's SHA-256 can be committed before anyone trains.

Format, big endian: "QSD1", count (4 bytes), height (2), width (2), one byte a label, one byte a pixel row by
row.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from ml.bounds import MAX_LABELS, MAX_SIDE_PIXELS
from ml.data.samples import Samples
from ml.errors import InvalidSamples

MAGIC: Final = b"QSD1"
HEADER: Final = struct.Struct(">4sIHH")
MAX_SHARD_BYTES: Final = 262_144  # one raw IPFS block: the digest of its CID is its SHA-256
MAX_FILE_BYTES: Final = 64 * 1024 * 1024


def pack(samples: Samples) -> bytes:
    """The one encoding of `samples`. Raises InvalidSamples if empty, too large, or a label is not a byte."""
    count, height, width = samples.images_NHW.shape
    if count == 0 or not (1 <= height <= MAX_SIDE_PIXELS and 1 <= width <= MAX_SIDE_PIXELS):
        raise InvalidSamples(f"{count} images of {height}x{width} cannot be packed")
    if samples.labels_N.min() < 0 or samples.labels_N.max() >= MAX_LABELS:
        raise InvalidSamples(f"labels must be 0 to {MAX_LABELS - 1}")
    labels = samples.labels_N.astype(np.uint8).tobytes()
    data = HEADER.pack(MAGIC, count, height, width) + labels + samples.images_NHW.tobytes()
    if len(data) > MAX_FILE_BYTES:
        raise InvalidSamples(f"the samples pack to {len(data)} bytes, the limit is {MAX_FILE_BYTES}")
    return data


def unpack(data: bytes, max_bytes: int = MAX_FILE_BYTES) -> Samples:
    """The samples in `data`. Raises InvalidSamples unless `data` is exactly what `pack` writes."""
    if len(data) > max_bytes:
        raise InvalidSamples(f"sample file has {len(data)} bytes, the limit is {max_bytes}")
    if len(data) < HEADER.size or data[:4] != MAGIC:
        raise InvalidSamples(f"not a sample file: it starts with {data[:4]!r}, expected {MAGIC!r}")
    _, count, height, width = HEADER.unpack_from(data)
    if count == 0 or not (1 <= height <= MAX_SIDE_PIXELS and 1 <= width <= MAX_SIDE_PIXELS):
        raise InvalidSamples(f"sample file claims {count} images of {height}x{width}")
    expected = HEADER.size + count * (1 + height * width)
    if len(data) != expected:
        raise InvalidSamples(f"sample file has {len(data)} bytes, its header asks for {expected}")
    labels = np.frombuffer(data, np.uint8, count, HEADER.size).astype(np.int64)
    pixels = np.frombuffer(data, np.uint8, offset=HEADER.size + count).reshape(count, height, width)
    return Samples(pixels.copy(), labels)


def split(samples: Samples, count: int) -> list[Samples]:
    """`samples` cut into `count` runs of equal length (the first ones longer by one where needed).

    Raises InvalidSamples if a shard would be empty or above MAX_SHARD_BYTES.
    """
    if not 1 <= count <= len(samples):
        raise InvalidSamples(f"{len(samples)} samples cannot be cut into {count} shards")
    shards = [samples.take(index) for index in np.array_split(np.arange(len(samples)), count)]
    largest = len(pack(shards[0]))
    if largest > MAX_SHARD_BYTES:
        raise InvalidSamples(
            f"a shard would have {largest} bytes, the limit is {MAX_SHARD_BYTES}; cut into more shards"
        )
    return shards
