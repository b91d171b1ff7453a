"""What all recovery files have in common: what they are about, and that they are of this chain and board."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dapp.chain.seals import Board
from dapp.stages.context import NotSealedHere
from dapp.web.desk.acts import GivenTask


class RecoveryRefused(NotSealedHere):
    """A recovery file of another chain, board, task or account."""

    code = "recovery-refused"
    default_fix = "Choose the recovery file of this ballot or model: its name begins with the task's id."


class GivenRecovery(GivenTask):
    """What a recovery file holds, deciphered in the page: what it is about; kinds add what it opens."""

    board: str = Field(pattern="^0x[0-9a-fA-F]{40}$")
    chain_id: int

    def check(self, board: Board) -> None:
        """Raise RecoveryRefused for a file of elsewhere."""
        if (self.chain_id, self.board) != (board.chain_id, board.address):
            raise RecoveryRefused(f"the file is of chain {self.chain_id} and board {self.board}")


def about(board: Board, given: GivenTask, account: str) -> dict[str, Any]:
    """What stands in a recovery file in clear."""
    return {"chain_id": board.chain_id, "board": board.address, "task": given.task, "account": account}
