"""What the life-long demo will do and how long that should take. Imports nothing slow: it is shown first."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dapp.demo.lifelong.protocols import PARTICIPANTS, PROTOCOLS

NAMES: Final = (
    "deploy",
    *(
        name
        for protocol in PROTOCOLS
        for name in (
            f"{protocol.name} start",
            *(f"{protocol.name} round {number}" for number in range(1, len(protocol.turns) + 1)),
            f"{protocol.name} end",
        )
    ),
    "compare",
)


def _stages(*seconds: int) -> Mapping[str, int]:
    return MappingProxyType(dict(zip(NAMES, seconds, strict=True)))


STAGES: Final = MappingProxyType(
    {
        ("mnist", False): _stages(26, 2, 29, 30, 12, 26, 7, 1, 14, 19, 24, 44, 13, 94),
        ("digits", False): _stages(*[3] * 14),
        ("mnist", True): _stages(*[10] * 14),
        ("digits", True): _stages(2, 1, 6, 6, 5, 6, 13, 1, 5, 5, 5, 7, 13, 1),
    }
)
"""The stages in order and their seconds, by data set and whether it is the quick demo: `times_s` of one MNIST
run on two cores with nothing beside it, seed 1; quick digits: seconds of one core in one run, seed 2. The
others are estimates."""


def announcement(dataset: str, seed: int, quick: bool) -> str:
    """What is about to happen, and how long it should take."""
    chain = "a chain within this process" if quick else "a local chain (anvil)"
    names = " and ".join(protocol.name for protocol in PROTOCOLS)
    stages = STAGES[dataset, quick]
    expected_s = sum(stages.values())
    length = "about 1 minute" if expected_s <= 90 else f"about {round(expected_s / 60)} minutes"
    return (
        f"Life-long learning, {PARTICIPANTS} participants: {dataset}, protocols {names}, seed {seed},"
        f" on {chain}.\n"
        f"{len(stages)} stages, {length} on 2 cores."
    )
