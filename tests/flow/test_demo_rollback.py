"""The whole rollback demo: five nodes as processes, a training that explodes, and what is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dapp.cli.main import run

pytestmark = pytest.mark.heavy

KEYS = {
    "epochs", "detected_at", "reason", "target", "votes", "quorum", "resumed_bit_exact", "final_ppm",
    "final_ppm_without_rollback", "recovery_rate", "gas",
}  # fmt: skip


@dataclass(frozen=True)
class Played:
    folder: Path
    report: dict[str, Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("rollback")
    assert run(["demo-rollback", "--out", str(folder), "--quiet"]) == 0
    yield Played(folder, json.loads((folder / "report.json").read_text()))


def test_demo_noticesVotesAndGoesBack(played: Played) -> None:
    report = played.report
    assert report.keys() >= KEYS
    assert report["explodes_at"] <= report["detected_at"] <= report["explodes_at"] + 2
    assert report["reason"] in ("nan", "loss-spike", "accuracy-collapse")
    assert set(report["votes"].values()) == {report["target"]}
    assert len(report["votes"]) >= report["quorum"] == 3


def test_demo_target_isTheBestEarlierEpoch(played: Played) -> None:
    epochs = played.report["epochs"]
    (back,) = [row for row in epochs if row["kind"] == "rollback"]
    before = [row for row in epochs if row["height"] < back["height"] - 1]
    best = max(before, key=lambda row: (row["accuracy_ppm"], -row["loss_micro"], row["height"]))
    assert (back["base"], played.report["target"]) == (best["height"], best["step"])


def test_demo_goesOnBitForBit_andEndsBetter(played: Played) -> None:
    report = played.report
    assert report["resumed_bit_exact"] is True
    assert report["target"] + 1 in report["compared_steps"]
    assert report["final_ppm"] > 900_000 > report["final_ppm_without_rollback"]
    assert max(row["step"] for row in report["epochs"] if row["on_line"]) == 60


def test_demo_recoveryRate_isMeasured(played: Played) -> None:
    rates = played.report["recovery_rate"]
    assert set(rates["ours"].values()) == {1.0} and len(rates["ours"]) == 50
    assert [rates["keep_last_5"][n] for n in ("5", "10", "50")] == [1.0, 0.5, 0.1]


def test_demo_leavesPicturesAndNoProcess(played: Played) -> None:
    for name in ("story.png", "recovery_rate.png", "tree.svg"):
        assert (played.folder / name).stat().st_size > 5_000
    for number in range(1, 6):
        said = (played.folder / f"nodes/node-{number}.log").read_text()
        assert "attested entries" in said and "ended by SIGTERM" in said


@pytest.mark.parametrize("copy", ["recorder", "node"])
def test_history_ofWhatTheDemoLeft_isShownAndVerified(
    played: Played, copy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, options = played.folder, []
    if copy == "recorder":
        options = ["--training", str(folder / "training"), "--store", f"embedded:{folder / 'store'}"]
    else:
        folder = folder / "nodes/node-2"
    where = [played.report["run"], "--data-dir", str(folder), "--json"]
    assert run(["history", *where]) == 0
    shown = json.loads(capsys.readouterr().out)["data"]["entries"]
    assert [entry["id"] for entry in shown] == [row["id"] for row in played.report["epochs"]]
    assert all(entry["registered"] for entry in shown)
    assert run(["history", "verify", *where, *options]) == 0
    verified = json.loads(capsys.readouterr().out)["data"]
    assert verified["checkpoints"] == len(shown) - 1


def test_history_withAFlippedByte_namesTheFirstBadEntry(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = played.folder / "nodes/node-3"
    packs = sorted(folder.glob("runs/*/*/packs/*"), key=lambda path: path.stat().st_size)
    damaged = packs[-1]
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.chmod(0o600)
    damaged.write_bytes(data)
    code = run(["history", "verify", played.report["run"], "--data-dir", str(folder), "--json"])
    error = json.loads(capsys.readouterr().out)["error"]
    assert (code, error["code"]) == (8, "history-damaged")
    assert error["message"].startswith("entry ")
