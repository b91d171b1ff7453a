"""The packed words that the contracts store, unpacked: mirrors contracts/types/*.sol bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MAX_MODELS = 21
PANEL = 48
PPM = 1_000_000


class Phase(IntEnum):
    """Where a task stands (contracts/types/Phase.sol)."""

    NONE = 0
    NOTICE = 1
    SUBMIT = 2
    OPEN = 3
    DRAW = 4
    VOTE = 5
    BALLOT = 6
    SETTLED = 7
    CANCELLED = 8
    EMPTY = 9
    LAPSED = 10

    @property
    def is_over(self) -> bool:
        """True when nothing but payment remains."""
        return self >= Phase.SETTLED


class SubmissionState(IntEnum):
    """State of one contributor's model (contracts/types/Submission.sol)."""

    NONE = 0
    SEALED = 1
    OPENED = 2
    STRUCK = 3


def _bits(word: int, at: int, width: int) -> int:
    return (word >> at) & ((1 << width) - 1)


@dataclass(frozen=True)
class TaskWord:
    """The stored word of a task until its shards are shown (contracts/types/TaskWord.sol)."""

    opens_at_s: int
    submit_s: int
    open_s: int
    draw_s: int
    cap: int
    models: int
    draw_block: int
    pool_size: int
    roster: int
    flags: int
    contributor_bits: int

    @classmethod
    def unpack(cls, word: int) -> TaskWord:
        widths = (40, 24, 24, 24, 8, 8, 40, 16, 32, 8, 31)
        at, fields = 0, []
        for width in widths:
            fields.append(_bits(word, at, width))
            at += width
        return cls(*fields)

    @property
    def exists(self) -> bool:
        return bool(self.flags & 1)

    @property
    def cancelled(self) -> bool:
        return bool(self.flags & 2)

    @property
    def listed(self) -> bool:
        """Contributors need a proof that they stand on the key's allow-list."""
        return bool(self.flags & 4)

    @property
    def submit_ends_at_s(self) -> int:
        return self.opens_at_s + self.submit_s

    @property
    def open_ends_at_s(self) -> int:
        return self.submit_ends_at_s + self.open_s

    @property
    def draw_ends_at_s(self) -> int:
        return self.open_ends_at_s + self.draw_s


@dataclass(frozen=True)
class DrawWord:
    """The stored word of a task once its shards were shown (contracts/types/DrawWord.sol)."""

    seed: int
    roster: int
    pool_size: int
    committee: int
    models: int
    vote_ends_at_s: int
    ballot_s: int
    mafr_ppm: int
    contributor_bits: int

    @classmethod
    def unpack(cls, word: int) -> DrawWord:
        widths = (64, 32, 16, 16, 8, 40, 24, 24, 31)
        at, fields = 0, []
        for width in widths:
            fields.append(_bits(word, at, width))
            at += width
        return cls(*fields)

    @property
    def ballot_ends_at_s(self) -> int:
        return self.vote_ends_at_s + self.ballot_s


def unpack_task(word: int) -> TaskWord | DrawWord:
    """The stored word of a task as what it is: its top bit tells."""
    return DrawWord.unpack(word) if word >> 255 else TaskWord.unpack(word)


def phase_at(word: TaskWord | DrawWord, now_s: int) -> Phase:
    """Phase of a task at `now_s` (contracts/libraries/Phases.sol): every window is [from, to)."""
    if isinstance(word, DrawWord):
        if now_s < word.vote_ends_at_s:
            return Phase.VOTE
        return Phase.BALLOT if now_s < word.ballot_ends_at_s else Phase.SETTLED
    if not word.exists:
        return Phase.NONE
    if word.cancelled:
        return Phase.CANCELLED
    for phase, ends_at_s in (
        (Phase.NOTICE, word.opens_at_s),
        (Phase.SUBMIT, word.submit_ends_at_s),
        (Phase.OPEN, word.open_ends_at_s),
    ):
        if now_s < ends_at_s:
            return phase
    if word.models == 0:
        return Phase.EMPTY
    return Phase.DRAW if now_s < word.draw_ends_at_s else Phase.LAPSED


@dataclass(frozen=True)
class LateWord:
    """Second stored word of a task (contracts/types/LateWord.sol): the outcome, once `settled`."""

    contributor_wei: int
    verifier_wei: int
    models: int
    lapsed: bool
    closed: bool
    settled: bool
    paid: int = 0  # one bit a model

    @classmethod
    def unpack(cls, word: int) -> LateWord:
        return cls(
            _bits(word, 0, 96),
            _bits(word, 96, 96),
            _bits(word, 192, MAX_MODELS),
            bool(_bits(word, 213, 1)),
            bool(_bits(word, 214, 1)),
            bool(word >> 255),
            _bits(word, 215, MAX_MODELS),
        )

    def pays(self, model: int) -> bool:
        """Whether the model of this index is paid."""
        return bool(_bits(self.models, model, 1))

    def has_paid(self, model: int) -> bool:
        """Whether the contributor of the model of this index took its share."""
        return self.settled and bool(_bits(self.paid, model, 1))


@dataclass(frozen=True)
class Submission:
    """One contributor's model (contracts/types/Submission.sol); `digest` is 200 bits."""

    state: SubmissionState
    index: int
    sealed_block: int
    digest: int

    @classmethod
    def unpack(cls, word: int) -> Submission:
        return cls(SubmissionState(_bits(word, 0, 8)), _bits(word, 8, 8), _bits(word, 16, 40), word >> 56)


@dataclass(frozen=True)
class Panel:
    """Votes of 48 committee members on 21 models (contracts/types/Panel.sol)."""

    word: int

    def is_sealed(self, member: int) -> bool:
        return bool(_bits(self.word, member, 1))

    def is_opened(self, member: int) -> bool:
        return bool(_bits(self.word, PANEL + member, 1))

    def votes(self, model: int) -> int:
        return _bits(self.word, 96 + 6 * model, 6)

    @property
    def opened_count(self) -> int:
        return _bits(self.word, 222, 6)

    def is_struck(self, model: int) -> bool:
        return bool(_bits(self.word, 228 + model, 1))
