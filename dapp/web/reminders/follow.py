"""Follows the chain and sends what is due: tried again with growing pauses for as long as it is due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from dapp.chain.errors import EndpointDown, HistoryIncomplete
from dapp.chain.words import Phase
from dapp.index import Caught, parts
from dapp.index.parts import Part
from dapp.web import due
from dapp.web.backend import Backend, Now, place_of
from dapp.web.due import Duty
from dapp.web.reminders.message import Moment, Reminder
from dapp.web.reminders.sent import Sent
from dapp.web.reminders.settings import ReminderSettings
from dapp.web.reminders.webhook import NotTaken, post
from ml.errors import QuorateError

_log = logging.getLogger(__name__)
FIRST_PAUSE_S: Final = 5.0
LAST_PAUSE_S: Final = 600.0
LOOK_S: Final = 1.0  # between two looks at what is to be tried again
END_S: Final = 5.0
Post = Callable[[str, bytes, str], None]
Looked = tuple[Phase, int, int]  # a task's phase and logs: while they stay, its duties do


@dataclass
class _Trying:
    """A reminder that was not taken so far."""

    pause_s: float = FIRST_PAUSE_S
    at: float = 0.0  # of the monotonic clock


@dataclass(eq=False)
class Reminders:
    """What is due for some accounts, sent to their webhook.

    site   where this server's pages are
    clock  seconds that only grow
    """

    backend: Backend
    settings: ReminderSettings
    sent: Sent
    site: str
    post: Post = post
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[Looked, tuple[tuple[str, Duty], ...]]] = field(default_factory=dict)
    _unread: dict[str, Looked] = field(default_factory=dict)
    _trying: dict[str, _Trying] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _news: threading.Event = field(default_factory=threading.Event)
    _reorganised: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def open(cls, backend: Backend, settings: ReminderSettings, data_dir: Path, site: str) -> Reminders:
        """With this chain's and board's list in the data directory. Raises RemindersBusy, -Full, -Damaged."""
        folder = data_dir / "reminders" / place_of(backend.chain)
        return cls(backend, settings, Sent.of_folder(folder), site)

    def start(self) -> None:
        """Follow in a thread until `close`."""
        self.backend.heard.append(self._tell)
        self._thread = threading.Thread(target=self._follow, name="quorate-reminders", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. A webhook that is being asked is not waited for: what it took is told once more."""
        self._stop.set()
        self._news.set()
        if self._thread is not None:
            self.backend.heard.remove(self._tell)
            self._thread.join(END_S)
        self.sent.close()

    def look(self) -> None:
        """Send what is due and was not sent, and what may be tried again."""
        if self._reorganised.is_set():
            self._reorganised.clear()
            self._known.clear()
        now_s, wanted = self.backend.now.at_s, {}
        for reminder in self._wanted(now_s):
            wanted[reminder.key] = reminder
        self._trying = {key: trying for key, trying in self._trying.items() if key in wanted}
        for key, reminder in wanted.items():
            if self._stop.is_set() or not self._send(key, reminder, now_s):
                return

    def _send(self, key: str, reminder: Reminder, now_s: int) -> bool:
        """Whether the next one may be sent: a webhook that does not answer is left alone."""
        if key in self.sent:
            return True
        trying = self._trying.setdefault(key, _Trying())
        if self.clock() < trying.at:
            return True
        try:
            self.post(self.settings.webhook, reminder.body(now_s, self.site), key)
        except NotTaken as refused:
            trying.at = self.clock() + trying.pause_s
            trying.pause_s = min(2 * trying.pause_s, LAST_PAUSE_S)
            _log.warning("the webhook did not take reminder %s: %s", key[:8], refused)
            return refused.answered
        self.sent.add(key)
        del self._trying[key]
        return True

    def _wanted(self, now_s: int) -> Iterator[Reminder]:
        board = self.backend.chain.board
        for row, who, duty in self._duties(now_s):
            moment = Moment.DUE
            if duty.window is not None:
                lead_s = min(self.settings.before_s, duty.window.lead_s)
                if now_s >= duty.window.until_s - lead_s:
                    moment = Moment.CLOSING
            yield Reminder(board, who, duty, moment, row.name)

    def _duties(self, now_s: int) -> Iterator[tuple[Part, str, Duty]]:
        chain = self.backend.chain
        with self.backend.index.session() as session:
            rows = self._asking(session, now_s)
            logs = due.logs(session, list(rows))
            self._known = {task: known for task, known in self._known.items() if task in rows}
            self._unread = {task: looked for task, looked in self._unread.items() if task in rows}
            for row in rows.values():
                looked = (row.phase, *logs[row.task])
                if self._known.get(row.task, (None,))[0] != looked:
                    try:
                        view = due.view_of(chain, session, row.task)
                        found = [(w, d) for w in self.settings.accounts for d in due.duties(chain, view, w)]
                    except EndpointDown:
                        raise
                    except HistoryIncomplete:  # the chain is ahead of the index, or its node has lost logs
                        continue
                    except (QuorateError, ValueError, LookupError, ArithmeticError) as error:
                        self._cannot_read(row.task, looked, error)
                        continue
                    if view.phase != row.phase:
                        continue
                    self._known[row.task] = looked, tuple(found)
                for who, duty in self._known[row.task][1]:
                    yield row, who, duty

    def _cannot_read(self, task: str, looked: Looked, error: Exception) -> None:
        """A task alone is left out, and said so once for as long as nothing happens at it."""
        if self._unread.get(task) != looked:
            _log.warning("no reminders of task %s: it cannot be read (%s)", task, type(error).__name__)
        self._unread[task] = looked

    def _asking(self, session: Session, now_s: int) -> dict[str, Part]:
        """The tasks that ask something of the accounts, or may."""
        seats = partial(self.backend.rosters.seats, self.backend.chain)
        accounts = self.settings.accounts
        return {part.task: part for who in accounts for part in parts.of_account(session, who, now_s, seats)}

    def _tell(self, now: Now, caught: Caught) -> None:
        if caught.went_back_to is not None:
            self._reorganised.set()
        self._news.set()

    def _follow(self) -> None:
        self._news.set()
        while not self._stop.is_set():
            news = self._news.wait(LOOK_S)
            self._news.clear()
            if not news and not self._may_try():
                continue
            try:
                self.look()
            except QuorateError as error:
                _log.warning("reminders: %s: %s", error.code, error.message)
            except Exception:
                if self._stop.is_set():  # the list is closed
                    return
                _log.exception("reminders failed; they are tried again with the next block")

    def _may_try(self) -> bool:
        return any(trying.at <= self.clock() for trying in self._trying.values())
