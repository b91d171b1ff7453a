"""Long work that a page starts: so much at once, a few who wait, and everyone else comes again later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ml.errors import QuorateError

AT_ONCE: Final = 2
WAITING: Final = 4  # each holds one of the threads that make pages
WAIT_S: Final = 10.0
COME_AGAIN_S: Final = 3


class TooBusy(QuorateError):
    """The server does as much long work as it takes on: estimates, comparisons of weights, large copies."""

    code = "too-busy"
    default_fix = "Ask again in a few seconds."

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True, status=503, retry_after_s=COME_AGAIN_S)


class Turnstile:
    """Places for long work."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, wait_s: float = WAIT_S) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._inside = threading.BoundedSemaphore(at_once + waiting)
        self._wait_s = wait_s

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A place for as long as the `with` block; never inside of another. Raises TooBusy."""
        if not self._inside.acquire(blocking=False):
            raise TooBusy("too much long work waits already")
        try:
            if not self._places.acquire(timeout=self._wait_s):
                raise TooBusy(f"no place for long work became free in {self._wait_s:g} s")
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._inside.release()


WORK: Final = Turnstile()  # of this process: its processors are what is short
FETCH: Final = Turnstile()  # what a page waits for from a store: a slow peer takes no place for work
