"""Figures as cells of tables."""

from __future__ import annotations

from typing import Final

from dapp.gas.measure import Gas

BOTH: Final = "today|as announced"


def number(value: int) -> str:
    """With its thousands apart."""
    return f"{value:,}"


def both(gas: Gas | None) -> tuple[str, str]:
    """Under both schedules; nothing for None."""
    return ("", "") if gas is None else (number(gas.today), number(gas.announced))
