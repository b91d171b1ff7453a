"""What a demo found, as frozen data and as report.json: whole numbers with their units in the names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ml import whole

SCHEMA: Final = "quorate/demo/1"
TIMES: Final = ("wall_s", "times_s", "machine")
"""Fields that two runs with the same seed may differ in."""


@dataclass(frozen=True)
class ModelRow:
    """One submitted model. `contributor` and `cid` are on chain; scores are medians of the committee's."""

    number: int  # 1 to 5, as in Tables I and II
    contributor: str
    labels: tuple[int, ...]
    cid: str  # of the manifest
    sha256: str  # of the weights file
    weights_bytes: int
    claimed_ppm: int
    own_verification_ppm: int  # on the contributor's own verification data (Figs. 6 and 8)
    score_ppm: int
    scores_ppm: tuple[int, ...]  # one per opened ballot
    votes_for: int
    committee: int
    accepted: bool
    paid_wei: int


@dataclass(frozen=True)
class VerifierRow:
    """One verifier of the pool, and whether it was drawn."""

    address: str
    drawn: bool
    voted: bool
    paid_wei: int


@dataclass(frozen=True)
class FusedPoint:
    """Accuracy once the first `models` accepted models are fused."""

    models: int
    verification_ppm: int  # on the drawn shards
    test_ppm: int  # on the data set's test images, which nobody trains on


@dataclass(frozen=True)
class Report:
    """Everything the demo shows at its end."""

    scenario: int
    dataset: str
    seed: int
    quick: bool
    mafr_ppm: int
    task: str
    fusion_rule: str  # that the verifiers score by
    own_rule: str  # name of the rule reported as `own`
    test_samples: int
    models: tuple[ModelRow, ...]
    verifiers: tuple[VerifierRow, ...]
    fusion: Mapping[str, tuple[FusedPoint, ...]]  # strategy_1, strategy_2, own
    baselines: Mapping[str, int]  # name: accuracy on the test images, ppm
    gas: Mapping[str, int]  # operation: gas of its dearest transaction
    gas_together: Mapping[str, int]  # operation: gas of all its transactions
    gas_times: Mapping[str, int]  # operation: how many they are
    round_gas: int  # all transactions of the task together, without deployment and pool
    setup_gas: Mapping[str, int]
    escrow_left_wei: int
    reward_wei: int
    fee_wei: int
    bond_wei: int
    returned_wei: int  # to the initiator, of reward, fees and bond
    wall_s: int
    times_s: Mapping[str, int] = field(default_factory=dict)  # stage: seconds
    machine: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    def without_times(self) -> dict[str, Any]:
        """What two runs with the same arguments must agree in."""
        return {key: value for key, value in self.to_json().items() if key not in TIMES}

    def write(self, path: Path) -> None:
        """Write report.json; an earlier one is replaced whole or not at all."""
        whole.write(path, f"{json.dumps(self.to_json(), indent=2)}\n".encode())


def read(path: Path) -> dict[str, Any]:
    """A report as `Report.write` wrote it."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
