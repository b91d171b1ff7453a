"""Values of calls and messages as people read them; dapp/web/static/js/shown.js writes the same.

The unit is in the name, as everywhere: rewardWei, mafrPpm, voteSeconds.
"""

from __future__ import annotations

import re
from typing import Final

from eth_utils import to_checksum_address

from dapp.amounts import ether, percent

_UNIT: Final = re.compile(r"(Wei|Ppm|Seconds|(?<=[a-z])S)$")
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def label(name: str) -> str:
    """A parameter's name in words, without its unit: rewardWei is `reward`."""
    return _WORDS.sub(" ", _UNIT.sub("", name) or name).lower()


def unit(name: str) -> str | None:
    """The unit that a name ends in: Wei, Ppm, Seconds or S."""
    found = _UNIT.search(name)
    return found[0] if found else None


def shown(name: str, type_: str, value: object) -> str:
    """One value with its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _number(name, value)
    if isinstance(value, bytes):
        if name == "scores" and type_ == "bytes" and len(value) % 3 == 0:
            return _scores(value)
        return "0x" + value.hex()
    return str(to_checksum_address(str(value))) if type_ == "address" else str(value)


def abridged(text: str) -> str:
    """Long hexadecimal by its ends."""
    is_long = text.startswith("0x") and len(text) > 2 + 2 * 20 and " " not in text
    return f"{text[:10]}…{text[-4:]}" if is_long else text


def lasting(seconds: int) -> str:
    """A time, exactly: 3,630 seconds are 1 h 30 s."""
    parts, left = [], seconds
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts) or "0 s"


def _number(name: str, value: int) -> str:
    kind = unit(name)
    if name == "value" or kind == "Wei":
        return ether(value)
    if kind == "Ppm":
        return percent(value)
    return f"{value:,}" if kind is None else lasting(value)


def _scores(packed: bytes) -> str:
    scores = [int.from_bytes(packed[i : i + 3], "big") for i in range(0, len(packed), 3)]
    return ", ".join(percent(score) for score in scores) or "none"
