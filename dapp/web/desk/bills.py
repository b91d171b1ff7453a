"""Estimates of planned tasks: each is played once, and remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from dapp.gas.estimate import Bill, Plan, estimate
from dapp.web.turnstile import WORK, Turnstile

REMEMBERED: Final = 64


class Bills:
    """The last so many that were asked for."""

    def __init__(self, work: Turnstile) -> None:
        self._work = work
        self._known: OrderedDict[Plan, Bill] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, plan: Plan) -> Bill:
        """What a plan will cost. Raises PlanImpossible, and TooBusy for one that has to be played."""
        found = self._remembered(plan)
        if found is not None:
            return found
        with self._work.turn():
            found = self._remembered(plan) or estimate(plan)  # who waited may find it made
        with self._guard:
            self._known[plan] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _remembered(self, plan: Plan) -> Bill | None:
        with self._guard:
            if plan in self._known:
                self._known.move_to_end(plan)
            return self._known.get(plan)


BILLS: Final = Bills(WORK)
