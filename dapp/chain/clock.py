"""Chain time. Deadlines count in block time only; on a development chain waiting means travelling."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from dapp.chain.rpc import Rpc


class Clock(Protocol):
    """When it is, as the contracts see it."""

    def now_s(self) -> int:
        """Timestamp of the latest block."""

    def wait_until(self, at_s: int) -> None:
        """Return when a block has this timestamp or a later one."""

    def wait_block(self, number: int) -> None:
        """Return when the chain has a block of this number."""


class ChainClock:
    """A chain that others drive: waiting is polling."""

    def __init__(self, rpc: Rpc, poll_s: float = 1.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rpc = rpc
        self._poll_s = poll_s
        self._sleep = sleep

    def now_s(self) -> int:
        return self._rpc.block().timestamp_s

    def wait_until(self, at_s: int) -> None:
        while self.now_s() < at_s:
            self._sleep(self._poll_s)

    def wait_block(self, number: int) -> None:
        while self._rpc.block().number < number:
            self._sleep(self._poll_s)


class TravelClock:
    """A development chain whose time is ours to move: no waiting at all."""

    def __init__(self, rpc: Rpc, travel: Callable[[int], None], mine: Callable[[int], None]) -> None:
        self._rpc = rpc
        self._travel = travel
        self._mine = mine

    def now_s(self) -> int:
        return self._rpc.block().timestamp_s

    def wait_until(self, at_s: int) -> None:
        if self.now_s() < at_s:
            self._travel(at_s)

    def wait_block(self, number: int) -> None:
        missing = number - self._rpc.block().number
        if missing > 0:
            self._mine(missing)
