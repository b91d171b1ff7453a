"""The Results Queue: rows in order, durable, never changed, and damage is found."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ml.history.monitor import Alarm
from ml.history.result import InvalidResult, Result, best
from ml.history.results import FILE, Results, ResultsDamaged, ResultsFailed

RESULT = Result(
    step=7,
    weights_sha256=b"\x11" * 32,
    weights_bytes=655_000,
    pack=b"\x22" * 32,
    pack_bytes=300_000,
    accuracy_ppm=912_345,
    loss_micro=345_678,
    base_row=None,
)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    with Results.open(tmp_path) as results:
        for row in range(5):
            results.put(replace(RESULT, step=row, base_row=row - 1 if row else None))
    return tmp_path


def tamper(folder: Path, *statements: str) -> None:
    database = sqlite3.connect(folder / FILE)
    with database:
        for trigger in ("UPDATE", "DELETE"):
            database.execute(f"DROP TRIGGER results_{trigger}")
        for statement in statements:
            database.execute(statement)
    database.close()


def test_put_numbersRowsFrom0_andSinceReadsThem(tmp_path: Path) -> None:
    with Results.open(tmp_path) as results:
        assert [results.put(RESULT), results.put(replace(RESULT, base_row=0))] == [0, 1]
        assert results.since(0) == [RESULT, replace(RESULT, base_row=0)]
        assert (results.since(1), results.since(2)) == ([replace(RESULT, base_row=0)], [])
        assert (results.at(0), len(results)) == (RESULT, 2)
    with Results.open(tmp_path) as again:
        assert (again.put(RESULT), len(again.since(0))) == (2, 3)


def test_row_isThisDocument(tmp_path: Path) -> None:
    with Results.open(tmp_path) as results:
        results.put(RESULT)
    ((body,),) = sqlite3.connect(tmp_path / FILE).execute("SELECT body FROM results").fetchall()
    assert body.decode() == (
        '{"accuracy_ppm":912345,"base_row":null,"loss_micro":345678,"pack":"' + "22" * 32 + '",'
        '"pack_bytes":300000,"step":7,"weights_bytes":655000,"weights_sha256":"' + "11" * 32 + '"}'
    )


def test_rows_areSeenByAnotherProcessWhileOneWrites(filled: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ml.history.results import Results; "
        "print([r.step for r in Results.open(Path(sys.argv[1])).since(2)])"
    )
    with Results.open(filled) as results:
        results.put(replace(RESULT, step=5))
        told = subprocess.run(
            [sys.executable, "-c", code, filled], capture_output=True, text=True, check=True
        )
    assert told.stdout.strip() == "[2, 3, 4, 5]"


def test_results_writeAheadAndFullySynchronous(filled: Path) -> None:
    with Results.open(filled) as results:
        assert results._run("PRAGMA journal_mode") == [("wal",)]
        assert results._run("PRAGMA synchronous") == [(2,)]


@pytest.mark.parametrize("statement", ["UPDATE results SET body = body", "DELETE FROM results"])
def test_rows_cannotBeChangedOrRemoved(filled: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="nothing recorded is ever changed"):
        sqlite3.connect(filled / FILE).execute(statement)


def test_since_ofAChangedRow_namesIt(filled: Path) -> None:
    tamper(filled, "UPDATE results SET body = CAST(replace(body, 'step', 'stop') AS BLOB) WHERE number = 3")
    with Results.open(filled) as results:
        assert len(results.since(4)) == 1
        with pytest.raises(ResultsDamaged, match="row 3 of results does not match its checksum"):
            results.since(0)


def test_since_ofARowThatIsNoBytes_namesIt(filled: Path) -> None:
    tamper(filled, "UPDATE results SET body = CAST(body AS TEXT) WHERE number = 3")
    with Results.open(filled) as results, pytest.raises(ResultsDamaged, match="row 3 of results"):
        results.since(0)


def test_since_ofRowsThatChangedPlaces_namesThem(filled: Path) -> None:
    swap = "UPDATE results SET number = {} WHERE number = {}"
    tamper(filled, *(swap.format(to, at) for at, to in [(1, 9), (2, 1), (9, 2)]))
    with Results.open(filled) as results, pytest.raises(ResultsDamaged, match="row 1 of results"):
        results.since(0)


def test_since_ofARemovedRow_namesIt(filled: Path) -> None:
    tamper(filled, "DELETE FROM results WHERE number = 2")
    with Results.open(filled) as results, pytest.raises(ResultsDamaged, match="row 2 of results is gone"):
        results.since(0)


def test_open_ofAFileThatIsNoDatabase_isRefused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\x00nonsense" * 1000)
    with pytest.raises(ResultsDamaged):
        Results.open(tmp_path)


def test_open_ofANewerVersion_isRefused(filled: Path) -> None:
    database = sqlite3.connect(filled / FILE)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(ResultsFailed, match="version 9"):
        Results.open(filled)


def test_open_whereNoFolderCanBe_isRefused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsFailed):
        Results.open(tmp_path / "file" / "folder")


def test_alarms_keepTheirFigures_noNumbersToo(tmp_path: Path) -> None:
    spike = Alarm("loss-spike", 31, {"loss": 2.5, "median": 0.1, "limit": 0.1 + 0.2})
    with Results.open(tmp_path) as results:
        assert results.put_alarm(spike) == 0
        assert results.put_alarm(Alarm("nan", 32, {"loss": math.nan, "accuracy": 0.1})) == 1
    with Results.open(tmp_path) as results:
        found = results.alarms()
        assert found[0] == spike
        assert math.isnan(found[1].values["loss"])
        assert len(results.alarms(1)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accuracy_ppm", 1_000_001),
        ("loss_micro", -1),
        ("loss_micro", 0.5),
        ("pack", "22"),
        ("base_row", -1),
        ("step", None),
    ],
)
def test_fromDocument_ofAValueOutOfRange_isRefused(field: str, value: object) -> None:
    with pytest.raises(InvalidResult, match=field):
        Result.from_document(RESULT.to_document() | {field: value})


def test_best_isTheRuleOfTheLedger() -> None:
    figures = [(5, 1), (9, 4), (9, 3), (9, 3), (9, 8)]
    rows = [replace(RESULT, accuracy_ppm=accuracy, loss_micro=loss) for accuracy, loss in figures]
    assert best(rows) == 3
    assert best([]) is None
