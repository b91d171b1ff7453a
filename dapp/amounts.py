"""Ether and shares as people read them, exactly."""

from __future__ import annotations


def ether(wei: int) -> str:
    """`wei` in ether, exactly: 1.5 ether."""
    whole, part = divmod(abs(wei), 10**18)
    fraction = f"{part:018d}".rstrip("0")
    return f"{'-' if wei < 0 else ''}{whole}{'.' + fraction if fraction else ''} ether"


def percent(ppm: int) -> str:
    """Parts per million as a percentage, exactly: 98.4 %."""
    whole, part = divmod(ppm, 10_000)
    fraction = f"{part:04d}".rstrip("0")
    return f"{whole}{'.' + fraction if fraction else ''} %"
