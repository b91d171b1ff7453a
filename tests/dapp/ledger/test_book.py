"""A node's copy of the log: what it takes, what it finds, and that damage is found at its height."""

from __future__ import annotations

import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from dapp.chain.merkle import PlacedTree
from dapp.ledger.book import Book
from dapp.ledger.errors import EntryUnknown, LedgerBusy, LedgerCorrupt, LedgerForeign
from ml.history.header import SIZE_BYTES
from tests.dapp.ledger.logs import RUN, book_of, epoch, fill, rollback


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a book with ten epochs, closed."""
    with Book.open(tmp_path, RUN) as book:
        fill(book, 10)
    return tmp_path


def test_history_isTheRootOfTheTreeThatTheContractChecks() -> None:
    book = book_of(0)
    for count in range(1, 70):
        book.append(epoch(book))
        assert book.history == PlacedTree(book.ids()).root, count


def test_open_again_hasEveryEntry(folder: Path) -> None:
    with Book.open(folder, RUN) as book:
        again = book_of(10)
        assert list(book.headers()) == list(again.headers())
        assert (book.head, book.history, book.count) == (again.head, again.history, 10)
        book.append(epoch(book))


def test_open_ofAnotherRun_isRefused(folder: Path) -> None:
    with pytest.raises(LedgerForeign):
        Book.open(folder, bytes(32))


def test_open_twice_isRefused(folder: Path) -> None:
    with Book.open(folder, RUN), pytest.raises(LedgerBusy):
        Book.open(folder, RUN)


def test_append_ofAnEntryThatDoesNotFollow_isRefused() -> None:
    book = book_of(3)
    with pytest.raises(EntryUnknown):
        book.append(book.at(2))
    assert book.count == 3


@pytest.mark.parametrize("height", range(10))
def test_verify_afterAnyFlippedByte_namesItsHeight(folder: Path, height: int) -> None:
    database = sqlite3.connect(folder / "book.sqlite")
    (data,) = database.execute("SELECT header FROM entries WHERE height = ?", (height,)).fetchone()
    for at in range(height % 3, SIZE_BYTES, 3):
        changed = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
        database.execute("UPDATE entries SET header = ? WHERE height = ?", (changed, height))
        database.commit()
        with pytest.raises(LedgerCorrupt) as caught:
            Book.open(folder, RUN)
        assert caught.value.values["height"] == height, at
    database.execute("UPDATE entries SET header = ? WHERE height = ?", (data, height))
    database.commit()
    Book.open(folder, RUN).close()


def test_verify_ofAnEntryMadeAnew_namesTheNextHeight(folder: Path) -> None:
    other = book_of(4)
    forged = epoch(other, accuracy_ppm=999_999)
    database = sqlite3.connect(folder / "book.sqlite")
    database.execute("UPDATE entries SET header = ?, id = ? WHERE height = 4", (forged.to_bytes(), forged.id))
    database.commit()
    with pytest.raises(LedgerCorrupt) as caught:
        Book.open(folder, RUN)
    assert caught.value.values["height"] == 5


def test_verify_withoutAnEntry_namesItsHeight(folder: Path) -> None:
    database = sqlite3.connect(folder / "book.sqlite")
    database.execute("DELETE FROM entries WHERE height = 6")
    database.commit()
    with pytest.raises(LedgerCorrupt) as caught:
        Book.open(folder, RUN)
    assert caught.value.values["height"] == 6


def test_register_ofAnEntryThatIsStillToCome_countsOnceItIsThere() -> None:
    book = book_of(3)
    later = epoch(book)
    book.register(book.at(1).id, 5, "0x05")
    book.register(later.id, 6, "0x06")
    assert not book.is_registered(book.at(2).id)
    book.append(later)
    assert book.is_registered(later.id)
    assert [entry.height for entry in book.registrations()] == [1, 3]


def test_isAncestor_followsTheLog() -> None:
    book = book_of(5)
    first, third = book.at(0).id, book.at(2).id
    assert book.is_ancestor(first, third)
    assert not book.is_ancestor(third, first)
    assert not book.is_ancestor(third, third)
    assert not book.is_ancestor(bytes(32), third)
    with pytest.raises(EntryUnknown):
        book.is_ancestor(first, bytes(32))


def test_children_afterARollback_areSeveral() -> None:
    book = book_of(4)
    target = book.at(1)
    book.append(rollback(book, target))
    book.append(epoch(book))
    assert [child.height for child in book.children(target.id)] == [2, 4, 5]
    assert book.at(5).base == target.id
    assert book.at(5).parent == book.at(4).id


def test_truncate_takesBackWhatIsNotRegistered() -> None:
    book = book_of(6)
    root = book_of(4).history
    book.register(book.at(3).id, 7, "0x07")
    book.truncate(4)
    assert (book.count, book.history) == (4, root)
    with pytest.raises(EntryUnknown, match="registered"):
        book.truncate(3)
    book.append(epoch(book, accuracy_ppm=7))


def test_unregister_afterAReorganisation_forgetsTheBlock() -> None:
    book = book_of(4)
    book.register(book.at(1).id, 7, "0x07")
    book.register(book.at(3).id, 9, "0x09")
    book.unregister(8)
    assert not book.is_registered(book.at(3).id)
    assert book.is_registered(book.at(0).id)


@pytest.mark.parametrize(
    "few", [200, pytest.param(1_000, marks=pytest.mark.long)], ids=["2,000 entries", "10,000 entries"]
)
def test_verify_ofTenTimesAsManyEntries_isLinearAndFlat(tmp_path: Path, few: int) -> None:
    peaks, steps = [], []
    for count in (few, 10 * few):
        with Book.open(tmp_path / str(count), RUN) as book:
            with book.database.transaction():
                fill(book, count)
            executed = 0

            def count_step() -> int:
                nonlocal executed
                executed += 1
                return 0

            book.database._database.set_progress_handler(count_step, 100)
            tracemalloc.start()
            book.verify()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            steps.append(executed)
    assert peaks[1] < 2 * peaks[0] + 100_000
    assert steps[1] < 13 * steps[0]
