"""What transactions cost, remembered: a receipt does not change while its block stands."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from dapp.chain.client import Chain
from dapp.gas.audit import Spent, spent

REMEMBERED: Final = 10_000


class Receipts:
    """The last so many that were asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Spent] = OrderedDict()
        self._guard = threading.Lock()

    def spent(self, chain: Chain, tx: str) -> Spent:
        """What one transaction cost. Raises what the audit raises."""
        with self._guard:
            if tx in self._known:
                self._known.move_to_end(tx)
                return self._known[tx]
        found = spent(chain, tx)
        with self._guard:
            self._known[tx] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        """A reorganisation may have put transactions into other blocks."""
        with self._guard:
            self._known.clear()
