"""Figures as cells of tables."""

from __future__ import annotations

from typing import Final

from dapp.gas.measure import Gas

BOTH: Final = "today|as announced"
KINDS: Final = {
    "everyone alone": "a task, everyone alone",
    "batched": "a task, batched",
    "overturned": "an extension overturned",
    "sizes": "a task of one model",
    "pool": "a pool",
    "run": "a run",
    "far back": "a run that goes far back",
    "tasks": "many tasks",
}
"""What is played, where a report names it."""


def number(value: int) -> str:
    """With its thousands apart."""
    return f"{value:,}"


def both(gas: Gas | None) -> tuple[str, str]:
    """Under both schedules; nothing for None."""
    return ("", "") if gas is None else (number(gas.today), number(gas.announced))
