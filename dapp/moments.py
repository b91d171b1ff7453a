"""Seconds of the chain as times of day."""

from __future__ import annotations

from datetime import datetime


def moment(at_s: int) -> str:
    """A time of the chain in ISO 8601, as clocks here show it."""
    return datetime.fromtimestamp(at_s).astimezone().isoformat(timespec="seconds")
