"""What opens a sealed ballot: scores and salt, in the journal of the account that decided on them.

Nothing here is ever thrown away: a ballot that was decided on, and then changed before it was sent, may
still arrive on chain, and has to be opened then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from dapp.chain.seals import Board, unpack_scores
from dapp.journal import Journal

KIND: Final = "ballot"


class BallotState(Enum):
    """How the chain's seal and the journal go together."""

    NONE = auto()  # nothing sealed, nothing decided
    DECIDED = auto()  # nothing sealed; scores and salt are kept
    SEALED = auto()  # sealed, and what opens it is here
    OPENED = auto()
    MISMATCH = auto()  # sealed, and nothing here opens it
    UNREADABLE = auto()  # the journal cannot be read now


@dataclass(frozen=True)
class Decided:
    """A ballot before it is opened."""

    scores: bytes  # packed
    salt: bytes  # 16 bytes

    @property
    def scores_ppm(self) -> tuple[int, ...]:
        return unpack_scores(self.scores)

    def seal(self, board: Board, task: bytes, verifier: str) -> bytes:
        """What goes to the chain."""
        return board.ballot_seal(task, verifier, self.scores, self.salt)

    def to_json(self) -> dict[str, str]:
        """As the journal and recovery files hold it."""
        return {"scores": self.scores.hex(), "salt": self.salt.hex()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Decided:
        """Inverse of to_json. Raises ValueError, KeyError, TypeError."""
        decided = cls(bytes.fromhex(value["scores"]), bytes.fromhex(value["salt"]))
        if len(decided.scores) % 3 or len(decided.salt) != 16:
            raise ValueError("a ballot has three bytes a model, and a salt of 16")
        return decided


def decided(journal: Journal, task: bytes) -> tuple[Decided, ...]:
    """All ballots that were decided on, the last one first."""
    record = journal.get(KIND, task.hex())
    if record is None:
        return ()
    return tuple(Decided.from_json(each) for each in (record, *record.get("aside", ())))


def decide(journal: Journal, task: bytes, ballot: Decided) -> None:
    """Make `ballot` the one to seal; those before stay known."""
    others = [each for each in decided(journal, task) if each != ballot]
    aside = {"aside": [each.to_json() for each in others]} if others else {}
    journal.put(KIND, task.hex(), ballot.to_json() | aside)


def keep(journal: Journal, task: bytes, ballot: Decided) -> None:
    """Know `ballot` too, as from a recovery file, without making it the one to seal where there is one."""
    known = decided(journal, task)
    if not known:
        decide(journal, task, ballot)
    elif ballot not in known:
        aside = [each.to_json() for each in (*known[1:], ballot)]
        journal.put(KIND, task.hex(), known[0].to_json() | {"aside": aside})


def opening(
    ballots: Sequence[Decided], board: Board, task: bytes, verifier: str, sealed: bytes
) -> Decided | None:
    """The one that opens this seal."""
    return next((each for each in ballots if each.seal(board, task, verifier) == sealed), None)
