"""The recorder's Results and Consensus Queues (Bae & Shin, Table 2), durable: what is due, and what is done.

An epoch goes result → drafted → mined → proposed → attested → registered, a batch of them as one proposal.
Each arrow is one transaction of the file that holds the book too, so a kill loses none and repeats none;
taking an arrow again changes nothing. What a rollback left behind is dropped: kept here, never proposed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from dapp.chain.outbox import Failpoint, no_failpoint
from dapp.ledger.book import Book, Rollback
from dapp.ledger.errors import LedgerCorrupt, QueueOrder
from ml.canonical import sha256
from ml.history.header import NONE, Header

MAX_WAITING: Final = 4_096  # results taken in and not yet mined: the rest waits where the trainer wrote it


class State(StrEnum):
    """How far an epoch has come."""

    RESULT = "result"
    DRAFTED = "drafted"
    MINED = "mined"
    PROPOSED = "proposed"
    ATTESTED = "attested"
    REGISTERED = "registered"
    DROPPED = "dropped"


PENDING: Final = (State.RESULT, State.DRAFTED, State.MINED, State.PROPOSED, State.ATTESTED)
_ORDER: Final = (*PENDING, State.REGISTERED)


class Kind(StrEnum):
    """What nodes are asked to sign."""

    ATTEST = "attest"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Entry:
    """An epoch on its way; `row` is its number in the trainer's results, None for a rollback's entry."""

    place: int
    row: int | None
    state: State
    result: Mapping[str, Any]
    header: Header | None


@dataclass(frozen=True)
class Proposal:
    """What is put to the nodes: to attest up to `head`, or to name a target.

    parent   the registered head that it follows
    attempt  of several for the same parent; for a rollback the number of the vote
    head     the last entry of the batch; for a rollback, once it carries, the new entry
    """

    number: int
    kind: Kind
    parent: bytes
    attempt: int
    head: bytes
    state: State


@dataclass(frozen=True)
class Signed:
    """One node's signature under a proposal; `choice` is the target of a rollback, else the head."""

    node: str
    choice: bytes
    signature: bytes


class Queues:
    """The queues of the run whose log is `book`. Several threads may use them."""

    def __init__(self, book: Book, failpoint: Failpoint = no_failpoint) -> None:
        self.book = book
        self._database = book.database
        self._failpoint = failpoint
        for statement in (
            "CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY, row INTEGER UNIQUE, state TEXT, "
            "height INTEGER, proposal INTEGER, result TEXT, header BLOB, sum TEXT)",
            "CREATE INDEX IF NOT EXISTS states ON queue (state)",
            "CREATE TABLE IF NOT EXISTS proposals (number INTEGER PRIMARY KEY, kind TEXT, parent BLOB, "
            "attempt INTEGER, head BLOB, state TEXT, UNIQUE (kind, parent, attempt))",
            "CREATE TABLE IF NOT EXISTS signatures (proposal INTEGER, node TEXT, choice BLOB, "
            "signature BLOB, PRIMARY KEY (proposal, node))",
        ):
            self._database.run(statement)
        for _ in self.entries():
            pass  # every row is read against its checksum

    def next_row(self) -> int:
        """The trainer's result to take in next."""
        ((last,),) = self._database.run("SELECT max(row) FROM queue")
        return 0 if last is None else int(last) + 1

    def waiting(self) -> int:
        """Epochs that are not mined yet."""
        return self.count(State.RESULT) + self.count(State.DRAFTED)

    def count(self, state: State) -> int:
        """Epochs in this state."""
        ((found,),) = self._database.run("SELECT count(*) FROM queue WHERE state = ?", (state,))
        return int(found)

    def entries(self, *states: State) -> Iterator[Entry]:
        """Epochs in these states (none: in any), in order. Raises LedgerCorrupt."""
        wanted = states or tuple(State)
        marks = ", ".join("?" * len(wanted))
        for row in self._database.rows(
            f"SELECT place, row, state, result, header, sum FROM queue WHERE state IN ({marks}) "
            "ORDER BY place",
            tuple(wanted),
        ):
            yield self._read(row)

    def first(self, *states: State) -> Entry | None:
        """The first epoch in one of these states."""
        return next(self.entries(*states), None)

    def of_row(self, row: int) -> Entry | None:
        """The epoch of a result."""
        for (place,) in self._database.run("SELECT place FROM queue WHERE row = ?", (row,)):
            return self._entry(place)
        return None

    def take(self, row: int, result: Mapping[str, Any], counts: bool = True) -> bool:
        """→ result; dropped when its training did not go on from the last one that counts (`tip`).

        Another row will do whose checkpoint is the same, bit for bit: its pack is. False in `counts` drops
        it in any case. Returns whether it was taken.
        """
        with self._arrow("result"):
            if row < self.next_row():
                return False
            if row > self.next_row():
                raise QueueOrder(f"result {row} was handed in before {self.next_row()}")
            follows = counts and self.is_tip(result.get("base_row"))
            self._insert(row, State.RESULT if follows else State.DROPPED, result, None)
        return follows

    def turn(self, row: int) -> bool:
        """result, drafted → dropped: all after `row`, when nothing of it was announced; whether that was so.

        The training went back there by itself: what counts goes on from there.
        """
        with self._arrow("turned"):
            base = self.of_row(row)
            if base is None or base.state is State.DROPPED:
                return False
            after = [entry for entry in self._after(base.place) if entry.state is not State.DROPPED]
            if any(entry.state not in (State.RESULT, State.DRAFTED) for entry in after):
                return False
            for entry in after:
                self._set(entry.place, State.DROPPED, None)
        return True

    def take_again(self, rows: Sequence[int]) -> bool:
        """dropped → result: these rows in order, if none of them was ever announced; whether so."""
        with self._arrow("again"):
            entries = [self.of_row(row) for row in rows]
            if any(e is None or e.state is not State.DROPPED or e.header is not None for e in entries):
                return False
            for row, entry in zip(rows, entries, strict=True):
                assert entry is not None
                self._database.run("DELETE FROM queue WHERE place = ?", (entry.place,))
                self._insert(row, State.RESULT, entry.result, None)
        return True

    def is_tip(self, row: int | None) -> bool:
        """Whether a result that goes on from this row goes on from the last one that counts."""
        tip = self.tip()
        if row is None or tip is None or row == tip:
            return row == tip
        ours, theirs = (self.of_row(each) for each in (tip, row))
        if ours is None or theirs is None or "pack" not in ours.result:
            return False
        return bool(ours.result["pack"] == theirs.result.get("pack"))

    def last(self) -> Entry | None:
        """The last epoch or rollback that counts."""
        for (place,) in self._database.run("SELECT max(place) FROM queue WHERE state != ?", (State.DROPPED,)):
            return None if place is None else self._entry(place)
        return None

    def tip(self) -> int | None:
        """The result from which the next one has to go on: the last one, or the target of a rollback."""
        last = self.last()
        if last is None or last.row is not None:
            return None if last is None else last.row
        return self._row_of(last.header)

    def draft(self, place: int, header: Header) -> None:
        """result → drafted: everything is known but the nonce, and the content is in the store."""
        with self._arrow("drafted"):
            if self._state(place, State.RESULT) is State.RESULT:
                self._set(place, State.DRAFTED, header)

    def mined(self, place: int, nonce: int) -> None:
        """drafted → mined: the first nonce that works; the entry joins the book."""
        with self._arrow("mined"):
            if self._state(place, State.DRAFTED) is not State.DRAFTED:
                return
            entry = self._entry(place)
            assert entry.header is not None
            header = replace(entry.header, nonce=nonce)
            self._set(place, State.MINED, header)
            self.book.append(header)

    def undraft(self) -> None:
        """drafted → result: the log went on otherwise, so the header no longer follows."""
        with self._arrow("undrafted"):
            for entry in list(self.entries(State.DRAFTED)):
                self._set(entry.place, State.RESULT, None)

    def propose(self, parent: bytes, attempt: int, head: bytes) -> Proposal:
        """mined → proposed: all epochs up to `head`, which follow the registered head `parent`."""
        with self._arrow("proposed"):
            known = self.proposal(Kind.ATTEST, parent, attempt)
            if known is not None:
                return known
            height = self.book.height_of(head)
            number = self._insert_proposal(Kind.ATTEST, parent, attempt, head)
            self._database.run(
                "UPDATE queue SET proposal = ? WHERE state = ? AND height <= ?",
                (number, State.MINED, height),
            )
            for entry in list(self._of_proposal(number)):
                self._set(entry.place, State.PROPOSED, entry.header)
        found = self.proposal(Kind.ATTEST, parent, attempt)
        assert found is not None
        return found

    def ask_target(self, head: bytes, vote: int) -> Proposal:
        """Put a rollback vote to the nodes."""
        with self._arrow("asked"):
            known = self.proposal(Kind.ROLLBACK, head, vote)
            if known is None:
                self._insert_proposal(Kind.ROLLBACK, head, vote, bytes(32))
            elif known.state is State.DROPPED:  # a reorganisation took it back, and it was opened again
                self._finish(known.number, State.PROPOSED)
        found = self.proposal(Kind.ROLLBACK, head, vote)
        assert found is not None
        return found

    def sign(self, number: int, signed: Signed) -> bool:
        """Keep a node's signature; False when it is there already: the first one counts."""
        with self._arrow("signed"):
            found = self._database.run(
                "SELECT 1 FROM signatures WHERE proposal = ? AND node = ?", (number, signed.node)
            )
            if found:
                return False
            self._database.run(
                "INSERT INTO signatures VALUES (?, ?, ?, ?)",
                (number, signed.node, signed.choice, signed.signature),
            )
        return True

    def signatures(self, number: int) -> list[Signed]:
        """Who has signed a proposal."""
        rows = self._database.run(
            "SELECT node, choice, signature FROM signatures WHERE proposal = ? ORDER BY node", (number,)
        )
        return [Signed(*row) for row in rows]

    def attest(self, number: int, head: bytes) -> None:
        """proposed → attested: enough have signed; from now on just this `head` goes to the chain."""
        with self._arrow("attested"):
            if self._proposal(number).state is not State.PROPOSED:
                return
            self._database.run(
                "UPDATE proposals SET state = ?, head = ? WHERE number = ?", (State.ATTESTED, head, number)
            )
            for entry in list(self._of_proposal(number)):
                self._set(entry.place, State.ATTESTED, entry.header)

    def register(self, head: bytes, block: int, tx: str) -> None:
        """→ registered: the chain has taken `head`, whoever sent it; all epochs up to it are done."""
        with self._arrow("registered"):
            height = self.book.height_of(head)
            self.book.register(head, block, tx)
            waiting = (State.MINED, State.PROPOSED, State.ATTESTED)
            for entry in list(self.entries(*waiting)):
                if entry.header is not None and entry.header.height <= height:
                    self._set(entry.place, State.REGISTERED, entry.header)
            for proposal in self.open_proposals(Kind.ATTEST):
                state = State.REGISTERED if proposal.head == head else State.DROPPED
                self._finish(proposal.number, state)
                if state is State.DROPPED:
                    self._back_to_mined(proposal.number)

    def take_back(self) -> bool:
        """registered → mined: what a reorganisation took back; whether it did so.

        Rollbacks among it are dropped, with all that went on from them: the vote decides anew.
        """
        last = self.book.registered()
        rows = self._database.run(
            "SELECT place FROM queue WHERE state = ? AND height > ? ORDER BY place",
            (State.REGISTERED, -1 if last is None else last.height),
        )
        if not rows:
            return False
        with self._arrow("taken"):
            rolled = None
            for (place,) in rows:
                entry = self._entry(place)
                self._set(place, State.MINED if entry.row is not None else State.DROPPED, entry.header)
                if entry.row is None and entry.header is not None:
                    rolled = entry.header.height if rolled is None else rolled
                    vote = self.proposal(Kind.ROLLBACK, entry.header.parent, entry.result["vote"])
                    if vote is not None:
                        self._finish(vote.number, State.DROPPED)
            if rolled is not None:
                self.leave_out(rolled)
        return True

    def take_up(self, head: bytes) -> bool:
        """dropped → mined: a batch that was left out, up to `head`, which the chain has taken all the same.

        What was made in its place is dropped. False when the queue does not hold it.
        """
        with self._arrow("taken-up"):
            batch: list[Entry] = []
            parent = head
            while parent != NONE and self.book.get(parent) is None:
                entry = self._with_header(parent)
                if entry is None or entry.header is None:
                    return False
                batch.insert(0, entry)
                parent = entry.header.parent
            if not batch or batch[0].header is None:
                return False
            self.leave_out(batch[0].header.height)
            for entry in batch:
                assert entry.header is not None
                self._set(entry.place, State.MINED, entry.header)
                self.book.append(entry.header)
        return True

    def withdraw(self, number: int) -> None:
        """proposed → mined: the nodes refuse the batch, or its parent is no longer the head."""
        with self._arrow("withdrawn"):
            self._finish(number, State.DROPPED)
            self._back_to_mined(number)

    def leave_out(self, count: int) -> None:
        """Drop what is not registered from height `count` on: nodes refuse it, and all later rests on it."""
        with self._arrow("dropped"):
            for proposal in self.open_proposals(Kind.ATTEST):
                self._finish(proposal.number, State.DROPPED)
                self._back_to_mined(proposal.number)
            for entry in list(self.entries(*PENDING)):
                if entry.header is None or entry.header.height >= count:
                    self._set(entry.place, State.DROPPED, entry.header)
            self.book.truncate(count)

    def rolled_back(self, rollback: Rollback, header: Header) -> None:
        """The chain has taken a rollback's entry: what was not registered before it is dropped."""
        with self._arrow("rolled"):
            self.book.register_rollback(rollback)
            if self.book.get(header.id) is not None:
                return
            for entry in list(self.entries(*PENDING)):
                self._set(entry.place, State.DROPPED, entry.header)
            for proposal in self.open_proposals():
                same = (proposal.kind, proposal.attempt) == (Kind.ROLLBACK, rollback.vote)
                self._finish(proposal.number, State.REGISTERED if same else State.DROPPED)
            self.book.truncate(header.height)
            self.book.append(header)
            self._insert(None, State.REGISTERED, {"vote": rollback.vote}, header)

    def proposal(self, kind: Kind, parent: bytes, attempt: int) -> Proposal | None:
        """The proposal of this name."""
        for row in self._database.run(
            f"{_SELECT} WHERE kind = ? AND parent = ? AND attempt = ?", (kind, parent, attempt)
        ):
            return _proposal(row)
        return None

    def open_proposals(self, kind: Kind | None = None) -> list[Proposal]:
        """Proposals that are neither registered nor dropped."""
        found = self._database.run(
            f"{_SELECT} WHERE state IN (?, ?) ORDER BY number", (State.PROPOSED, State.ATTESTED)
        )
        return [_proposal(row) for row in found if kind is None or row[1] == kind]

    def attempts(self, parent: bytes) -> int:
        """How often something was proposed to follow `parent`: the next attempt's number."""
        ((found,),) = self._database.run(
            "SELECT count(*) FROM proposals WHERE kind = ? AND parent = ?", (Kind.ATTEST, parent)
        )
        return int(found)

    def _row_of(self, rollback: Header | None) -> int | None:
        """The result behind the epoch that a rollback went back to."""
        target = None if rollback is None else self.book.get(rollback.base)
        for (row,) in self._database.run(
            "SELECT row FROM queue WHERE height = ? AND row IS NOT NULL AND state = ?",
            (None if target is None else target.height, State.REGISTERED),
        ):
            return int(row)
        return None

    def _with_header(self, entry: bytes) -> Entry | None:
        """What was dropped under this id."""
        return next((e for e in self.entries(State.DROPPED) if e.header and e.header.id == entry), None)

    def _after(self, place: int) -> Iterator[Entry]:
        for row in self._database.rows(
            "SELECT place, row, state, result, header, sum FROM queue WHERE place > ? ORDER BY place",
            (place,),
        ):
            yield self._read(row)

    def _proposal(self, number: int) -> Proposal:
        return _proposal(self._database.run(f"{_SELECT} WHERE number = ?", (number,))[0])

    def _insert_proposal(self, kind: Kind, parent: bytes, attempt: int, head: bytes) -> int:
        self._database.run(
            "INSERT INTO proposals (kind, parent, attempt, head, state) VALUES (?, ?, ?, ?, ?)",
            (kind, parent, attempt, head, State.PROPOSED),
        )
        ((number,),) = self._database.run("SELECT max(number) FROM proposals")
        return int(number)

    def _finish(self, number: int, state: State) -> None:
        self._database.run("UPDATE proposals SET state = ? WHERE number = ?", (state, number))

    def _back_to_mined(self, number: int) -> None:
        for entry in list(self._of_proposal(number)):
            if entry.state in (State.PROPOSED, State.ATTESTED):
                self._set(entry.place, State.MINED, entry.header)

    def _of_proposal(self, number: int) -> Iterator[Entry]:
        for row in self._database.run(
            "SELECT place, row, state, result, header, sum FROM queue WHERE proposal = ? ORDER BY place",
            (number,),
        ):
            yield self._read(row)

    def _entry(self, place: int) -> Entry:
        rows = self._database.run(
            "SELECT place, row, state, result, header, sum FROM queue WHERE place = ?", (place,)
        )
        if not rows:
            raise QueueOrder(f"the queue has no place {place}")
        return self._read(rows[0])

    def _state(self, place: int, at_least: State) -> State:
        state = self._entry(place).state
        if state is not State.DROPPED and _ORDER.index(state) < _ORDER.index(at_least):
            raise QueueOrder(f"place {place} of the queue is {state}, it would have to be {at_least}")
        return state

    def _insert(
        self, row: int | None, state: State, result: Mapping[str, Any], header: Header | None
    ) -> None:
        body = json.dumps(result, sort_keys=True)
        data = None if header is None else header.to_bytes()
        height = None if header is None else header.height
        self._database.run(
            "INSERT INTO queue (row, state, height, result, header, sum) VALUES (?, ?, ?, ?, ?, ?)",
            (row, state, height, body, data, _sum(row, state, body, data)),
        )

    def _set(self, place: int, state: State, header: Header | None) -> None:
        entry = self._entry(place)
        data = None if header is None else header.to_bytes()
        body = json.dumps(entry.result, sort_keys=True)
        self._database.run(
            "UPDATE queue SET state = ?, height = ?, header = ?, sum = ? WHERE place = ?",
            (
                state,
                None if header is None else header.height,
                data,
                _sum(entry.row, state, body, data),
                place,
            ),
        )

    def _read(self, row: Sequence[Any]) -> Entry:
        place, number, state, result, header, checksum = row
        if checksum != _sum(number, state, result, header):
            raise LedgerCorrupt(f"{self._database.name}: place {place} does not match its checksum")
        return Entry(
            place,
            number,
            State(state),
            json.loads(result),
            None if header is None else Header.from_bytes(header),
        )

    @contextmanager
    def _arrow(self, name: str) -> Iterator[None]:
        """One transaction; the book in memory never runs ahead of the one on the disk."""
        try:
            with self._database.transaction():
                yield
                self._failpoint(f"{name}:writing")
        except BaseException:
            with self._database.transaction():
                self.book.reload()
            raise
        self._failpoint(f"{name}:written")


_SELECT: Final = "SELECT number, kind, parent, attempt, head, state FROM proposals"


def _proposal(row: Sequence[Any]) -> Proposal:
    number, kind, parent, attempt, head, state = row
    return Proposal(number, Kind(kind), parent, attempt, head, State(state))


def _sum(row: int | None, state: str, result: str, header: bytes | None) -> str:
    return sha256(json.dumps([row, state, result, None if header is None else header.hex()]).encode()).hex()
