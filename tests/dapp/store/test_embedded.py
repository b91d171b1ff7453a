"""The directory store: what it keeps, what it refuses, and that many processes can share it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import DigestMismatch, InvalidCid, InvalidStore, NotFound, StoreError, TooLarge

HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def block_files(store: EmbeddedStore) -> list[Path]:
    return sorted((store.directory / "blocks").iterdir())


def staged_files(store: EmbeddedStore) -> list[Path]:
    return sorted((store.directory / "staging").iterdir())


@pytest.mark.parametrize("size_bytes", [0, 1, 262_144, 262_145, 3_000_000])
def test_get_afterPut_givesTheSameBytes(
    size_bytes: int, store: EmbeddedStore, content: Callable[[int], bytes]
) -> None:
    data = content(size_bytes)
    cid = store.put(data)
    assert cid == cid_of(data)
    assert store.get(cid, size_bytes) == data
    assert staged_files(store) == []


def test_put_oneBlock_isAFileNamedByItsCid(store: EmbeddedStore) -> None:
    assert store.put(b"hello world") == HELLO
    assert [file.name for file in block_files(store)] == [HELLO]
    assert (store.directory / "blocks" / HELLO).read_bytes() == b"hello world"


def test_has_isFalse_untilPut(store: EmbeddedStore) -> None:
    assert not store.has(HELLO)
    store.put(b"hello world")
    assert store.has(HELLO)


def test_get_ofNothing_isNotFound(store: EmbeddedStore) -> None:
    with pytest.raises(NotFound) as caught:
        store.get(HELLO, 100)
    assert caught.value.code == "store-not-found"


@pytest.mark.parametrize("verb", ["get", "has", "get_block"])
def test_aPathInPlaceOfACid_isRefused(verb: str, store: EmbeddedStore) -> None:
    with pytest.raises(InvalidCid):
        getattr(store, verb)(*["../quorate-store-1", 100][: 1 if verb == "has" else 2])


def test_get_overTheLimit_isTooLarge(store: EmbeddedStore) -> None:
    cid = store.put(bytes(2_000))
    with pytest.raises(TooLarge) as caught:
        store.get(cid, 999)
    assert caught.value.values == {"cid": cid, "limit_bytes": 999, "size_bytes": 2_000}


def test_get_ofABlockGrownToATerabyte_isTooLarge_unread(store: EmbeddedStore) -> None:
    (store.directory / "blocks" / HELLO).touch()
    os.truncate(store.directory / "blocks" / HELLO, 1 << 40)
    with pytest.raises(TooLarge):
        store.get(HELLO, 1 << 50)


def test_putChunks_overTheLimit_isTooLarge_andKeepsNothing(store: EmbeddedStore) -> None:
    with pytest.raises(TooLarge):
        store.put_chunks(iter([bytes(300_000)] * 10), max_bytes=1_000_000)
    assert block_files(store) == staged_files(store) == []


def test_putChunks_whoseSourceBreaks_keepsNothing(store: EmbeddedStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(600_000)
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        store.put_chunks(breaking())
    assert block_files(store) == staged_files(store) == []


def test_put_twice_writesOnce(store: EmbeddedStore, content: Callable[[int], bytes]) -> None:
    store.put(content(600_000))
    before = [(file.name, file.stat().st_ino) for file in block_files(store)]
    store.put(content(600_000))
    assert [(file.name, file.stat().st_ino) for file in block_files(store)] == before


def test_put_ofRepeatedBlocks_keepsOneOfThem(store: EmbeddedStore) -> None:
    cid = store.put(bytes(10 * 262_144))
    assert len(block_files(store)) == 2
    assert store.get(cid, 10 * 262_144) == bytes(10 * 262_144)


@pytest.mark.parametrize("damage", [b"", b"hello worle", b"hello world!", b"x" * 5_000])
def test_get_ofADamagedBlock_isRefused_andPutRepairsIt(damage: bytes, store: EmbeddedStore) -> None:
    store.put(b"hello world")
    file = store.directory / "blocks" / HELLO
    file.chmod(0o644)
    file.write_bytes(damage)
    with pytest.raises((DigestMismatch, TooLarge)):
        store.get(HELLO, 1_000)
    store.put(b"hello world")
    assert store.get(HELLO, 1_000) == b"hello world"


def test_get_ofALinkOutOfTheStore_isRefused(store: EmbeddedStore, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"hello world")
    (store.directory / "blocks" / HELLO).symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError):
        store.get(HELLO, 1_000)


def test_get_ofAPipe_isRefused_withoutWaiting(store: EmbeddedStore) -> None:
    os.mkfifo(store.directory / "blocks" / HELLO)
    with pytest.raises(DigestMismatch):
        store.get(HELLO, 1_000)


def test_stream_givesVerifiedBlocks_upToTheDamagedOne(store: EmbeddedStore) -> None:
    data = b"".join(bytes([i]) * 262_144 for i in range(3))
    cid = store.put(data)
    damaged = store.directory / "blocks" / cid_of(bytes([2]) * 262_144)
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(262_144))
    received = []
    with pytest.raises(DigestMismatch):
        received.extend(store.stream(cid, len(data)))  # extend keeps what came before
    assert b"".join(received) == data[: 2 * 262_144]


def test_open_directoryWithOtherFiles_isRefused_andLeftAlone(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidStore):
        EmbeddedStore(tmp_path)
    assert (tmp_path / "staging" / "thesis.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_open_whereAFileIs_isAStoreError(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        EmbeddedStore(tmp_path / "file")
    assert str(tmp_path / "file") in caught.value.message


def test_open_duringAPut_leavesThePutAlone(store: EmbeddedStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(600_000)
        EmbeddedStore(store.directory)
        yield b"end"

    assert store.has(store.put_chunks(chunks()))


def test_open_afterADeadPut_removesWhatItLeft(store: EmbeddedStore) -> None:
    dead = store.directory / "staging" / "put-dead"
    dead.mkdir()
    (dead / HELLO).write_bytes(b"hel")
    EmbeddedStore(store.directory)
    assert staged_files(store) == []


def test_manyProcesses_shareOneDirectory(store: EmbeddedStore) -> None:
    program = (
        "import sys; from pathlib import Path; from dapp.store.embedded import EmbeddedStore\n"
        "for i in range(10):\n"
        "    store = EmbeddedStore(Path(sys.argv[1]))\n"
        "    shared = bytes([i]) * 300_000; own = shared + sys.argv[2].encode()\n"
        "    assert store.get(store.put(shared), 300_000) == shared\n"
        "    assert store.get(store.put(own), 400_000) == own\n"
    )
    command = [sys.executable, "-c", program, str(store.directory)]
    running = [
        subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in ("first", "second", "third")
    ]
    assert [(process.communicate()[1], process.returncode) for process in running] == [(b"", 0)] * 3
    assert staged_files(store) == []
