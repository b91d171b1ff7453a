"""What ends a run from outside. It arrives as an exception, so that every `with` closes what it opened: child
processes, journals, temporary folders.
"""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S: Final = 15.0  # in which what was opened is closed, and further signals are not heard

_heard_s: float | None = None


class EndedBySignal(BaseException):
    """SIGTERM, or SIGHUP when the terminal is closed. Ctrl-C arrives as KeyboardInterrupt, as ever."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.name = signal.Signals(number).name


def listen() -> None:
    """From now on these signals end the run in order; those that the caller has us ignore (nohup) stay so."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def hear_no_more() -> None:
    """The run is over: a signal that comes while the interpreter ends does not change the exit code."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    global _heard_s
    now_s = time.monotonic()
    if _heard_s is not None and now_s - _heard_s < GRACE_S:
        return
    _heard_s = now_s
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise EndedBySignal(number)
