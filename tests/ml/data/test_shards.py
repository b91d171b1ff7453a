"""ml.data.shards: samples as bytes, one encoding only."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ml.canonical import sha256
from ml.data.samples import Samples
from ml.data.shards import MAX_SHARD_BYTES, pack, split, unpack
from ml.data.shares import Shares
from ml.errors import InvalidSamples

TWO = Samples(np.array([[[1, 2, 3]], [[4, 5, 255]]], dtype=np.uint8), np.array([7, 0], dtype=np.int64))
TWO_BYTES = b"QSD1" + bytes.fromhex("00000002" + "0001" + "0003" + "0700" + "010203" + "0405ff")


def test_pack_twoSamples_isTheseBytes() -> None:
    assert pack(TWO) == TWO_BYTES


def test_unpack_theseBytes_isTheTwoSamples() -> None:
    samples = unpack(TWO_BYTES)

    assert samples.labels_N.tolist() == [7, 0]
    assert samples.images_NHW.tolist() == [[[1, 2, 3]], [[4, 5, 255]]]


def test_pack_ofTableII_hasThisDigest(shares: Shares) -> None:
    assert (
        sha256(pack(shares.verification_pool)).hex()
        == "f6ad75bed80a506e837df1131a099f77f6e275f53d17adb39895ee95258318b1"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"QSD1",
        TWO_BYTES[:-1],
        TWO_BYTES + b"\x00",
        b"QSD2" + TWO_BYTES[4:],
        b"PK\x03\x04" + TWO_BYTES,
        b"QSD1" + struct.pack(">IHH", 0, 1, 1),
        b"QSD1" + struct.pack(">IHH", 1, 0, 3) + b"\x00",
        b"QSD1" + struct.pack(">IHH", 1, 513, 1) + bytes(514),
        b"QSD1" + struct.pack(">IHH", 2**32 - 1, 512, 512) + bytes(100),
    ],
    ids=[
        "empty",
        "header cut",
        "cut",
        "longer",
        "magic",
        "zip",
        "no sample",
        "no row",
        "too high",
        "huge count",
    ],
)
def test_unpack_anythingElse_isRefused(data: bytes) -> None:
    with pytest.raises(InvalidSamples):
        unpack(data)


def test_unpack_aboveTheLimit_isRefused() -> None:
    with pytest.raises(InvalidSamples, match="20 bytes, the limit is 10"):
        unpack(TWO_BYTES, max_bytes=10)


@pytest.mark.parametrize("label", [-1, 256])
def test_pack_labelThatIsNoByte_isRefused(label: int) -> None:
    with pytest.raises(InvalidSamples, match="labels must be 0 to 255"):
        pack(Samples(TWO.images_NHW, np.array([0, label], dtype=np.int64)))


def test_pack_nothing_isRefused() -> None:
    with pytest.raises(InvalidSamples, match="0 images"):
        pack(TWO.take(slice(0, 0)))


def test_split_evenly_keepsEverySampleInOrder(shares: Shares) -> None:
    shards = split(shares.verification_pool, 20)

    assert [len(shard) for shard in shards] == [10] * 20
    assert b"".join(s.images_NHW.tobytes() for s in shards) == shares.verification_pool.images_NHW.tobytes()


def test_split_hundredMnistImages_fitOneBlock() -> None:
    samples = Samples(np.zeros((2_000, 28, 28), dtype=np.uint8), np.zeros(2_000, dtype=np.int64))

    assert {len(pack(shard)) for shard in split(samples, 20)} == {78_512}
    assert MAX_SHARD_BYTES == 262_144


def test_split_intoShardsAboveABlock_isRefused() -> None:
    samples = Samples(np.zeros((1_000, 28, 28), dtype=np.uint8), np.zeros(1_000, dtype=np.int64))

    with pytest.raises(InvalidSamples, match="392512 bytes, the limit is 262144; cut into more shards"):
        split(samples, 2)


@pytest.mark.parametrize("count", [0, 3])
def test_split_intoNoneOrMoreThanSamples_isRefused(count: int) -> None:
    with pytest.raises(InvalidSamples, match="cannot be cut"):
        split(TWO, count)
