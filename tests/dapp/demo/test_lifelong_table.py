"""The end of the life-long demo on a terminal, and what its report counts."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from dapp.demo.lifelong.measures import BACKWARD, FORGETTING
from dapp.demo.lifelong.plots import NAMES
from dapp.demo.lifelong.report import BadgeRow, Candidate, Life, Report, RivalStep, Step
from dapp.demo.lifelong.table import summary

FIRST, SECOND = "0x" + "11" * 20, "0x" + "22" * 20
REASON = "it knows 571428 ppm of new label 8, at least 600000 are asked for"
TAKEN = Candidate(0, FIRST, "participant 1", ("8",), 700_000, 690_000, 3, taken=True, reason=None)
REFUSED = Candidate(1, SECOND, "participant 2", ("8",), 700_000, 600_000, 1, taken=False, reason=REASON)
START = Step("start", None, ("0", "1"), ("0", "1"), 998_100, None, None, None, 800_000, True, False, (FIRST,))
ROUND = Step(
    "extend", "0x" + "07" * 32, ("8",), ("0", "1", "8"), 987_800, 991_000, 5_400, -5_400, 690_000,
    True, False, (FIRST,), None, (TAKEN, REFUSED),
)  # fmt: skip
RIVALS = (
    RivalStep(("0", "1"), 998_100, None, None, None),
    RivalStep(("8",), 500_000, 0, 992_100, -992_100),
)


def told(*steps: Step) -> str:
    """What the summary of one lineage with these rounds says."""
    candidates = [c for step in steps for c in step.candidates]
    life = Life(
        protocol="5x2",
        lineage="0x" + "05" * 32,
        rule="subspace",
        threshold_ppm=0,
        steps=(START, *steps),
        rounds=len(steps),
        participants=len({c.contributor for c in candidates}),
        models_opened=len(candidates),
        models_taken=sum(c.taken for c in candidates),
        baselines={name: RIVALS for name in NAMES if name != "ours"},
        old_weights_changed=0,
        old_weights_compared=3,
        cheat=None,
        badges=(BadgeRow(FIRST, "participant 1", "teacher", "0x07", 5),),
        reputation={"participant 1": 5},
        gas={},
        prizes_paid_wei=0,
        prizes_returned_wei=0,
        lineage_left_wei=0,
    )
    report = Report("digits", 1, True, 297, FORGETTING, BACKWARD, (life,), 0, 0, {}, 1)
    written = StringIO()
    Console(file=written, width=160).print(summary(report))
    return written.getvalue()


def test_summary_countsParticipantsAndModelsApart() -> None:
    text = told(ROUND, replace(ROUND, candidates=(TAKEN,)))
    assert "5x2: 2 rounds, 2 participants, 3 models opened, 2 of them taken" in text
    assert "1 of 2" in text and "1 of 1" in text


def test_summary_saysWhyAModelWasRefused() -> None:
    (row,) = [line for line in told(ROUND).splitlines() if REASON in line]
    assert "1 of participant 2" in row


def test_summary_whereAllAreTaken_namesNoRefusals() -> None:
    assert "not taken" not in told(replace(ROUND, candidates=(TAKEN,)))


def test_summary_ofAnOverturnedRound_saysSo() -> None:
    fallen = replace(TAKEN, taken=False, reason="the old tensor part.000.mean changed at number 0")
    text = told(replace(ROUND, accepted=False, overturned=True, candidates=(fallen,)), ROUND)
    assert "0 of 1, overturned" in text
    assert "the old tensor part.000.mean changed at number 0" in text


def test_summary_definesForgetting() -> None:
    text = told(ROUND)
    assert f"forgotten: {FORGETTING}" in text and f"backward: {BACKWARD}" in text
