"""What a demo tells, and when it thinks to be done."""

from __future__ import annotations

from pathlib import Path

from dapp.cli.progress import Lines, duration
from dapp.demo.narrator import Narrator


class Hand:
    """A clock moved by hand."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_stage_tellsTimeLeft(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Hand()
    narrator = Narrator(said.append, said.append, lambda *_: None, tmp_path / "demo.log", clock)
    narrator.begin({"deploy": 240, "verify": 200, "fuse": 40})
    narrator.stage("deploy", "contracts")
    clock.at_s = 240.0
    narrator.stage("verify", "scores")
    assert said[0] == "[1/3] deploy: contracts (about 8 min left)"
    assert said[1] == "[2/3] verify: scores (about 4 min left)"
    assert narrator.times_s() == {"deploy": 240, "verify": 0}


def test_lines_sayEveryTenthOnce() -> None:
    said: list[str] = []
    clock = Hand()
    lines = Lines(said.append, clock)
    for done in range(0, 101, 5):
        clock.at_s = float(done)
        lines.update("train", done, 100)
    assert len(said) == 11
    assert (said[0], said[5], said[-1]) == ("train: 0 %", "train: 50 %, 50 s left", "train: 100 %")


def test_duration_isReadable() -> None:
    assert [duration(s) for s in (0, 59, 60, 3_725)] == ["0 s", "59 s", "1 min 00 s", "1 h 02 min"]
