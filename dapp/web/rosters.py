"""Who sits where in published rosters, remembered: a roster is never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dapp.chain.client import Chain
from dapp.chain.errors import HistoryIncomplete
from dapp.chain.tasks import roster
from dapp.web.remembered import Remembered

REMEMBERED: Final = 1_000


class Rosters(Remembered[tuple[int, int], Mapping[str, int]]):
    """By number and size."""

    def __init__(self) -> None:
        super().__init__(REMEMBERED)

    def seats(self, chain: Chain, number: int, size: int) -> Mapping[str, int]:
        """The seat of each member. Raises HistoryIncomplete when the chain has another, and ChainError."""

        def read() -> Mapping[str, int]:
            members = roster(chain, number)
            if len(members) != size:
                raise HistoryIncomplete(f"roster {number} has {len(members)} members, not {size}")
            return {member: seat for seat, member in enumerate(members)}

        return self._of((number, size), read)
