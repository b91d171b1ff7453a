"""Hashing beside the work: every wrong digest raises, in order, with a thread or without."""

from __future__ import annotations

import pytest

from ml.canonical import sha256
from ml.errors import QuorateError
from ml.history.hashing import WORTH_A_THREAD_BYTES, Hashes

SIZES = pytest.mark.parametrize("size_bytes", [10, WORTH_A_THREAD_BYTES], ids=["at once", "in a thread"])


class Wrong(QuorateError):
    code = "wrong"


@SIZES
def test_hashes_ofBytesWithTheirDigests_end(size_bytes: int) -> None:
    data = bytes(size_bytes)
    with Hashes() as hashes:
        hashes.expect(data, sha256(data), Wrong("never"))
        hashes.expect(b"abc", sha256(b"abc"), Wrong("never"))


@SIZES
def test_hashes_ofBytesThatDiffer_raiseTheFirstError(size_bytes: int) -> None:
    data = bytes(size_bytes)
    with pytest.raises(Wrong) as caught, Hashes() as hashes:
        hashes.expect(data, sha256(data), Wrong("right"))
        hashes.expect(data, sha256(b""), Wrong("first"))
        hashes.expect(b"abc", sha256(b""), Wrong("second"))

    assert caught.value.message == "first"


@SIZES
def test_hashes_whenTheWorkFailsOfChangedBytes_nameThese(size_bytes: int) -> None:
    with pytest.raises(Wrong, match="changed") as caught, Hashes() as hashes:
        hashes.expect(bytes(size_bytes), sha256(b""), Wrong("changed"))
        raise QuorateError("cannot be read")

    assert str(caught.value.__cause__) == "cannot be read"


@SIZES
def test_hashes_whenTheWorkFailsOfSoundBytes_passItsErrorOn(size_bytes: int) -> None:
    data = bytes(size_bytes)
    with pytest.raises(QuorateError, match="cannot be read"), Hashes() as hashes:
        hashes.expect(data, sha256(data), Wrong("never"))
        raise QuorateError("cannot be read")
