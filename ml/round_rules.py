"""What a lineage asks of its rounds, and how a ballot says which models they take (decision 0011)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from ml.errors import InvalidSpec
from ml.fields import Fields

PPM: Final = 1_000_000
TAKEN: Final = PPM // 2  # a round's MAFR: a score from here on says that the model is to be taken
IMPROVE: Final = "improve"
EXTEND: Final = "extend"
KINDS: Final = (IMPROVE, EXTEND)


@dataclass(frozen=True)
class RoundRules:
    """What a lineage asks of every round, in parts per million.

    step_ppm             by how much the likelihood must pass the head's: less can be luck of the draw
    claim_tolerance_ppm  by how much a sealed claim may pass what is measured
    old_drop_ppm         how much accuracy on the head's labels an extension may cost
    new_bar_ppm          the accuracy that an extension must reach on each new label
    """

    step_ppm: int = 1_000
    claim_tolerance_ppm: int = 50_000
    old_drop_ppm: int = 20_000
    new_bar_ppm: int = 900_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= PPM:
                raise InvalidSpec(f"{name} must be between 0 and {PPM}, it is {value}")


def read_rules(rules: Fields) -> RoundRules:
    """The rules in an untrusted JSON object. Raises InvalidSpec."""
    read = RoundRules(**{entry.name: rules.integer(entry.name, 0, PPM) for entry in fields(RoundRules)})
    rules.done()
    return read


def ballot_score(likelihood: int, *, taken: bool) -> int:
    """Half the likelihood, and half of one beside it for a model that is to be taken."""
    half = min(likelihood // 2, TAKEN - 1)
    return half + TAKEN if taken else half


def measured_ppm(score_ppm: int) -> int:
    """The likelihood that a ballot's score tells, to two parts per million."""
    return 2 * (score_ppm - TAKEN if score_ppm >= TAKEN else score_ppm)
