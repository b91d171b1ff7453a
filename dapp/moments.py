"""Seconds as people read them: times of day, and how long."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at_s: int) -> str:
    """A time of the chain in ISO 8601, as clocks here show it."""
    return datetime.fromtimestamp(at_s).astimezone().isoformat(timespec="seconds")


def utc(at_s: int) -> str:
    """A time of the chain as calendars have it; nothing for one that they do not reach."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC") if at_s < 2**36 else ""


def duration(seconds: float) -> str:
    """`seconds` for people: 40 s, 3 min 20 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
