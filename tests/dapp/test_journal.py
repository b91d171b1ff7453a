"""The journal: durable, private, one process an account, and honest about damage."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dapp.journal import Journal, JournalBusy, JournalCorrupt, JournalForeign, JournalFull

ACCOUNT = "0x" + "a" * 40
GENESIS = bytes(range(32))


def opened(directory: Path) -> Journal:
    return Journal.open(directory, 31337, GENESIS, ACCOUNT)


def folder(directory: Path) -> Path:
    return directory / f"31337-00010203-{ACCOUNT}"


def test_put_thenReopen_givesItBack(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put("salt", "task", {"salt": "00ff"})
    with opened(tmp_path) as journal:
        assert journal.get("salt", "task") == {"salt": "00ff"}
        assert journal.get("salt", "another") is None


def test_putOnce_secondValue_isNotTaken(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        assert journal.put_once("salt", "task", {"salt": "1"}) == {"salt": "1"}
        assert journal.put_once("salt", "task", {"salt": "2"}) == {"salt": "1"}
        assert list(journal.items("salt")) == [("task", {"salt": "1"})]


def test_put_thenSigkill_isOnTheDisk(tmp_path: Path) -> None:
    program = (
        "import os, signal, pathlib\n"
        "from dapp.journal import Journal\n"
        f"j = Journal.open(pathlib.Path({str(tmp_path)!r}), 31337, {GENESIS!r}, {ACCOUNT!r})\n"
        "j.put('salt', 'task', {'salt': '7'})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    with opened(tmp_path) as journal:
        assert journal.get("salt", "task") == {"salt": "7"}


def test_files_areForTheirOwnerOnly(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put("salt", "task", {})
        journal.keep(b"weights")
        modes = {stat.S_IMODE(file.stat().st_mode) for file in folder(tmp_path).iterdir()}
        assert modes == {0o600}
        assert stat.S_IMODE(folder(tmp_path).stat().st_mode) == 0o700


def test_settings_areDurable(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        database = journal._database
        assert database.run("PRAGMA journal_mode")[0] == ("wal",)
        assert database.run("PRAGMA synchronous")[0] == (2,)


def test_open_whileAnotherHasIt_isRefused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(JournalBusy, match="another process"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_open_otherAccountInTheSameFolder_isAnotherJournal(tmp_path: Path) -> None:
    with opened(tmp_path), Journal.open(tmp_path, 31337, GENESIS, "0x" + "b" * 40) as other:
        assert list(other.items("tx")) == []


def test_open_journalMovedFromAnotherChain_isRefused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    folder(tmp_path).rename(tmp_path / f"1-00010203-{ACCOUNT}")
    with pytest.raises(JournalForeign, match="31337"):
        Journal.open(tmp_path, 1, GENESIS, ACCOUNT)


def test_open_recordChangedBehindItsBack_isDetected(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put("ballot", "task", {"salt": "00"})
    database = sqlite3.connect(folder(tmp_path) / "journal.sqlite")
    with database:
        database.execute("UPDATE records SET body = ? WHERE kind = 'ballot'", ('{"salt":"01"}',))
    database.close()
    with pytest.raises(JournalCorrupt, match="ballot/task"):
        opened(tmp_path)


def test_open_everyPageOverwritten_isNeverBelieved(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for number in range(200):
            journal.put("tx", f"step {number:03}", {"raw": "ab" * 200, "nonce": number})
    file = folder(tmp_path) / "journal.sqlite"
    whole = file.read_bytes()
    wrong = 0
    for at in range(0, len(whole), 4_096):
        file.write_bytes(whole[: at + 2_000] + b"\xff" * 64 + whole[at + 2_064 :])
        try:
            with opened(tmp_path) as journal:
                assert len(list(journal.items("tx"))) == 200
        except (JournalCorrupt, JournalFull, JournalForeign):
            wrong += 1
        for leftover in ("journal.sqlite-wal", "journal.sqlite-shm"):
            (folder(tmp_path) / leftover).unlink(missing_ok=True)
    assert wrong >= len(whole) // 4_096 // 2


def test_open_notADatabase_saysWhatToDo(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (folder(tmp_path) / "journal.sqlite").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(JournalCorrupt) as error:
        opened(tmp_path)
    assert "move the file away" in error.value.fix


def test_keep_thenChange_isDetected(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        digest = journal.keep(b"weights")
        assert journal.kept(digest) == b"weights"
        (folder(tmp_path) / digest.hex()).write_bytes(b"others")
        with pytest.raises(JournalCorrupt, match="SHA-256"):
            journal.kept(digest)


def test_keep_fullDisk_leavesNothingHalfWritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with opened(tmp_path) as journal:
        before = sorted(file.name for file in folder(tmp_path).iterdir())
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(JournalFull, match="No space left"):
            journal.keep(b"weights")
        assert sorted(file.name for file in folder(tmp_path).iterdir()) == before


def test_put_fullDatabase_saysSo(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal._database.run("PRAGMA max_page_count = 4")
        with pytest.raises(JournalFull, match="full"):
            for number in range(100):
                journal.put("tx", str(number), {"raw": "ab" * 2_000})
        assert journal.get("tx", "99") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_open_folderThatCannotBeWritten_saysSo(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(JournalFull, match="cannot be written"):
        opened(tmp_path)
