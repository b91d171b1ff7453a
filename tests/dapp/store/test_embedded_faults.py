"""The directory store when it is killed, when the disk is full, and when the disk fails."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import Full, StoreError
from tests.killed_puts import check

ENTRIES = ("blocks", "staging")


def left_behind(store: EmbeddedStore) -> list[Path]:
    return [file for name in ENTRIES for file in (store.directory / name).iterdir()]


def test_put_killedAtAnySystemCall_leavesNothingHalfWritten(tmp_path: Path) -> None:
    check("tests.dapp.store.killed_puts", tmp_path, least=30)


def test_put_syncsBlocks_thenTheirNames_thenTheRootsName(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("sync directory" if is_directory else "sync file")
        real_fsync(descriptor)

    def rename(source: str, target: str) -> None:
        done.append("rename")
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    store.put(b"".join(bytes([i]) * 262_144 for i in range(2)))
    names = ["rename", "rename", "sync directory", "rename", "sync directory"]
    assert done == ["sync file"] * 3 + names


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
def test_put_whoseFsyncFails_failsOnce_andKeepsNothing(
    number: int, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(Full if number == errno.EDQUOT else StoreError) as caught:
        store.put(b"hello world")
    assert (len(calls), left_behind(store)) == (1, [])
    assert os.strerror(number) in caught.value.message


@pytest.mark.usefixtures("small_files")
def test_put_pastTheFileSizeLimit_isFull_andKeepsNothing(store: EmbeddedStore) -> None:
    with pytest.raises(Full) as caught:
        store.put(bytes(200_000))
    assert (caught.value.code, caught.value.retryable) == ("store-full", False)
    assert left_behind(store) == []


def test_put_onAFullDisk_isFull_andLosesNothing(small_disk: Path, content: Callable[[int], bytes]) -> None:
    store = EmbeddedStore(small_disk / "store")
    kept = store.put(content(600_000))
    before = left_behind(store)
    with pytest.raises(Full) as caught:
        store.put(content(3_000_000)[600_000:])
    assert "No space left on device" in caught.value.message
    assert left_behind(store) == before
    assert store.get(kept, 600_000) == content(600_000)
    assert store.has(store.put(content(1_000_000)[700_000:]))


def test_open_onAFullDisk_isFull(small_disk: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        (small_disk / "other").open("wb", buffering=0) as file,
    ):
        while file.write(bytes(1 << 16)):
            pass
    with pytest.raises(Full):
        EmbeddedStore(small_disk / "deep" / "store").put(b"hello world" * 1_000)
