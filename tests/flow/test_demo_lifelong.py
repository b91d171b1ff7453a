"""The life-long demo on digits from end to end: both protocols, the cheat, and where all ether went."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dapp.cli.main import run
from dapp.demo.lifelong.report import TIMES

pytestmark = pytest.mark.heavy

STEP = {"classes", "accuracy_all_seen_ppm", "accuracy_old_ppm", "forgetting_ppm"}
KEYS = {"protocol", "steps", "baselines", "old_weights_changed", "badges", "gas"}
RIVALS = {"naive", "head_only", "icarl", "joint", "joint_own"}


@dataclass(frozen=True)
class Played:
    folder: Path
    report: dict[str, Any]

    def life(self, protocol: str) -> dict[str, Any]:
        return next(life for life in self.report["protocols"] if life["protocol"] == protocol)


def play(folder: Path) -> Played:
    assert run(["demo-lifelong", "--quick", "--out", str(folder), "--quiet"]) == 0
    return Played(folder, json.loads((folder / "report.json").read_text()))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    yield play(tmp_path_factory.mktemp("lifelong"))


def test_demo_quick_reportsBothProtocols(played: Played) -> None:
    assert [life["protocol"] for life in played.report["protocols"]] == ["5+5", "5x2"]
    for life in played.report["protocols"]:
        assert life.keys() >= KEYS and set(life["baselines"]) == RIVALS
        taught = [step for step in life["steps"] if step["accepted"] and step["kind"] != "improve"]
        for step in life["steps"]:
            assert step.keys() >= STEP | {"accepted", "taught_by"} and step["taught_by"]
        for course in life["baselines"].values():
            assert [step["classes"] for step in course] == [step["classes"] for step in taught]
            assert all(step.keys() >= STEP for step in course)
        assert sorted(taught[-1]["classes_seen"]) == list("0123456789")
        assert all(gas > 21_000 for gas in life["gas"].values())


def test_demo_quick_leavesOldWeightsAsTheyWere(played: Played) -> None:
    for life in played.report["protocols"]:
        assert life["old_weights_changed"] == 0
        assert life["old_weights_compared"] > 10


def test_demo_quick_twoTeachDifferentClassesInOneRound(played: Played) -> None:
    improve, extend = played.life("5+5")["steps"][1:3]
    assert (improve["kind"], len(improve["candidates"]), len(improve["taught_by"])) == ("improve", 3, 1)
    assert [len(c["classes"]) for c in extend["candidates"]] == [2, 1]
    assert len(extend["taught_by"]) == 2 and all(c["taken"] for c in extend["candidates"])


def test_demo_quick_manyTeach_andOneOfTwoRivalsIsTaken(played: Played) -> None:
    life = played.life("5x2")
    teachers = {account for step in life["steps"][1:] for account in step["taught_by"]}
    last = life["steps"][-1]
    assert len(teachers) >= 3
    assert [c["taken"] for c in last["candidates"]].count(True) == len(last["taught_by"]) == 1


def test_demo_quick_beatsFineTuning_withoutStoringAnything(played: Played) -> None:
    for life in played.report["protocols"]:
        ours, naive = life["steps"][-1], life["baselines"]["naive"][-1]
        assert ours["accuracy_all_seen_ppm"] > 850_000 > naive["accuracy_all_seen_ppm"]
        assert ours["forgetting_ppm"] < naive["forgetting_ppm"]


def test_demo_quick_overturnsTheCheat_andPaysWhoFoundIt(played: Played) -> None:
    life = played.life("5+5")
    cheat = life["cheat"]
    (step,) = [step for step in life["steps"] if step["overturned"]]
    assert (step["task"], step["accepted"], step["taught_by"]) == (cheat["task"], False, [cheat["cheat"]])
    assert 2 * cheat["colluding_votes"] > cheat["committee"] > cheat["colluding_votes"]
    assert "changed" in step["candidates"][0]["reason"]
    assert cheat["head_before"] == cheat["head_after"] + 1
    assert cheat["challenger_paid_wei"] == 10**18 // 2
    assert len(step["classes_seen"]) == 8
    assert "overturn" in life["gas"]
    assert played.life("5x2")["cheat"] is None


def test_demo_quick_accountsForEveryWei(played: Played) -> None:
    report = played.report
    challenged = sum(life["cheat"]["challenger_paid_wei"] for life in report["protocols"] if life["cheat"])
    paid = sum(life["prizes_paid_wei"] + life["prizes_returned_wei"] for life in report["protocols"])
    assert paid + challenged == report["prizes_wei"]
    assert [life["lineage_left_wei"] for life in report["protocols"]] == [0, 0]
    assert report["escrow_left_wei"] == 0


def test_demo_quick_givesBadgesToWhoEarnedThem(played: Played) -> None:
    for life in played.report["protocols"]:
        held = {(badge["account"], badge["kind"], badge["task"]) for badge in life["badges"]}
        assert len(held) == len(life["badges"])
        for step in life["steps"][1:]:
            kind = "lowest" if step["kind"] == "improve" else "teacher"
            for account in step["taught_by"]:
                assert ((account, kind, step["task"][:24]) in held) is step["accepted"]


def test_demo_quick_leavesItsPicture(played: Played) -> None:
    assert (played.folder / "lifelong.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_demo_quick_withTheSameSeed_givesTheSameReport(played: Played, tmp_path: Path) -> None:
    again = play(tmp_path).report
    assert {k: v for k, v in again.items() if k not in TIMES} == {
        k: v for k, v in played.report.items() if k not in TIMES
    }
