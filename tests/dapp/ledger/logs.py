"""Logs to test with: headers that follow one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dapp.chain.ledger import rollback_header
from dapp.ledger.book import Book
from ml.canonical import sha256
from ml.history.header import Header, mine

RUN = sha256(b"a run")


def epoch(book: Book, difficulty_bits: int = 0, **changes: object) -> Header:
    """The next epoch of `book`, mined, with these values."""
    number = book.count
    header = Header(
        run=book.run,
        parent=book.head_id,
        base=book.base,
        history=book.history,
        weights=sha256(b"weights %d" % number),
        manifest=sha256(b"manifest %d" % number),
        height=number,
        step=number + 1,
        loss_micro=1_000_000 // (number + 1),
        accuracy_ppm=min(500_000 + number, 1_000_000),
    )
    found = mine(replace(header, **changes), difficulty_bits)  # type: ignore[arg-type]
    assert found is not None
    return found


def rollback(book: Book, target: Header) -> Header:
    """The entry that a rollback to `target` adds."""
    assert book.head is not None
    return rollback_header(book.head, target, book.history)


def book_of(count: int, accuracies: Sequence[int] = ()) -> Book:
    """A book in memory with that many epochs."""
    book = Book.in_memory(RUN)
    fill(book, count, accuracies)
    return book


def fill(book: Book, count: int, accuracies: Sequence[int] = ()) -> None:
    for number in range(count):
        changes = {"accuracy_ppm": accuracies[number]} if accuracies else {}
        book.append(epoch(book, **changes))
