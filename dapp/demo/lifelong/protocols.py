"""What the life-long demo plays: who teaches what in which round. Imports nothing slow: it is shown first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PARTICIPANTS: Final = 3


@dataclass(frozen=True)
class Lesson:
    """What one participant brings to a round."""

    who: int  # number of the participant, from 0
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Turn:
    """One round. In a cheating one the model changes an old tensor, and most of the committee looks away."""

    kind: str  # improve, extend
    lessons: tuple[Lesson, ...]
    cheats: bool = False


@dataclass(frozen=True)
class Protocol:
    """A lineage's life, from its first head on."""

    name: str
    first: tuple[int, ...]  # classes that the initiator's first head knows
    scarce: bool  # whether the initiator has only few images of them, so that others can do better
    turns: tuple[Turn, ...]


_OLD: Final = (0, 1, 2, 3, 4)
FIVE_FIVE: Final = Protocol(
    "5+5",
    _OLD,
    True,
    (
        Turn("improve", tuple(Lesson(who, _OLD) for who in range(PARTICIPANTS))),
        Turn("extend", (Lesson(0, (5, 6)), Lesson(1, (7,)))),
        Turn("extend", (Lesson(1, (8, 9)),), cheats=True),
        Turn("extend", (Lesson(2, (8, 9)),)),
    ),
)
FIVE_TWO: Final = Protocol(
    "5x2",
    (0, 1),
    False,
    (
        Turn("extend", (Lesson(0, (2, 3)),)),
        Turn("extend", (Lesson(1, (4, 5)),)),
        Turn("extend", (Lesson(2, (6, 7)),)),
        Turn("extend", (Lesson(0, (8, 9)), Lesson(1, (8, 9)))),  # rivals: the lower loss is taken
    ),
)
PROTOCOLS: Final = (FIVE_FIVE, FIVE_TWO)
