"""What opens a seal, a ballot's or a model's: in the journal of the account that decided on it.

Nothing here is ever thrown away: what was decided on, and then changed before it was sent, may still arrive
on chain, and has to be opened then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, Protocol, TypeVar

from dapp.journal import Journal


class SealState(Enum):
    """How the chain's seal and the journal go together."""

    NONE = auto()  # nothing sealed, nothing decided
    DECIDED = auto()  # nothing sealed; what would open it is kept
    SEALED = auto()  # sealed, and what opens it is here
    OPENED = auto()
    MISMATCH = auto()  # sealed, and nothing here opens it
    UNREADABLE = auto()  # the journal cannot be read now


class Opening(Protocol):
    """What an account decided on, with its salt."""

    def to_json(self) -> dict[str, str]:
        """As the journal holds it."""


OpeningT = TypeVar("OpeningT", bound=Opening)


@dataclass(frozen=True)
class Drawer(Generic[OpeningT]):
    """All openings of one kind.

    read  inverse of their to_json; raises ValueError, KeyError, TypeError
    """

    kind: str
    read: Callable[[Mapping[str, Any]], OpeningT]

    def decided(self, journal: Journal, task: bytes) -> tuple[OpeningT, ...]:
        """All that were decided on, the last one first."""
        record = journal.get(self.kind, task.hex())
        if record is None:
            return ()
        return tuple(self.read(each) for each in (record, *record.get("aside", ())))

    def decide(self, journal: Journal, task: bytes, opening: OpeningT) -> None:
        """Make `opening` the one to seal; those before stay known."""
        others = [each for each in self.decided(journal, task) if each != opening]
        self._put(journal, task, opening, others)

    def keep(self, journal: Journal, task: bytes, opening: OpeningT) -> None:
        """Know it too, as from a recovery file, without making it the one to seal where there is one."""
        known = self.decided(journal, task)
        if not known:
            self._put(journal, task, opening, [])
        elif opening not in known:
            self._put(journal, task, known[0], [*known[1:], opening])

    def _put(self, journal: Journal, task: bytes, first: OpeningT, others: list[OpeningT]) -> None:
        aside = {"aside": [each.to_json() for each in others]} if others else {}
        journal.put(self.kind, task.hex(), first.to_json() | aside)
