"""What the rollback demo found, as it is written to report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml import whole

SCHEMA = "quorate/rollback/1"


@dataclass(frozen=True)
class EpochRow:
    """An entry of the ledger. base: height of the epoch it goes on from."""

    height: int
    kind: str
    step: int
    base: int | None
    accuracy_ppm: int
    loss_micro: int
    id: str
    weights_sha256: str
    on_line: bool


@dataclass(frozen=True)
class Report:
    """One run of the demo. Accuracies of `epochs` are of held-out images, `final_ppm` of test images."""

    dataset: str
    seed: int
    nodes: int
    quorum: int
    difficulty_bits: int
    run: str
    epochs: tuple[EpochRow, ...]
    explodes_at: int
    detected_at: int
    reason: str
    target: int  # step
    target_height: int
    votes: Mapping[str, int]  # node: step that it named
    resumed_bit_exact: bool
    compared_steps: tuple[int, ...]  # trained twice, before the explosion and after the rollback
    final_ppm: int
    final_ppm_without_rollback: int
    without_rollback_ppm: tuple[int, ...]  # held-out accuracy by epoch
    recovery_rate: Mapping[str, Mapping[str, float]]  # ours, keep_last_5: {n: rate}
    gas: Mapping[str, int]
    history_bytes: int  # of all packs: weights, momentum and the state of every generator
    weights_bytes: int  # of all weights files, had each been kept whole
    wall_s: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    def write(self, path: Path) -> None:
        """Write report.json; an earlier one is replaced whole or not at all."""
        whole.write(path, f"{json.dumps(self.to_json(), indent=2)}\n".encode())
