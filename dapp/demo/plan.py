"""What a demo will do and how long that should take. Imports nothing slow: it is shown first."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NAMES: Final = ("deploy", "task", "train", "commit", "draw", "verify", "vote", "settle", "fuse")


def _stages(*seconds: int) -> Mapping[str, int]:
    return MappingProxyType(dict(zip(NAMES, seconds, strict=True)))


STAGES: Final = MappingProxyType(
    {
        ("mnist", False): _stages(2, 1, 92, 2, 1, 129, 1, 1, 173),
        ("digits", False): _stages(2, 1, 48, 1, 1, 27, 1, 1, 12),
        ("mnist", True): _stages(2, 1, 10, 2, 1, 5, 1, 2, 90),
        ("digits", True): _stages(2, 1, 10, 2, 1, 2, 2, 3, 19),
    }
)
"""The stages in order and their seconds, by data set and whether it is the quick demo: `times_s` in the
reports of one run each on two cores with nothing beside it, seed 1; no stage below a second."""


def stages(dataset: str, quick: bool) -> Mapping[str, int]:
    """The stages of a demo, in order, and how many seconds each should take on two cores."""
    return STAGES[(dataset, quick)]


def duration(dataset: str, quick: bool) -> str:
    """How long the demo should take, for people."""
    expected_s = sum(stages(dataset, quick).values())
    return "about 1 minute" if expected_s <= 90 else f"about {round(expected_s / 60)} minutes"
