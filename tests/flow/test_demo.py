"""The demo from end to end, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dapp.demo import report

pytestmark = pytest.mark.heavy

MNIST_ARGUMENTS = ["--dataset", "mnist", "--seed", "3"]


def played(out: Path, *arguments: str, timeout_s: int = 900) -> dict[str, Any]:
    """What `quorate demo --json` prints."""
    command = [sys.executable, "-m", "dapp", "demo", "--json", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in report.TIMES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """The report of a quick demo of Scenario II, which has every baseline."""
    document = played(folder, "--quick", "--scenario", "2", "--seed", "7")
    found: dict[str, Any] = document["data"]["report"]
    assert found == report.read(folder / "report.json")
    return found


def test_demo_quick_fusesWhatWasAccepted(found: dict[str, Any]) -> None:
    accepted = [model for model in found["models"] if model["accepted"]]
    assert (found["scenario"], found["dataset"], found["seed"]) == (2, "digits", 7)
    assert len(found["models"]) == 5 and accepted
    assert all(2 * model["votes_for"] > model["committee"] for model in accepted)
    assert all(model["score_ppm"] >= found["mafr_ppm"] for model in accepted)
    for rule in ("strategy_1", "strategy_2", "own"):
        points = found["fusion"][rule]
        assert [point["models"] for point in points] == list(range(1, len(accepted) + 1))
        assert points[-1]["test_ppm"] > found["baselines"]["best_single"]
    assert set(found["baselines"]) == {"best_single", "verifier_only", "centralised", "fedavg"}


def test_demo_quick_paysOutEveryWei(found: dict[str, Any]) -> None:
    paid_wei = sum(row["paid_wei"] for row in [*found["models"], *found["verifiers"]])
    committee = found["models"][0]["committee"]
    pot_wei = found["reward_wei"] + committee * found["fee_wei"] + found["bond_wei"]
    assert paid_wei + found["returned_wei"] == pot_wei
    assert found["escrow_left_wei"] == 0
    assert all((model["paid_wei"] > 0) == model["accepted"] for model in found["models"])


def test_demo_quick_drawsItsFigures(found: dict[str, Any], folder: Path) -> None:
    figures = sorted(path.name for path in folder.glob("*.png"))
    assert len(figures) >= 4
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in figures)
    assert found["gas"]["taskOpen"] > 21_000
    assert found["round_gas"] == sum(found["gas_together"].values()) > sum(found["gas"].values())
    assert (found["gas_times"]["taskOpen"], found["gas_times"]["settle"]) == (1, 1)


@pytest.mark.long
def test_demo_quick_withTheSameSeed_givesTheSameReport(found: dict[str, Any], tmp_path: Path) -> None:
    again = played(tmp_path, "--quick", "--scenario", "2", "--seed", "7")["data"]["report"]
    assert without_times(again) == without_times(found)


@pytest.mark.long
@pytest.mark.skipif("MNIST_DIR" not in os.environ, reason="MNIST_DIR does not name a folder with MNIST")
def test_demo_mnist_withTheSameSeed_givesTheSameReport(tmp_path: Path) -> None:
    first, second = (
        played(tmp_path / name, *MNIST_ARGUMENTS, timeout_s=3_600)["data"]["report"] for name in ("a", "b")
    )
    assert without_times(first) == without_times(second)
