"""The archive when it is killed, when the disk is full, and when the disk fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ml.history.archive import Archive
from ml.history.files import ArchiveError, ArchiveFull
from tests.killed_puts import check


def noise(size_bytes: int, seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"weights/a": torch.randint(0, 256, (size_bytes,), dtype=torch.uint8, generator=generator)}


def left_behind(archive: Archive) -> list[Path]:
    return [file for name in ("packs", "staging") for file in (archive.folder / name).iterdir()]


def test_put_killedAtAnySystemCall_leavesNothingHalfWritten(tmp_path: Path) -> None:
    check("tests.ml.history.killed_puts", tmp_path, least=15)


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
def test_put_whoseFsyncFails_keepsNothing(
    number: int, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ArchiveFull if number == errno.EDQUOT else ArchiveError) as caught:
        archive.put(noise(100))

    assert os.strerror(number) in caught.value.message
    assert left_behind(archive) == []


@pytest.mark.usefixtures("small_files")
def test_put_pastTheFileSizeLimit_isFull_andKeepsNothing(archive: Archive) -> None:
    with pytest.raises(ArchiveFull) as caught:
        archive.put(noise(200_000))

    assert (caught.value.code, caught.value.retryable) == ("archive-full", False)
    assert left_behind(archive) == []


def test_put_onAFullDisk_isFull_andLosesNothing(small_disk: Path) -> None:
    archive = Archive.open(small_disk / "archive")
    kept = archive.put(noise(600_000)).pack
    with pytest.raises(ArchiveFull) as caught:
        archive.put(noise(3_000_000), kept)
    left = left_behind(archive)
    after = archive.put(noise(100_000, seed=2), kept).pack

    assert "No space left on device" in caught.value.message
    assert left == [small_disk / "archive" / "packs" / kept.hex()]
    assert torch.equal(archive.get(kept)["weights/a"], noise(600_000)["weights/a"])
    assert torch.equal(archive.get(after)["weights/a"], noise(100_000, seed=2)["weights/a"])


def test_open_whereAFileStands_failsAndSaysWhere(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError) as caught:
        Archive.open(tmp_path / "file")

    assert str(tmp_path / "file") in caught.value.message
