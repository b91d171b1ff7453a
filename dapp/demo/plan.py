"""What a demo will do and how long that should take. Imports nothing slow: it is shown first."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

STAGES: Final = MappingProxyType(
    {
        "deploy": 1,
        "task": 1,
        "train": 45,
        "commit": 1,
        "draw": 1,
        "verify": 25,
        "vote": 1,
        "settle": 1,
        "fuse": 24,
    }
)
"""The stages in order, and what share of the time each takes; estimated, not yet measured."""

SECONDS: Final = MappingProxyType(
    {("mnist", False): 480, ("digits", False): 240, ("mnist", True): 90, ("digits", True): 45}
)
"""Seconds on two cores, by data set and whether it is the quick demo; estimated, not yet measured."""


def seconds(dataset: str, quick: bool) -> int:
    """How long a demo should take on two cores."""
    return SECONDS[(dataset, quick)]


def minutes(dataset: str, quick: bool) -> str:
    """The same for people."""
    expected_s = seconds(dataset, quick)
    return "about 1 minute" if expected_s <= 90 else f"about {round(expected_s / 60)} minutes"
