"""Keeping the index level with the chain: in batches, from where it stopped, and back over what a
reorganisation took.

Facts and cursor of a batch are written in one transaction: killed anywhere, the next start goes on from the
last batch. What the cursor's block says, and every block an event stands in, is kept with its hash; where one
is no longer the chain's, all facts from there on go and are read again. Each transaction first moves the
cursor from where it was seen: of two that keep one database level, one writes and the other looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, Update, delete, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.errors import EndpointConfused
from dapp.chain.events import Log
from dapp.index.index import Index, IndexFailed
from dapp.index.rows import Known, hexed, rows_of
from dapp.index.tables import FACTS, VERSION, Block, Cursor, Fact, LogEntry

BATCH_BLOCKS: Final = 2_000
CURSOR: Final = 1
TRIES: Final = 3
Told = Callable[[int, int], None]  # blocks read, blocks there are


@dataclass(frozen=True)
class Caught:
    """How far the index is.

    went_back_to   the last block that stayed when a reorganisation was found, else None
    """

    block: int
    hash: str
    at_s: int
    events: int  # taken in now
    went_back_to: int | None = None


class _Turned(Exception):
    """The block that reading began after is not the chain's any more."""


class _Overtaken(Exception):
    """Somebody else moved the cursor of this index: it is further than it was."""


def catch_up(chain: Chain, index: Index, batch: int = BATCH_BLOCKS, told: Told | None = None) -> Caught:
    """Read all blocks that are new. Raises IndexFailed: another chain's index, or a database that does not do
    its work; and what the chain raises.
    """
    turned = 0
    while turned < TRIES:
        try:
            return _catch_up(chain, index, batch, told)
        except _Overtaken:
            continue
        except _Turned:
            turned += 1
        except (DBAPIError, NoConnection) as error:
            raise index.failure(error) from None
    raise _confused(chain)


def _catch_up(chain: Chain, index: Index, batch: int, told: Told | None) -> Caught:
    with index.session() as session:
        cursor = _cursor(chain, session)
        kept = None if cursor is None else _still_there(chain, session, cursor)
        went_back = None
        if cursor is not None and kept != cursor.block:
            went_back = -1 if kept is None else kept
            _forget(session, cursor, kept)
            session.commit()
        block = None if kept is None else session.get(Block, kept)
        before = None if block is None else (block.number, block.hash)
    first = chain.first_block if kept is None else kept + 1
    last = chain.rpc.block()
    taken = 0
    while first <= last.number:
        until = min(first + batch - 1, last.number)
        count, hash_ = _batch(chain, index, first, until, before)
        taken, before = taken + count, (until, hash_)
        if told is not None:
            told(until, last.number)
        first = until + 1
    with index.session() as session:
        cursor = session.get(Cursor, CURSOR)
        if cursor is None:  # the contracts are younger than the block we know
            return Caught(last.number, hexed(last.hash), last.timestamp_s, 0)
        return Caught(cursor.block, cursor.hash, cursor.at_s, taken, went_back)


def _batch(
    chain: Chain, index: Index, first: int, until: int, before: tuple[int, str] | None
) -> tuple[int, str]:
    """One batch: its facts and the cursor, or nothing; how many events, and the last block's hash.

    before: the block, with its hash, that this batch has to follow on: where the cursor is.
    Raises _Turned, _Overtaken.
    """
    for _ in range(TRIES):
        end = chain.rpc.block(until)
        logs = [log for found in events.logs_between(chain, first, until) for log in found]
        made = _blocks(chain, logs) | {until: (end.hash, end.timestamp_s)}
        if before is not None and hexed(chain.rpc.block(before[0]).hash) != before[1]:
            raise _Turned
        if chain.rpc.block(until).hash == end.hash and all(
            made[log.at.block][0] == log.block_hash for log in logs
        ):
            break
    else:
        raise _confused(chain)
    here = {"block": until, "hash": hexed(end.hash), "at_s": end.timestamp_s}
    with index.session() as session, session.begin():
        if before is None:
            _begin(chain, session, here)
        else:
            _move(session, before, here)
        known = Known(session)
        session.add_all(Block(number=n, hash=hexed(hash_), at_s=at_s) for n, (hash_, at_s) in made.items())
        for log in logs:
            for row in _rows(log, made[log.at.block][1], known):
                session.add(row)
    return len(logs), hexed(end.hash)


def _begin(chain: Chain, session: Session, here: dict[str, Any]) -> None:
    """Set the first cursor. Raises _Overtaken."""
    whose = {"version": VERSION, "chain_id": chain.chain_id, "board": chain.quorate.address}
    session.add(Cursor(id=CURSOR, **whose, **here))
    try:
        session.flush()
    except IntegrityError:
        raise _Overtaken from None


def _move(session: Session, seen: tuple[int, str], here: dict[str, Any]) -> None:
    """Move the cursor from where it was seen; its row is this transaction's from now. Raises _Overtaken."""
    if _changed(session, update(Cursor).where(*_is(seen)).values(here)) != 1:
        raise _Overtaken


def _is(seen: tuple[int, str]) -> tuple[ColumnElement[bool], ...]:
    return Cursor.id == CURSOR, Cursor.block == seen[0], Cursor.hash == seen[1]


def _changed(session: Session, change: Update | Delete) -> int:
    return cast(CursorResult[Any], session.execute(change)).rowcount


def _confused(chain: Chain) -> EndpointConfused:
    return EndpointConfused(f"{chain.rpc.url} changes its blocks while they are read", retryable=True)


def _blocks(chain: Chain, logs: Sequence[Log]) -> dict[int, tuple[bytes, int]]:
    """Hash and time of the blocks of these logs: as the logs tell them, else each is asked for."""
    made: dict[int, tuple[bytes, int]] = {}
    for log in logs:
        if log.at.block in made:
            continue
        if log.at_s is not None:
            made[log.at.block] = (log.block_hash, log.at_s)
        else:
            block = chain.rpc.block(log.at.block)
            made[log.at.block] = (block.hash, block.timestamp_s)
    return made


def _rows(log: Log, at_s: int, known: Known) -> Iterator[Fact]:
    event = events.decoded(log)
    if event is None:
        return
    topics = [hexed(topic) for topic in log.topics]
    topics += [""] * (4 - len(topics))
    yield LogEntry(
        block=log.at.block,
        position=log.at.index,
        part=0,
        tx=log.at.tx,
        contract=log.contract,
        name=type(event).__name__,
        topic0=topics[0],
        topic1=topics[1] or None,
        topic2=topics[2] or None,
        topic3=topics[3] or None,
        data=log.data,
    )
    yield from rows_of(event, at_s, known)


def _cursor(chain: Chain, session: Session) -> Cursor | None:
    cursor = session.get(Cursor, CURSOR)
    if cursor is not None and (cursor.chain_id, cursor.board) != (chain.chain_id, chain.quorate.address):
        raise IndexFailed(
            f"this index is of board {cursor.board} on chain {cursor.chain_id},"
            f" not of {chain.quorate.address} on chain {chain.chain_id}"
        )
    return cursor


def _still_there(chain: Chain, session: Session, cursor: Cursor) -> int | None:
    """The last block of the index that is still the chain's; None: not one."""
    tip = chain.rpc.block().number
    query = select(Block.number, Block.hash).where(Block.number <= tip).order_by(Block.number.desc())
    for number, hash_ in session.execute(query.execution_options(yield_per=16)):
        if hexed(chain.rpc.block(number).hash) == hash_:
            return int(number)
    return None


def _forget(session: Session, cursor: Cursor, kept: int | None) -> None:
    """Take back all facts of later blocks, and the cursor with them. Raises _Overtaken."""
    last = -1 if kept is None else kept
    block = session.get(Block, last)
    seen = (cursor.block, cursor.hash)
    if block is not None:
        _move(session, seen, {"block": block.number, "hash": block.hash, "at_s": block.at_s})
    elif _changed(session, delete(Cursor).where(*_is(seen))) != 1:
        raise _Overtaken
    for table in FACTS:
        session.execute(delete(table).where(table.block > last))
    session.execute(delete(Block).where(Block.number > last))
