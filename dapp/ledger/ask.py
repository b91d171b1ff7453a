"""Asking a run's nodes for a rollback: the one transaction that opens a vote."""

from __future__ import annotations

from typing import Final

from dapp.chain.client import Chain, Receipt
from dapp.chain.ledger import RunView

REASON_BYTES: Final = 32


def step_of(run: bytes, vote: int) -> str:
    """What the journal calls it."""
    return f"ledger.rollbackOpen/{run.hex()}/{vote}"


def ask(chain: Chain, view: RunView, vote: int, reason: bytes) -> Receipt:
    """Open the vote of this number, as the run's recorder or one of its nodes; sent once.

    reason: at most 32 bytes, words or the id of an entry to go back to. Raises ContractRefused (NotOfRun,
    NothingToRollBack, VoteIsOpen, VotePauses).
    """
    seat = view.seat(chain.address) if chain.address in view.nodes else 0
    call = chain.ledger.call("rollbackOpen", view.run, seat, reason.ljust(REASON_BYTES, b"\0"))
    return chain.send(step_of(view.run, vote), call)
