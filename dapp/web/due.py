"""What an account has to do at a task, and until when: what desks list, calendars show and reminders tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dapp.chain import owed, tasks
from dapp.chain.client import Chain
from dapp.chain.events import TaskEvent, of_type
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.index.index import history
from dapp.index.tables import LogEntry

DEADLINES: Final[Mapping[Phase, str]] = {
    Phase.NOTICE: "submissions open",
    Phase.SUBMIT: "seal your model before",
    Phase.OPEN: "open your model before",
    Phase.DRAW: "draw, and show the shards before",
    Phase.VOTE: "seal your ballot before",
    Phase.BALLOT: "open your ballot before",
}


class Deed(StrEnum):
    """What there is to do."""

    OPEN_MODEL = "open-model"
    DRAW = "draw"
    SEAL_BALLOT = "seal-ballot"
    OPEN_BALLOT = "open-ballot"
    WITHDRAW = "withdraw"


WORDS: Final[Mapping[Deed, str]] = {
    Deed.OPEN_MODEL: "Open your model",
    Deed.DRAW: "Have the drawn shards shown, or lose your bond",
    Deed.SEAL_BALLOT: "Evaluate, and seal your ballot",
    Deed.OPEN_BALLOT: "Open your ballot",
    Deed.WITHDRAW: "Take what is yours",
}


@dataclass(frozen=True)
class Window:
    """When a phase begins and ends."""

    phase: Phase
    since_s: int
    until_s: int

    @property
    def lead_s(self) -> int:
        """How long before its end a reminder is of use: a quarter of it."""
        return max(1, (self.until_s - self.since_s) // 4)


@dataclass(frozen=True)
class Duty:
    """What an account has to do. window: None where there is no hurry; amount_wei: what it may take."""

    task: bytes
    phase: Phase
    deed: Deed
    window: Window | None
    amount_wei: int = 0


def windows(view: TaskView) -> tuple[Window, ...]:
    """The phases whose ends are known by now. A committee votes from when it was drawn on."""
    since_s, found = view.windows_s[0][1] - view.key.notice_s, []
    for phase, until_s in view.windows_s:
        if phase == Phase.VOTE:
            since_s = until_s - view.key.vote_s
        found.append(Window(phase, since_s, until_s))
        since_s = until_s
    return tuple(found)


def duties(chain: Chain, view: TaskView, who: str) -> tuple[Duty, ...]:
    """What the chain tells that an account has to do at a task now."""
    window = next((each for each in windows(view) if each.phase == view.phase), None)
    if view.phase.is_over:
        amount_wei = sum(claim.amount_wei for claim in owed.owed(chain, view, who))
        return (Duty(view.task, view.phase, Deed.WITHDRAW, None, amount_wei),) if amount_wei else ()
    deed = _deed(view, who)
    return () if deed is None else (Duty(view.task, view.phase, deed, window),)


def _deed(view: TaskView, who: str) -> Deed | None:
    seat = view.seat_of(who)
    is_drawn = seat is not None and seat.place is not None
    if view.phase == Phase.OPEN and who in view.sealed and view.model_of(who) is None:
        return Deed.OPEN_MODEL
    if view.phase == Phase.DRAW and who == view.key.initiator:
        return Deed.DRAW
    if view.phase == Phase.VOTE and is_drawn and seat is not None and seat.sealed is None:
        return Deed.SEAL_BALLOT
    if view.phase == Phase.BALLOT and seat is not None and seat.sealed and seat.scores_ppm is None:
        return Deed.OPEN_BALLOT
    return None


def view_of(chain: Chain, index: Session, task: str) -> TaskView:
    """A task from the index's logs, held against the words that the contract stores."""
    kept = of_type(history(index, "Quorate", task), TaskEvent)
    return tasks.view_of(chain, bytes.fromhex(task[2:]), lambda: kept)


def logs(index: Session, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many logs each of these tasks has, and the last one's block."""
    query = select(LogEntry.topic1, func.count(), func.max(LogEntry.block)).group_by(LogEntry.topic1)
    found = index.execute(query.where(LogEntry.contract == "Quorate", LogEntry.topic1.in_(ids)))
    return {task: (count, last) for task, count, last in found if task is not None}
