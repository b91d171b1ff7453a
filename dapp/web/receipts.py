"""What transactions cost, remembered: a receipt does not change while its block stands."""

from __future__ import annotations

from typing import Final

from dapp.chain.client import Chain
from dapp.gas.audit import Spent, spent
from dapp.web.remembered import Remembered

REMEMBERED: Final = 10_000


class Receipts(Remembered[str, Spent]):
    """By transaction."""

    def __init__(self) -> None:
        super().__init__(REMEMBERED)

    def spent(self, chain: Chain, tx: str) -> Spent:
        """What one transaction cost. Raises what the audit raises."""
        return self._of(tx, lambda: spent(chain, tx))
