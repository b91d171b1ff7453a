"""What the life-long demo found, as it is written to report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ml import whole

SCHEMA: Final = "quorate/lifelong/1"
TIMES: Final = ("wall_s", "times_s", "machine")
"""Fields that two runs with the same arguments may differ in."""


@dataclass(frozen=True)
class Candidate:
    """A model that was opened in a round; `reason` speaks of others of the same round by their numbers."""

    model: int  # its number in the round, in order of opening, from 0
    contributor: str
    name: str
    classes: tuple[str, ...]  # that it brings; none where it improves
    claimed_ppm: int  # likelihood
    measured_ppm: int | None  # likelihood, median of the ballots
    votes_for: int
    taken: bool  # whether it is in the head that stands
    reason: str | None  # of an honest verifier, for one that it would not take


@dataclass(frozen=True)
class Step:
    """A head, or the attempt at one. Accuracies are of the head that stands, on test images."""

    kind: str  # start, improve, extend
    task: str | None
    classes: tuple[str, ...]  # new ones
    classes_seen: tuple[str, ...]
    accuracy_all_seen_ppm: int
    accuracy_old_ppm: int | None
    forgetting_ppm: int | None
    backward_transfer_ppm: int | None
    likelihood_ppm: int  # as it stands on chain
    accepted: bool  # and not overturned
    overturned: bool
    taught_by: tuple[str, ...]  # where nothing was accepted, those who tried
    refused: str | None = None  # why no head of this round stands; None where one does
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class RivalStep:
    """A rival after it learned the same classes from the same images."""

    classes: tuple[str, ...]
    accuracy_all_seen_ppm: int
    accuracy_old_ppm: int | None
    forgetting_ppm: int | None
    backward_transfer_ppm: int | None


@dataclass(frozen=True)
class Overturning:
    """How the cheat ended."""

    task: str
    cheat: str
    challenger: str
    tensor: str
    place: int
    colluding_votes: int
    committee: int
    challenger_paid_wei: int
    head_before: int
    head_after: int


@dataclass(frozen=True)
class BadgeRow:
    """A badge that an account holds."""

    account: str
    name: str
    kind: str
    task: str  # first bytes of its id
    points: int


@dataclass(frozen=True)
class Life:
    """One lineage from its first head to its end."""

    protocol: str
    lineage: str
    rule: str
    threshold_ppm: int
    steps: tuple[Step, ...]
    rounds: int
    participants: int  # who opened at least one model
    models_opened: int  # by all of them, in all rounds
    models_taken: int  # of those, in heads that stand
    baselines: Mapping[str, tuple[RivalStep, ...]]
    old_weights_changed: (
        int  # tensors of a head whose bytes are not the same in the next, over all extensions
    )
    old_weights_compared: int
    cheat: Overturning | None
    badges: tuple[BadgeRow, ...]
    reputation: Mapping[str, int]  # what each one's badges add up to, by name
    gas: Mapping[str, int]  # operation: gas of its dearest transaction
    prizes_paid_wei: int
    prizes_returned_wei: int
    lineage_left_wei: int  # the contract's balance once it ended


@dataclass(frozen=True)
class Report:
    """One run of the demo."""

    dataset: str
    seed: int
    quick: bool
    test_samples: int
    forgetting: str  # its definition
    backward_transfer: str
    protocols: tuple[Life, ...]
    prizes_wei: int  # of both lineages
    escrow_left_wei: int
    setup_gas: Mapping[str, int]
    wall_s: int
    times_s: Mapping[str, int] = field(default_factory=dict)
    machine: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        value: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA, **asdict(self)}))
        return value

    def without_times(self) -> dict[str, Any]:
        """What two runs with the same arguments must agree in."""
        return {key: value for key, value in self.to_json().items() if key not in TIMES}

    def write(self, path: Path) -> None:
        """Write report.json; an earlier one is replaced whole or not at all."""
        whole.write(path, f"{json.dumps(self.to_json(), indent=2)}\n".encode())
