"""Amounts of ether as people write them, and as whole wei."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from dapp.amounts import ether, percent
from dapp.cli.errors import Usage

__all__ = ["ether", "parse_wei", "percent"]

UNITS: Final = {"wei": 1, "gwei": 10**9, "ether": 10**18}
MAX_WEI: Final = 2**96 - 1
_AMOUNT = re.compile(r"(\d{1,30}(?:\.\d{1,18})?)\s*(wei|gwei|ether)")


def parse_wei(text: str) -> int:
    """Wei in `text`, for example 1.5ether. Raises Usage: no unit, parts of a wei, above 2**96 - 1."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise Usage(
            f"{text[:40]!r} is no amount", fix="Write a number and its unit: 0.5ether, 20gwei or 1000wei."
        )
    wei = Decimal(match[1]) * UNITS[match[2]]
    if wei != int(wei) or wei > MAX_WEI:
        raise Usage(f"{text[:40]!r} is not a whole number of wei up to 2^96 - 1")
    return int(wei)
