"""The queues: every arrow once, whatever crashes; what a rollback leaves behind is dropped."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dapp.chain.outbox import no_failpoint
from dapp.ledger.book import Book, Rollback
from dapp.ledger.errors import LedgerCorrupt, LedgerFull, QueueOrder
from dapp.ledger.queues import Kind, Proposal, Queues, Signed, State
from ml.canonical import sha256
from ml.history.header import NONE
from tests.dapp.ledger.logs import RUN, epoch, rollback

ALICE, BOB = Signed("0xA", b"a" * 32, b"a" * 64), Signed("0xB", b"a" * 32, b"b" * 64)
FIRST = {"base_row": None}
ARROWS = ("result", "drafted", "mined", "proposed", "signed", "attested", "registered", "asked", "rolled")


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[Queues]:
    with Book.open(tmp_path, RUN) as book:
        yield Queues(book)


def tell(queues: Queues) -> None:
    """Three epochs registered in a batch, a fourth that the rollback to the second drops; from anywhere."""
    book = queues.book
    for row in range(queues.next_row(), 4):
        queues.take(row, {"step": row, "base_row": row - 1 if row else None})
    vote = queues.proposal(Kind.ROLLBACK, book.at(2).id, 1) if book.count > 2 else None
    if vote is None or vote.state is not State.REGISTERED:
        while (entry := queues.first(State.RESULT, State.DRAFTED)) is not None:
            header = epoch(book)
            queues.draft(entry.place, header)
            queues.mined(entry.place, header.nonce)
        proposal = queues.propose(NONE, 0, book.at(2).id)
        for signed in (ALICE, BOB):
            queues.sign(proposal.number, signed)
        queues.attest(proposal.number, proposal.head)
        queues.register(proposal.head, 5, "0x05")
        queues.ask_target(proposal.head, 1)
        book_then = Book.in_memory(RUN)
        for header in book.headers(0, 3):
            book_then.append(header)
        header = rollback(book_then, book.at(1))
        queues.rolled_back(Rollback(1, proposal.head, book.at(1).id, header.id, 6, "0x06"), header)


def told(queues: Queues) -> list[object]:
    """All that the story has come to."""
    return [
        [(e.row, e.state, e.header) for e in queues.entries()],
        list(queues.book.headers()),
        queues.book.registered(),
        queues.tip(),
        [queues.proposal(Kind.ATTEST, NONE, 0), queues.signatures(1)],
        queues.proposal(Kind.ROLLBACK, queues.book.at(2).id, 1),
    ]


def test_story_leadsToRegisteredAndDroppedEntries(queues: Queues) -> None:
    tell(queues)
    states = [entry.state for entry in queues.entries()]
    assert states == [State.REGISTERED] * 3 + [State.DROPPED, State.REGISTERED]
    assert queues.book.count == 4
    assert queues.book.at(3).base == queues.book.at(1).id
    assert queues.book.registered() is not None
    assert queues.book.is_registered(queues.book.at(3).id)
    assert queues.tip() == 1


def test_story_toldTwice_isTheSame(queues: Queues) -> None:
    tell(queues)
    before = told(queues)
    tell(queues)
    assert told(queues) == before


@pytest.mark.parametrize("arrow", ARROWS)
@pytest.mark.parametrize("point", ["writing", "written"])
def test_kill_atAnyArrow_losesNothingAndRepeatsNothing(tmp_path: Path, arrow: str, point: str) -> None:
    with Book.open(tmp_path / "whole", RUN) as book:
        whole = Queues(book)
        tell(whole)
        expected = told(whole)
    kills = 0
    while _killed(tmp_path / "killed", lambda name, at=kills: name == f"{arrow}:{point}"):
        kills += 1
        if kills == 4 or arrow in ("asked", "rolled", "attested", "registered", "proposed"):
            break
    assert kills > 0
    with Book.open(tmp_path / "killed", RUN) as book:
        queues = Queues(book)
        tell(queues)
        assert told(queues) == expected


def _killed(folder: Path, here: Callable[[str], bool]) -> bool:
    """Tell the story in a process that is killed when it comes to `here`; whether it was."""

    def failpoint(name: str) -> None:
        if here(name):
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            tell(Queues(Book.open(folder, RUN), failpoint))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_take_ofALaterResult_isRefused(queues: Queues) -> None:
    with pytest.raises(QueueOrder):
        queues.take(1, FIRST)


def test_mined_beforeDrafted_isRefused(queues: Queues) -> None:
    queues.take(0, FIRST)
    with pytest.raises(QueueOrder):
        queues.mined(1, 0)


def test_mined_twice_keepsTheFirstNonce(queues: Queues) -> None:
    queues.take(0, FIRST)
    queues.draft(1, epoch(queues.book))
    queues.mined(1, 7)
    queues.mined(1, 8)
    assert queues.book.at(0).nonce == 7


def test_mined_thatTheDiskRefuses_leavesTheBookAsItWas(queues: Queues) -> None:
    queues.take(0, FIRST)
    queues.draft(1, epoch(queues.book))
    failing = Queues(queues.book, _disk_full)
    with pytest.raises(LedgerFull):
        failing.mined(1, 7)
    assert (queues.book.count, queues.first(State.DRAFTED) is not None) == (0, True)


def _disk_full(name: str) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_sign_twice_keepsTheFirst(queues: Queues) -> None:
    _propose(queues)
    assert queues.sign(1, ALICE)
    assert not queues.sign(1, Signed("0xA", b"b" * 32, b"c" * 64))
    assert queues.signatures(1) == [ALICE]


def test_withdraw_ofARefusedBatch_countsTheAttempt(queues: Queues) -> None:
    proposal = _propose(queues)
    queues.withdraw(proposal.number)
    assert queues.attempts(NONE) == 1
    assert [entry.state for entry in queues.entries()] == [State.MINED]
    queues.leave_out(0)
    assert ([entry.state for entry in queues.entries()], queues.book.count) == ([State.DROPPED], 0)


def test_register_ofABatchThatSomebodyElseSent_isDone(queues: Queues) -> None:
    proposal = _propose(queues)
    queues.register(proposal.head, 9, "0x09")
    assert [entry.state for entry in queues.entries()] == [State.REGISTERED]
    assert queues.open_proposals() == []


def test_take_afterARollback_dropsWhatDoesNotGoOnFromTheTarget(queues: Queues) -> None:
    tell(queues)
    queues.take(4, {"base_row": 3})
    queues.take(5, {"base_row": 4})
    queues.take(6, {"base_row": 1})
    queues.take(7, {"base_row": 6})
    queues.take(8, {"base_row": 1})
    states = [entry.state for entry in queues.entries() if entry.row is not None and entry.row >= 4]
    assert states == [State.DROPPED, State.DROPPED, State.RESULT, State.RESULT, State.DROPPED]


def test_open_withAChangedRow_isRefused(tmp_path: Path) -> None:
    with Book.open(tmp_path, RUN) as book:
        Queues(book, no_failpoint).take(0, FIRST | {"accuracy_ppm": 900_000})
    database = sqlite3.connect(tmp_path / "book.sqlite")
    database.execute("UPDATE queue SET result = replace(result, '9', '8')")
    database.commit()
    with Book.open(tmp_path, RUN) as book, pytest.raises(LedgerCorrupt):
        Queues(book)


def _propose(queues: Queues) -> Proposal:
    queues.take(0, FIRST)
    header = epoch(queues.book, weights=sha256(b"w"))
    queues.draft(1, header)
    queues.mined(1, header.nonce)
    return queues.propose(NONE, 0, header.id)
