"""How many images everyone has in the life-long demo, and what a lineage asks and pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ml.growth import OPTIONS
from ml.growth.growing import SCATTERING
from ml.round_rules import RoundRules

ETHER: Final = 10**18
RULE: Final = "subspace"
PRIZE_WEI: Final = ETHER  # of a round
FEE_WEI: Final = ETHER // 20  # of a verifier who votes
BOND_WEI: Final = ETHER // 2
CHALLENGE_S: Final = 3_600
VERIFIERS: Final = 4  # in the pool
COMMITTEE: Final = 3  # of them drawn


@dataclass(frozen=True)
class Rivals:
    """How the networks beside us are trained."""

    hidden: int
    epochs: int
    batch: int
    stored: int  # examples that replay may keep


@dataclass(frozen=True)
class Budget:
    """Numbers of images are of each class."""

    private: int  # that a participant trains on
    check: int  # that it keeps to check its claim
    scarce: int  # that an initiator of few images has
    caution: int  # as what part of its measure such an initiator claims: one in so many
    public: int  # development images
    shown: int  # in the shards of a round; nobody else has them, and no other round
    shards: int
    drawn: int  # of them
    scattering: Mapping[str, int]
    options: Mapping[str, int]
    rules: RoundRules
    thresholds_ppm: Mapping[
        str, int
    ]  # likelihood from which a head is good enough to be extended, by protocol
    rivals: Rivals


MNIST: Final = Budget(
    private=600,
    check=100,
    scarce=20,
    caution=2,
    public=30,
    shown=120,
    shards=20,
    drawn=10,
    scattering=SCATTERING,
    options=OPTIONS,
    rules=RoundRules(),
    thresholds_ppm=MappingProxyType({"5+5": 900_000, "5x2": 800_000}),
    rivals=Rivals(hidden=400, epochs=15, batch=64, stored=500),
)
DIGITS: Final = Budget(
    private=14,
    check=4,
    scarce=2,
    caution=10,
    public=4,
    shown=8,
    shards=6,
    drawn=5,
    scattering=MappingProxyType({"scales": 2, "orientations": 2}),
    options=MappingProxyType({"directions": 12}),
    # few images judge: one wrong of seven costs 143,000 ppm of accuracy, one of forty 290,000 of likelihood
    rules=RoundRules(claim_tolerance_ppm=300_000, old_drop_ppm=150_000, new_bar_ppm=400_000),
    thresholds_ppm=MappingProxyType({"5+5": 110_000, "5x2": 0}),
    rivals=Rivals(hidden=100, epochs=30, batch=32, stored=50),
)
QUICK_MNIST: Final = replace(MNIST, private=100, check=20, shown=30, shards=6, drawn=5)


def budget_of(dataset: str, quick: bool) -> Budget:
    """The budget for a data set."""
    if dataset == "mnist":
        return QUICK_MNIST if quick else MNIST
    return DIGITS
