"""SQLite as the house uses it: WAL, synchronous=FULL, one process a file, and failures named.

What a statement returned from is on the disk. Several threads may share one Database: statements and
transactions wait for one another.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ml.errors import QuorateError


@dataclass(frozen=True)
class Failures:
    """How a database's owner calls what can go wrong."""

    full: type[QuorateError]  # no room, or no right, to write
    corrupt: type[QuorateError]  # bytes that changed
    busy: type[QuorateError]  # another process holds it


class Database:
    """One file, or none: then it lasts as long as the process."""

    def __init__(self, file: Path | None, failures: Failures, owner: str = "this folder") -> None:
        """owner: in whose name the file's folder is locked against other processes. Raises the failures."""
        self._failures = failures
        self._guard = threading.RLock()
        self._lock: int | None = None
        self._in_transaction = False
        self.name = "a database in memory" if file is None else str(file)
        if file is not None:
            self._lock = self._locked(file, owner)
        self._database = sqlite3.connect(
            ":memory:" if file is None else file, isolation_level=None, check_same_thread=False
        )
        try:
            self.run("PRAGMA journal_mode=WAL")
            self.run("PRAGMA synchronous=FULL")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            self._database.close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of one statement."""
        with self._guard, self._named():
            return self._database.execute(statement, values).fetchall()

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        """As `run`, row by row: memory stays flat."""
        with self._guard, self._named():
            cursor = self._database.execute(statement, values)
        while True:
            with self._guard, self._named():
                row = cursor.fetchone()
            if row is None:
                return
            yield row

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within, or none."""
        with self._guard, self._named():
            if self._in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            self._in_transaction = True
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            finally:
                self._in_transaction = False

    def check(self) -> None:
        """Let SQLite look for damage."""
        for (answer,) in self.run("PRAGMA quick_check"):
            if answer != "ok":
                raise self._failures.corrupt(f"{self.name}: {answer}")

    def fill(self, file: Path) -> None:
        """Copy another database into this one, as it is now; its owner may be at work."""
        with self._guard, self._named():
            other = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
            try:
                other.backup(self._database)
            finally:
                other.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise self._failures.full(f"{self.name}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise self._failures.corrupt(f"{self.name}: {error}") from error

    def _locked(self, file: Path, owner: str) -> int:
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(file.parent / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError:
                os.close(lock)
                raise
        except BlockingIOError as error:
            raise self._failures.busy(f"another process works for {owner} in {file.parent}") from error
        except OSError as error:
            raise self._failures.full(f"{file.parent} cannot be written: {error.strerror}") from error
        return lock
