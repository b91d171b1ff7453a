"""What opens a sealed ballot: its scores and salt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dapp.chain.seals import Board, unpack_scores
from dapp.openings import Drawer


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


_BALLOTS: Final = Drawer("ballot", Decided.from_json)
decided, decide, keep = _BALLOTS.decided, _BALLOTS.decide, _BALLOTS.keep


def opening(
    ballots: Sequence[Decided], board: Board, task: bytes, verifier: str, sealed: bytes
) -> Decided | None:
    """The one that opens this seal."""
    return next((each for each in ballots if each.seal(board, task, verifier) == sealed), None)
