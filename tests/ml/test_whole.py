"""Files are whole, or as they were before: nothing is left of a write that failed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml import whole


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("private", "mode"), [(False, 0o644), (True, 0o600)])
def test_write_mayBeReadByWhomItIsFor(tmp_path: Path, private: bool, mode: int) -> None:
    file = tmp_path / "new" / "file"
    whole.write(file, b"said", private)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"said", mode)


def test_write_thatFails_leavesWhatWasThereAndNothingElse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    whole.write(file, b"before")

    def full(descriptor: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        whole.write(file, b"after")
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"before", [file])


def test_write_byManyAtOnce_isOneOfThem(tmp_path: Path) -> None:
    file, texts = tmp_path / "file", [bytes([number]) * 100_000 for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: whole.write(file, text), texts))
    assert file.read_bytes() in texts
    assert list(tmp_path.iterdir()) == [file]
