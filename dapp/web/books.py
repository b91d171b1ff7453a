"""Copies of runs that recorders and nodes keep on this machine, read without disturbing them, and remembered
for as long as they do not change.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from dapp.chain.events import Attested, HeaderAttested, RolledBack, RunEvent
from dapp.ledger.book import Book, Registration, Rollback
from dapp.ledger.places import BOOK, kept
from dapp.ledger.tree import Leaf, tree
from dapp.web.turnstile import WORK
from ml.canonical import sha256
from ml.history.header import Header, Kind

REMEMBERED: Final = 8


@dataclass(frozen=True, eq=False)
class Copy:
    """A copy of a run: every entry, hashed and linked anew when it was read."""

    owner: str  # recorder, a node's account in lower case, or chain
    folder: Path | None
    headers: tuple[Header, ...]
    registrations: tuple[Registration, ...]
    rollbacks: tuple[Rollback, ...]

    def vouched(self, said: Sequence[RunEvent]) -> Copy:
        """With what these events of the run registered of it, where its owner has not looked that far."""
        found = [
            Registration(id_, self.heights[id_], event.at.block, event.at.tx)
            for event in said
            if (id_ := _registered(event)) in self.heights
        ]
        return replace(self, registrations=tuple(found)) if _top(found) > _top(self.registrations) else self

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The entries as a tree."""
        return tuple(tree(self.headers, _top(self.registrations) + 1))

    @cached_property
    def best(self) -> Leaf | None:
        """The most accurate epoch; among equals the lowest loss, then the first."""
        epochs = [leaf for leaf in self.leaves if leaf.header.kind is not Kind.ROLLBACK]
        return max(epochs, key=lambda e: (e.header.accuracy_ppm, -e.header.loss_micro), default=None)

    @cached_property
    def heights(self) -> dict[bytes, int]:
        """Heights by id."""
        return {header.id: header.height for header in self.headers}


class Shelf:
    """All copies below a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._known: dict[tuple[bytes, str], tuple[object, Copy]] = {}
        self._guard = threading.Lock()

    def owners(self, run: bytes) -> list[str]:
        """Whose copies of a run are here, the recorder's first."""
        return sorted(kept(self._data_dir, run), key=lambda name: (name != "recorder", name))

    def copy(self, run: bytes, owner: str) -> Copy | None:
        """A copy; None for one that is not here. Raises TooBusy, what a damaged one raises."""
        folder = kept(self._data_dir, run).get(owner)
        if folder is None:
            return None
        state = _state(folder / BOOK)
        with self._guard:
            known = self._known.get((run, owner))
            if known is not None and known[0] == state:
                return known[1]
        with WORK.turn(), Book.copy(folder / BOOK, run) as book:
            made = Copy(
                owner, folder, tuple(book.headers()), tuple(book.registrations()), tuple(book.rollbacks())
            )
        with self._guard:
            self._known[run, owner] = (state, made)
            while len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)))
        return made


def _top(registrations: Sequence[Registration]) -> int:
    """The highest registered entry, which stands for all below it; -1 without any."""
    return max((each.height for each in registrations), default=-1)


def _registered(event: RunEvent) -> bytes:
    """The id of the entry that an event made the head; empty for others."""
    if isinstance(event, Attested):
        return event.head
    if isinstance(event, RolledBack):
        return event.entry
    return sha256(event.header) if isinstance(event, HeaderAttested) else b""


def _state(folder: Path) -> object:
    """What changes whenever the book does."""
    found = []
    for name in ("book.sqlite", "book.sqlite-wal"):
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        found.append((name, status.st_mtime_ns, status.st_size))
    return tuple(found)
