"""What the chain says of a run, taken into the book: who registered what, and which votes were carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.ledger import RunView, rollback_header
from dapp.ledger.book import Book, Rollback
from dapp.ledger.errors import RollbackInvented
from ml.history.header import Header

REORG_BLOCKS: Final = 64  # read again when the last block read is no longer there


@dataclass(frozen=True)
class Opening:
    """Who asked for a rollback vote, in which block, and why: words, or the id of an entry wished for."""

    block: int
    opener: str
    reason: bytes


def opening_of(book: Book, vote: int) -> Opening | None:
    """How the vote of this number was opened, once `catch_up` has read it."""
    known = book.noted(f"vote {vote}")
    parts = [] if known is None else known.split(" ")
    return Opening(int(parts[0]), parts[1], bytes.fromhex(parts[2])) if len(parts) == 3 else None


def catch_up(chain: Chain, book: Book) -> list[events.RunEvent]:
    """Read what happened to the run since the last time; returns the new events, in order."""
    last = chain.rpc.block()
    until = last.number - chain.settings.confirmations + 1
    first, went_back = _first_unread(chain, book, last.number)
    if until < first:
        return []
    hash_ = last.hash if until == last.number else chain.rpc.block(until).hash
    found = [event for event in events.of_run(chain, book.run, first) if event.at.block <= until]
    with book.database.transaction():
        book.unregister(first, None if went_back else until)  # what receipts said, and blocks no longer say
        for event in found:
            if isinstance(event, events.Attested):
                book.register(event.head, event.at.block, event.at.tx)
            elif isinstance(event, events.RollbackOpened):
                book.note(f"vote {event.vote}", f"{event.at.block} {event.opener} {event.reason.hex()}")
            elif isinstance(event, events.RolledBack):
                book.register_rollback(
                    Rollback(event.vote, event.head, event.target, event.entry, event.at.block, event.at.tx)
                )
        book.note("followed", f"{until} {hash_.hex()}")
    return found


def rollback_to_append(book: Book) -> tuple[Rollback, Header] | None:
    """A rollback that the chain has taken and the book lacks, with its entry, once the book has its head.

    Raises RollbackInvented when a quorum made an entry that does not follow from head and target.
    """
    for rollback in book.rollbacks():
        head, target = book.get(rollback.head), book.get(rollback.target)
        if book.get(rollback.entry) is not None or head is None or target is None:
            continue
        header = rollback_header(head, target, book.history_at(head.height + 1))
        if header.id != rollback.entry:
            raise RollbackInvented(
                f"vote {rollback.vote} made entry {rollback.entry.hex()[:16]}…, which does not follow from"
                " its head and its target: a quorum of this run is dishonest",
                fix="Start a new run with other nodes; up to the head of that vote the log is good.",
                height=header.height,
            )
        return rollback, header
    return None


def open_vote(view: RunView, book: Book, now_s: int) -> int | None:
    """Number of the rollback vote that is open and not carried yet. now_s: the chain's time."""
    if not view.votes or now_s > view.vote_ends_at_s or book.is_carried(view.votes):
        return None
    return view.votes


def _first_unread(chain: Chain, book: Book, head: int) -> tuple[int, bool]:
    """The block to read from, and whether the last block read is no longer there: what stood after the first
    is to be forgotten. A block far above the head was never there: all is read again.
    """
    followed = book.noted("followed")
    if followed is None:
        return chain.first_block, False
    noted, hash_ = followed.split(" ")
    number = int(noted)
    if number <= head and chain.rpc.block(number).hash.hex() == hash_:
        return number + 1, False
    kept = number - REORG_BLOCKS
    return (max(chain.first_block, kept) if kept <= head else chain.first_block), True
