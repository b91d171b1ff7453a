"""Copies of runs that recorders and nodes keep on this machine, read without disturbing them, and remembered
for as long as they do not change.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from dapp.ledger.book import Book, Registration, Rollback
from dapp.ledger.places import BOOK, kept
from dapp.ledger.tree import Leaf, tree
from dapp.web.turnstile import WORK
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

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The entries as a tree."""
        last = max((r.height for r in self.registrations), default=-1)
        return tuple(tree(self.headers, last + 1))

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
