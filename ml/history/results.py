"""The Results Queue on disk: one row a checkpoint, in order, for ever; and the alarms (Bae & Shin, Table 2).

SQLite in WAL mode with synchronous=FULL: what `put` returned from is on the disk, whole or not at all. Any
number of processes may read while one writes.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any, Final, Self

from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import InvalidJson, QuorateError
from ml.fields import Fields
from ml.history.monitor import Alarm
from ml.history.result import InvalidResult, Result

FILE: Final = "results.sqlite"
VERSION: Final = 1
BUSY_MS: Final = 10_000
TABLES: Final = ("results", "alarms")
REASONS: Final = ("nan", "loss-spike", "accuracy-collapse")


class ResultsFailed(QuorateError):
    """The results of a run cannot be read or written."""

    code = "results-failed"
    default_fix = "Check the run's folder: it must exist, be yours and have room. Nothing recorded was lost."


class ResultsDamaged(QuorateError):
    """Results whose bytes changed, or of which some are gone."""

    code = "results-damaged"
    default_fix = "Put back a copy of results.sqlite; the checkpoints themselves are in the archive."


class Results:
    """Rows numbered from 0; nothing is ever changed or removed. May be shared by threads."""

    def __init__(self, database: sqlite3.Connection, name: str) -> None:
        self._database = database
        self._name = name
        self._lock = threading.RLock()  # one connection, whose statements run one at a time

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The results in this folder; made if they are not there. Raises ResultsFailed, ResultsDamaged."""
        file = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise ResultsFailed(f"{file} cannot be opened: {error}") from error
        results = cls(database, str(file))
        try:
            results._create()
        except BaseException:
            results.close()
            raise
        return results

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of rows on the disk."""
        return self._count("results")

    def put(self, result: Result) -> int:
        """Append a row; returns its number. On the disk when this returns. Raises ResultsFailed."""
        return self._append("results", result.to_document())

    def since(self, number: int) -> list[Result]:
        """Rows from `number` on, in order. Raises ResultsDamaged, ResultsFailed."""
        return [Result.from_document(body) for body in self._since("results", number)]

    def at(self, number: int) -> Result:
        """One row. Raises ResultsDamaged also when it is not there."""
        found = self._since("results", number, 1)
        if not found:
            raise ResultsDamaged(f"{self._name} has no row {number}")
        return Result.from_document(found[0])

    def put_alarm(self, alarm: Alarm) -> int:
        """Append an alarm; returns its number. Its figures are kept as text, for NaN is none in JSON."""
        values = {name: repr(float(value)) for name, value in alarm.values.items()}
        document = {"reason": alarm.reason, "step": alarm.step, "values": values}
        return self._append("alarms", document if alarm.row is None else document | {"row": alarm.row})

    def alarms(self, number: int = 0) -> list[Alarm]:
        """Alarms from `number` on, in order. Raises ResultsDamaged, ResultsFailed."""
        return [_alarm(body) for body in self._since("alarms", number)]

    def _create(self) -> None:
        self._run(f"PRAGMA busy_timeout={BUSY_MS}")
        self._run("PRAGMA journal_mode=WAL")
        self._run("PRAGMA synchronous=FULL")
        ((version,),) = self._run("PRAGMA user_version")
        if version == VERSION:
            return
        if version != 0:
            raise ResultsFailed(
                f"{self._name} has version {version}, this program knows {VERSION}", fix="Update Quorate."
            )
        statements = ["BEGIN IMMEDIATE"]
        for table in TABLES:
            statements += [
                f"CREATE TABLE IF NOT EXISTS {table} (number INTEGER PRIMARY KEY, body BLOB NOT NULL, "
                "sha256 BLOB NOT NULL)",
                *(
                    f"CREATE TRIGGER IF NOT EXISTS {table}_{what} BEFORE {what} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'nothing recorded is ever changed'); END"
                    for what in ("UPDATE", "DELETE")
                ),
            ]
        for statement in [*statements, f"PRAGMA user_version={VERSION}", "COMMIT"]:
            self._run(statement)

    def _append(self, table: str, document: dict[str, Any]) -> int:
        body = canonical_json(document)
        with self._lock:
            number = self._count(table)
            self._run(f"INSERT INTO {table} VALUES (?, ?, ?)", (number, body, _sum(table, number, body)))
        return number

    def _count(self, table: str) -> int:
        ((highest,),) = self._run(f"SELECT COALESCE(MAX(number), -1) FROM {table}")
        return int(highest) + 1

    def _since(self, table: str, number: int, limit: int = -1) -> list[Any]:
        rows = self._run(
            f"SELECT number, body, sha256 FROM {table} WHERE number >= ? ORDER BY number LIMIT ?",
            (number, limit),
        )
        return [self._read(table, expected, *row) for expected, row in enumerate(rows, number)]

    def _read(self, table: str, expected: int, number: int, body: object, checksum: object) -> Any:
        if number != expected:
            raise ResultsDamaged(f"{self._name}: row {expected} of {table} is gone")
        if not isinstance(body, bytes) or checksum != _sum(table, number, body):
            raise ResultsDamaged(f"{self._name}: row {number} of {table} does not match its checksum")
        try:
            return parse_canonical_json(body)
        except InvalidJson as error:
            raise ResultsDamaged(f"{self._name}: row {number} of {table}: {error.message}") from error

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise ResultsFailed(f"{self._name}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ResultsDamaged(f"{self._name}: {error}") from error


def _alarm(document: object) -> Alarm:
    fields = Fields(document, "alarm", InvalidResult)
    values = fields.any("values")
    reason = fields.one_of("reason", REASONS)
    row = fields.integer("row", 0, 2**53) if isinstance(document, dict) and "row" in document else None
    alarm = Alarm(reason, fields.integer("step", 0, 2**53), {k: float(v) for k, v in values.items()}, row)
    fields.done()
    return alarm


def _sum(table: str, number: int, body: bytes) -> bytes:
    return sha256(f"{table} {number} ".encode() + body)
