"""Which checkpoint a rollback names."""

from __future__ import annotations

from dataclasses import replace

from ml.history.header import Header, Kind
from ml.history.target import best_target
from tests.ml.history.test_header import HEADER


def _entry(height: int, accuracy_ppm: int, loss_micro: int = 5, kind: Kind = Kind.EPOCH) -> Header:
    return replace(HEADER, height=height, accuracy_ppm=accuracy_ppm, loss_micro=loss_micro, kind=kind)


def test_bestTarget_isTheMostAccurate() -> None:
    entries = [_entry(0, 100), _entry(1, 900), _entry(2, 300)]
    assert best_target(entries) == entries[1]


def test_bestTarget_amongEquals_hasTheLowestLossThenIsTheLatest() -> None:
    entries = [_entry(0, 900, 4), _entry(1, 900, 3), _entry(2, 900, 3), _entry(3, 900, 9)]
    assert best_target(entries) == entries[2]
    assert best_target(reversed(entries)) == entries[2]


def test_bestTarget_isNeverARollback() -> None:
    entries = [_entry(0, 100), _entry(1, 900, kind=Kind.ROLLBACK)]
    assert best_target(entries) == entries[0]


def test_bestTarget_withoutEpochs_isNone() -> None:
    assert best_target([]) is None
    assert best_target([_entry(0, 1, kind=Kind.ROLLBACK)]) is None
