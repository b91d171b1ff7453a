"""Which reminders were taken, on the disk: a restart sends none of them again."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from dapp.database import Database, Failures
from ml.errors import QuorateError


class RemindersFull(QuorateError):
    """The list of reminders that were sent cannot be written."""

    code = "reminders-full"
    default_fix = "Make room below --data-dir, and see that it may be written."


class RemindersDamaged(QuorateError):
    """The list of reminders that were sent has changed bytes."""

    code = "reminders-damaged"
    default_fix = "Delete the folder reminders below --data-dir: what is still due is told once more."


class RemindersBusy(QuorateError):
    """Another server of this data directory sends reminders for this chain."""

    code = "reminders-busy"
    default_fix = "Leave --webhook away here, or end the other server."


FAILURES: Final = Failures(RemindersFull, RemindersDamaged, RemindersBusy)


class Sent:
    """The list. One process has it at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.run("CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The list in this folder, made if it is not there. Raises RemindersBusy, -Full, -Damaged."""
        return cls(Database(folder / "sent.sqlite", FAILURES, "reminders"))

    def close(self) -> None:
        """Let go of it."""
        self._database.close()

    def __contains__(self, key: object) -> bool:
        return bool(self._database.run("SELECT 1 FROM sent WHERE key = ?", (key,)))

    def add(self, key: str) -> None:
        """On the disk when this returns."""
        self._database.run("INSERT OR IGNORE INTO sent VALUES (?)", (key,))
