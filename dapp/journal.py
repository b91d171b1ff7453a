"""What must outlive a crash and is on no chain: salts, sealed packages, ballots, and transactions before
they are sent.

One SQLite file an account, in WAL mode with synchronous=FULL: what `put` returned from is on the disk.
Large files
lie beside it, named by their SHA-256. Everything carries a checksum and is readable by its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from dapp.database import Database, Failures
from ml import whole
from ml.errors import QuorateError

VERSION: Final = 1


class JournalError(QuorateError):
    """The base of all journal errors."""

    code = "journal-failed"
    default_fix = "Check the data directory: it must exist, be yours and have room."


class JournalBusy(JournalError):
    """Another process works for the same account."""

    code = "journal-busy"
    default_fix = "Wait for the other process, or stop it: one account is driven by one process at a time."


class JournalCorrupt(JournalError):
    """A journal or a kept file whose bytes changed."""

    code = "journal-corrupt"
    default_fix = (
        "Put back a copy of the file if you have one. Without it: move the file away and "
        "run the command again; salts are derived from your key, and votes can be worked out again from "
        "the chain. What was sealed in the browser has salts of its own: keep the file, and import "
        "the recovery file."
    )


class JournalForeign(JournalError):
    """A journal of another chain, account or version."""

    code = "journal-foreign"
    default_fix = "Name another data directory with --data-dir: a journal serves one account on one chain."


class JournalFull(JournalError):
    """No room, or no right, to write. Nothing was sent."""

    code = "journal-full"
    default_fix = "Free some space in the data directory, then run the command again: nothing was lost."


_FAILURES: Final = Failures(JournalFull, JournalCorrupt, JournalBusy)


class Journal:
    """Small records by (kind, key), and files by digest. Not for use by several threads at once."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database = database
        self._folder = folder
        self._kept: dict[bytes, bytes] = {}
        self.name = database.name

    @classmethod
    def in_memory(cls) -> Self:
        """A journal that lasts as long as the process: for readers, and for chains that do so too."""
        journal = cls(Database(None, _FAILURES), None)
        journal._create("memory")
        return journal

    @classmethod
    def open(cls, directory: Path, chain_id: int, genesis: bytes, account: str) -> Self:
        """The journal of `account` on the chain with this id and genesis block; made if it is not there.

        Raises JournalBusy, JournalCorrupt, JournalForeign, JournalFull.
        """
        folder = cls.folder(directory, chain_id, genesis, account)
        journal = cls(Database(folder / "journal.sqlite", _FAILURES, account), folder)
        try:
            journal._create(f"{chain_id} {genesis.hex()} {account.lower()}")
            journal.check()
        except BaseException:
            journal.close()
            raise
        return journal

    @staticmethod
    def folder(directory: Path, chain_id: int, genesis: bytes, account: str) -> Path:
        """Where the journal of `account` is, or would be."""
        return directory / f"{chain_id}-{genesis.hex()[:8]}-{account.lower()}"

    def close(self) -> None:
        """Let go of the file and of the account."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Write a record or replace it; on the disk when this returns. Raises JournalFull."""
        body = json.dumps(value, sort_keys=True, separators=(",", ":"))
        self._database.run(
            "INSERT INTO records VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET body = ?3, sum = ?4",
            (kind, key, body, _sum(kind, key, body)),
        )

    def put_once(self, kind: str, key: str, value: dict[str, Any]) -> dict[str, Any]:
        """The record that is there already, else `value`, written. For what must never change, as a salt."""
        known = self.get(kind, key)
        if known is None:
            self.put(kind, key, value)
        return value if known is None else known

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record, or None. Raises JournalCorrupt."""
        for row in self._database.run(
            "SELECT kind, key, body, sum FROM records WHERE kind = ? AND key = ?", (kind, key)
        ):
            return self._read(row)
        return None

    def items(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All records of a kind, by key. Raises JournalCorrupt."""
        for row in self._database.run(
            "SELECT kind, key, body, sum FROM records WHERE kind = ? ORDER BY key", (kind,)
        ):
            yield row[1], self._read(row)

    def keep(self, data: bytes) -> bytes:
        """Keep a private file; returns its SHA-256. Whole and on the disk, or not there at all. Raises
        JournalFull.
        """
        digest = hashlib.sha256(data).digest()
        if self._folder is None:
            self._kept[digest] = data
            return digest
        target = self._folder / digest.hex()
        if target.exists() and hashlib.sha256(target.read_bytes()).digest() == digest:
            return digest
        try:
            whole.write(target, data, private=True)
            _sync(self._folder)
        except OSError as error:
            raise JournalFull(f"{target} cannot be written: {error.strerror}") from error
        return digest

    def kept(self, digest: bytes) -> bytes:
        """The private file with this SHA-256. Raises JournalCorrupt when it is gone or changed."""
        if self._folder is None:
            return self._kept[digest]
        file = self._folder / digest.hex()
        try:
            data = file.read_bytes()
        except OSError as error:
            raise JournalCorrupt(f"{file} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).digest() != digest:
            raise JournalCorrupt(f"{file} does not have the SHA-256 that is its name")
        return data

    def check(self) -> None:
        """Read every record. Raises JournalCorrupt."""
        self._database.check()
        for row in self._database.run("SELECT kind, key, body, sum FROM records"):
            self._read(row)

    def _create(self, scope: str) -> None:
        self._database.run(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, key TEXT, body TEXT, sum TEXT, "
            "PRIMARY KEY (kind, key))"
        )
        about = {"version": VERSION, "scope": scope}
        found = self.put_once("about", "journal", about)
        if found != about:
            raise JournalForeign(f"{self.name} belongs to {found}, not to {about}")

    def _read(self, row: tuple[str, str, str, str]) -> dict[str, Any]:
        kind, key, body, checksum = row
        if checksum != _sum(kind, key, body):
            raise JournalCorrupt(f"{self.name}: the record {kind}/{key} does not match its checksum")
        value: dict[str, Any] = json.loads(body)
        return value


def _sum(kind: str, key: str, body: str) -> str:
    return hashlib.sha256(json.dumps([kind, key, body]).encode()).hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
