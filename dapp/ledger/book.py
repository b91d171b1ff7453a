"""A node's own copy of a run's log: headers by height and id, linked, with what the chain has registered.

Entries are checked against the book before they come in (dapp.ledger.check); every one is hashed and linked
again whenever the book is opened or verified, so a byte that changed on the disk is found, at its height.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dapp.chain.ledger import Mountains, base_after
from dapp.database import Database, Failures
from dapp.ledger.errors import (
    EntryUnknown,
    LedgerBusy,
    LedgerCorrupt,
    LedgerForeign,
    LedgerFull,
)
from ml.errors import QuorateError
from ml.history.header import NONE, Header

VERSION: Final = 1
MAX_BLOCK: Final = 2**63 - 1
_REGISTERED: Final = (
    "SELECT registered.id, height, block, tx FROM registered JOIN entries ON entries.id = registered.id"
)
FAILURES: Final = Failures(LedgerFull, LedgerCorrupt, LedgerBusy)


@dataclass(frozen=True)
class Registration:
    """An entry that the chain has registered as the run's head, and where it did so."""

    id: bytes
    height: int
    block: int
    tx: str


@dataclass(frozen=True)
class Rollback:
    """What a vote on the chain decided: `entry` goes back from `head` to `target`."""

    vote: int
    head: bytes
    target: bytes
    entry: bytes
    block: int
    tx: str


class Book:
    """The log of one run. Several threads may use it; one process holds the folder."""

    def __init__(self, database: Database, run: bytes) -> None:
        self.database = database  # queues of the same run share it, and its transactions
        self.run = run
        self._mountains = Mountains()
        self._head: Header | None = None

    @classmethod
    def in_memory(cls, run: bytes) -> Self:
        """A book that lasts as long as the process."""
        book = cls(Database(None, FAILURES), run)
        book._create()
        return book

    @classmethod
    def open(cls, folder: Path, run: bytes) -> Self:
        """The book of `run` in `folder`, made if it is not there, every entry checked.

        Raises LedgerBusy, LedgerCorrupt, LedgerForeign, LedgerFull.
        """
        book = cls(Database(folder / "book.sqlite", FAILURES, f"run {run.hex()[:8]}"), run)
        try:
            book._create()
            book.verify()
        except BaseException:
            book.close()
            raise
        return book

    @classmethod
    def copy(cls, folder: Path, run: bytes) -> Self:
        """A copy in memory of the book in `folder`, whose owner may be at work; to read, and checked.

        Raises LedgerCorrupt, LedgerForeign, LedgerFull.
        """
        book = cls(Database(None, FAILURES), run)
        try:
            book.database.fill(folder / "book.sqlite")
            book._create()
            book.verify()
        except BaseException:
            book.close()
            raise
        return book

    def close(self) -> None:
        """Let go of the folder."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Header | None:
        """The last entry, registered or not."""
        return self._head

    @property
    def head_id(self) -> bytes:
        """Its id, zero for an empty log."""
        return NONE if self._head is None else self._head.id

    @property
    def count(self) -> int:
        """Entries, which is the height of the next one."""
        return len(self._mountains)

    @property
    def history(self) -> bytes:
        """The root over the ids of all entries: what the next one has to hold."""
        return self._mountains.root

    def history_at(self, count: int) -> bytes:
        """The root over the first `count` ids, which the entry of that height holds."""
        return self.history if count == self.count else self.at(count).history

    @property
    def base(self) -> bytes:
        """The epoch whose weights the next one goes on from."""
        return base_after(self._head)

    def append(self, header: Header) -> None:
        """One more entry, which dapp.ledger.check found good. On the disk when this returns."""
        if (header.parent, header.height) != (self.head_id, self.count):
            raise EntryUnknown(f"entry {header.height} does not follow entry {self.count - 1} of this book")
        self.database.run(
            "INSERT INTO entries VALUES (?, ?, ?, ?)",
            (header.height, header.id, header.base, header.to_bytes()),
        )
        self._mountains.append(header.id)
        self._head = header

    def truncate(self, count: int) -> None:
        """Take back entries from height `count` on: the recorder made others. Never registered ones."""
        last = self.registered()
        if last is not None and count <= last.height:
            raise EntryUnknown(f"entry {count} is registered: nothing removes it")
        if count < self.count:
            self.database.run("DELETE FROM entries WHERE height >= ?", (count,))
            self.reload()

    def register(self, entry: bytes, block: int, tx: str) -> None:
        """The chain has made this entry the head. It need not be in the book yet."""
        self.database.run(
            "INSERT OR IGNORE INTO registered (id, block, tx) VALUES (?, ?, ?)", (entry, block, tx)
        )

    def register_rollback(self, rollback: Rollback) -> None:
        """The same for an entry that a rollback vote made."""
        self.database.run(
            "INSERT OR IGNORE INTO registered VALUES (?, ?, ?, ?, ?, ?)",
            (rollback.entry, rollback.block, rollback.tx, rollback.vote, rollback.head, rollback.target),
        )

    def unregister(self, from_block: int, until: int | None = None) -> None:
        """Forget what blocks from this one on, up to `until`, registered: a reorganisation took it back."""
        last = MAX_BLOCK if until is None else until
        self.database.run("DELETE FROM registered WHERE block BETWEEN ? AND ?", (from_block, last))

    def registered(self) -> Registration | None:
        """The highest entry of the book that the chain has registered; all below it are with it."""
        for row in self.database.run(f"{_REGISTERED} ORDER BY height DESC LIMIT 1"):
            return Registration(*row)
        return None

    def registrations(self) -> list[Registration]:
        """Every entry that was the chain's head, in order."""
        return [Registration(*row) for row in self.database.run(f"{_REGISTERED} ORDER BY height")]

    def unknown(self) -> list[tuple[bytes, int, str]]:
        """Batches that the chain has registered and the book lacks, in order: id, block, transaction."""
        rows = self.database.run(
            "SELECT id, block, tx FROM registered WHERE vote IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM entries WHERE entries.id = registered.id) ORDER BY block"
        )
        return [(entry, block, tx) for entry, block, tx in rows]

    def rollbacks(self) -> list[Rollback]:
        """What votes on the chain have decided, in order; their entries may still be missing in the book."""
        rows = self.database.run(
            "SELECT vote, head, target, id, block, tx FROM registered WHERE vote IS NOT NULL "
            "ORDER BY block, vote"
        )
        return [Rollback(*row) for row in rows]

    def is_carried(self, vote: int) -> bool:
        """Whether the rollback vote of this number has made an entry."""
        return bool(self.database.run("SELECT 1 FROM registered WHERE vote = ?", (vote,)))

    def is_registered(self, entry: bytes) -> bool:
        """Whether the chain's head vouches for this entry."""
        last, header = self.registered(), self.get(entry)
        return last is not None and header is not None and header.height <= last.height

    def is_ancestor(self, entry: bytes, of: bytes) -> bool:
        """Whether `entry` stands in the log before `of`. Raises EntryUnknown for an `of` that is not here."""
        header = self.get(entry)
        return header is not None and header.height < self.height_of(of)

    def get(self, entry: bytes) -> Header | None:
        """The entry with this id."""
        for (data,) in self.database.run("SELECT header FROM entries WHERE id = ?", (entry,)):
            return Header.from_bytes(data)
        return None

    def at(self, height: int) -> Header:
        """The entry at a height. Raises EntryUnknown."""
        for (data,) in self.database.run("SELECT header FROM entries WHERE height = ?", (height,)):
            return Header.from_bytes(data)
        raise EntryUnknown(f"there is no entry {height}: the book has {self.count}")

    def height_of(self, entry: bytes) -> int:
        """Height of the entry with this id. Raises EntryUnknown."""
        header = self.get(entry)
        if header is None:
            raise EntryUnknown(f"entry {entry.hex()[:16]}… is not in the book")
        return header.height

    def headers(self, first: int = 0, end: int | None = None) -> Iterator[Header]:
        """Entries of heights `first` to `end`, without the last, in order; not all in memory at once."""
        for (data,) in self.database.rows(
            "SELECT header FROM entries WHERE height >= ? AND height < ? ORDER BY height",
            (first, self.count if end is None else end),
        ):
            yield Header.from_bytes(data)

    def ids(self, end: int | None = None) -> list[bytes]:
        """Ids below height `end`, in order: the leaves of the next entry's history."""
        rows = self.database.run(
            "SELECT id FROM entries WHERE height < ? ORDER BY height", (self.count if end is None else end,)
        )
        return [entry for (entry,) in rows]

    def children(self, base: bytes) -> list[Header]:
        """Entries that go on from this epoch, in order: several after a rollback. Zero: the first ones."""
        rows = self.database.run("SELECT header FROM entries WHERE base = ? ORDER BY height", (base,))
        return [Header.from_bytes(data) for (data,) in rows]

    def verify(self) -> None:
        """Hash and link every entry anew. Raises LedgerCorrupt with the height of the first bad one."""
        self.database.check()
        self.reload()

    def note(self, key: str, value: str) -> None:
        """Remember a small fact about the run, as how far its events were read."""
        self.database.run(
            "INSERT INTO about VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = ?2", (key, value)
        )

    def noted(self, key: str) -> str | None:
        """What `note` last kept."""
        for (value,) in self.database.run("SELECT value FROM about WHERE key = ?", (key,)):
            return str(value)
        return None

    def _create(self) -> None:
        for statement in (
            "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT)",
            "CREATE TABLE IF NOT EXISTS entries "
            "(height INTEGER PRIMARY KEY, id BLOB UNIQUE, base BLOB, header BLOB)",
            "CREATE INDEX IF NOT EXISTS bases ON entries (base)",
            "CREATE TABLE IF NOT EXISTS registered "
            "(id BLOB PRIMARY KEY, block INTEGER, tx TEXT, vote INTEGER, head BLOB, target BLOB)",
        ):
            self.database.run(statement)
        ours = f"{VERSION} {self.run.hex()}"
        found = self.noted("book")
        if found is None:
            self.note("book", ours)
        elif found != ours:
            raise LedgerForeign(f"{self.database.name} is of {found}, not of {ours}")

    def reload(self) -> None:
        """Read it from the disk again, after a transaction that failed."""
        mountains, before = Mountains(), None
        name = self.database.name
        for height, entry, base, data in self.database.rows(
            "SELECT height, id, base, header FROM entries ORDER BY height"
        ):
            before = _linked(name, self.run, mountains, before, height, data)
            if (before.id, before.base) != (entry, base):
                raise _damaged(name, height, "its bytes are not those of its id")
            mountains.append(before.id)
        self._mountains, self._head = mountains, before


def _linked(
    name: str, run: bytes, mountains: Mountains, before: Header | None, height: int, data: bytes
) -> Header:
    if height != len(mountains):
        raise _damaged(name, len(mountains), "it is missing")
    try:
        header = Header.from_bytes(data)
    except QuorateError as error:
        raise _damaged(name, height, error.message) from error
    parent = NONE if before is None else before.id
    if (header.run, header.height, header.parent) != (run, height, parent):
        raise _damaged(name, height, "it does not follow the entry before it")
    if header.history != mountains.root:
        raise _damaged(name, height, "its root is not that of the entries before it")
    return header


def _damaged(name: str, height: int, why: str) -> LedgerCorrupt:
    return LedgerCorrupt(f"{name}: entry {height} is damaged: {why}", height=height)
