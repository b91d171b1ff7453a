"""A time limit on a whole conversation, however its bytes trickle: socket timeouts bound only each wait."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Deadline:
    """Shuts down the sockets it watches when `total_s` have passed on the monotonic clock."""

    def __init__(self, total_s: float) -> None:
        self._ends_at_s = time.monotonic() + total_s
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(total_s, self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left_s(self) -> float:
        return self._ends_at_s - time.monotonic()

    def watch(self, connected: socket.socket) -> socket.socket:
        """Returns `connected`. A duplicate is kept: TLS takes the original over."""
        self._sockets.append(connected.dup())
        if self.left_s <= 0:
            self._shut_down()
        return connected

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        for watched in self._sockets:
            watched.close()

    def _shut_down(self) -> None:
        for watched in list(self._sockets):
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)
