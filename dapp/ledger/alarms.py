"""What a node's own monitor says of a run: whether a rollback that another node asks for has a cause."""

from __future__ import annotations

from dapp.ledger.book import Book
from ml.history.header import NONE, Header, Kind
from ml.history.monitor import Alarm, Monitor

RECENT = 64  # epochs before the head among which a cause must lie: what was recorded before anyone looked


def cause_of(book: Book, head: Header) -> Alarm | None:
    """The last alarm among the recent epochs that led to `head`, judged by their accuracy and loss."""
    line: list[Header] = []
    entry: bytes = head.id if head.kind is Kind.EPOCH else head.base
    while entry != NONE and (header := book.get(entry)) is not None:
        line.append(header)
        entry = header.base
    monitor, found = Monitor(), None
    for number, header in enumerate(reversed(line)):
        alarm = monitor.see(header.step, header.accuracy_ppm / 1e6, header.loss_micro / 1e6)
        if alarm is not None and number >= len(line) - RECENT:
            found = alarm
    return found
