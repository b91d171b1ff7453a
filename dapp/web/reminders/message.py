"""A reminder as it is sent: JSON, with a sentence that holds no word of a stranger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dapp.amounts import ether
from dapp.chain.seals import Board
from dapp.moments import duration, utc
from dapp.web.due import WORDS, Deed, Duty

VERSION: Final = 1
MAX_NAME: Final = 100
PAGES: Final = {  # where it is done; else the task's page leads there
    Deed.OPEN_MODEL: "contribute",
    Deed.SEAL_BALLOT: "desk",
    Deed.OPEN_BALLOT: "desk",
}


class Moment(StrEnum):
    """Why now: there is something to do, or its window is about to close."""

    DUE = "due"
    CLOSING = "closing"


@dataclass(frozen=True)
class Reminder:
    """One duty of one account at one of its moments. name: of the task, a stranger's word."""

    board: Board
    account: str
    duty: Duty
    moment: Moment
    name: str | None

    @property
    def key(self) -> str:
        """The same whenever this reminder is made anew."""
        what = (self.board.chain_id, self.board.address, self.account, self.duty.task.hex(), self.duty.deed)
        return hashlib.sha256(" ".join(map(str, (*what, self.moment))).encode()).hexdigest()

    def body(self, now_s: int, site: str) -> bytes:
        """The request's body. site: where this server's pages are."""
        duty, window = self.duty, self.duty.window
        task = "0x" + duty.task.hex()
        document = {
            "version": VERSION,
            "id": self.key,
            "text": self._text(now_s),
            "moment": self.moment,
            "deed": duty.deed,
            "account": self.account,
            "chain_id": self.board.chain_id,
            "board": self.board.address,
            "task": task,
            "name": None if self.name is None else self.name[:MAX_NAME],
            "phase": duty.phase.name.lower(),
            "since_s": None if window is None else window.since_s,
            "until_s": None if window is None else window.until_s,
            "now_s": now_s,
            "amount_wei": str(duty.amount_wei),
            "page": f"{site}/{PAGES.get(duty.deed, 'tasks')}/{task}?account={self.account}",
        }
        return json.dumps(document, ensure_ascii=False).encode()

    def _text(self, now_s: int) -> str:
        task = f"task 0x{self.duty.task.hex()[:8]}…"
        if self.duty.window is None:
            return f"{WORDS[self.duty.deed]} of {task}: {ether(self.duty.amount_wei)}."
        until_s = self.duty.window.until_s
        return f"{WORDS[self.duty.deed]} of {task} before {utc(until_s)}: {duration(until_s - now_s)} left."
