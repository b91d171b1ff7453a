"""The report: its fields, its files, and what may differ between two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dapp.demo import plots, report
from dapp.demo.report import FusedPoint, ModelRow, Report, VerifierRow

CURVE = (FusedPoint(1, 700_000, 690_000), FusedPoint(2, 960_000, 955_000))


@pytest.fixture
def found() -> Report:
    """A small report."""
    model = ModelRow(
        number=1,
        contributor="0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        labels=(0, 1),
        cid="bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        sha256="ab" * 32,
        weights_bytes=10,
        claimed_ppm=990_000,
        own_verification_ppm=985_000,
        score_ppm=960_000,
        scores_ppm=(960_000, 960_000),
        votes_for=2,
        committee=2,
        accepted=True,
        paid_wei=10**18,
    )
    return Report(
        scenario=1,
        dataset="digits",
        seed=1,
        quick=True,
        mafr_ppm=900_000,
        task="0x" + "cd" * 32,
        fusion_rule="strategy_2",
        own_rule="lateral",
        test_samples=297,
        models=(model,),
        verifiers=(VerifierRow("0x90F79bf6EB2c4f870365E785982E1f101E93b906", True, True, 5),),
        fusion={"strategy_1": CURVE, "strategy_2": CURVE, "own": CURVE},
        baselines={"best_single": 400_000, "verifier_only": 900_000},
        gas={"taskOpen": 59_431},
        gas_together={"taskOpen": 59_431},
        gas_times={"taskOpen": 1},
        round_gas=900_000,
        setup_gas={"join": 50_000},
        escrow_left_wei=0,
        reward_wei=10**18,
        fee_wei=5,
        bond_wei=7,
        returned_wei=7,
        wall_s=12,
    )


def test_write_thenRead_givesTheSame(found: Report, tmp_path: Path) -> None:
    found.write(tmp_path / "report.json")
    read = report.read(tmp_path / "report.json")
    assert read["models"][0]["paid_wei"] == 10**18
    assert read["fusion"]["own"][1] == {"models": 2, "verification_ppm": 960_000, "test_ppm": 955_000}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_write_hasEveryPromisedField(found: Report) -> None:
    promised = "scenario dataset seed mafr_ppm models fusion baselines gas round_gas escrow_left_wei wall_s"
    assert set(promised.split()) <= set(found.to_json())
    row = "contributor cid sha256 claimed_ppm score_ppm votes_for committee accepted paid_wei"
    assert set(row.split()) <= set(found.to_json()["models"][0])


def test_withoutTimes_ofSlowerRun_isEqual(found: Report) -> None:
    slower = replace(found, wall_s=99, times_s={"train": 90}, machine="another")
    assert slower.without_times() == found.without_times()


@pytest.mark.parametrize(("scenario", "first"), [(1, "fig6_contributors.png"), (2, "fig8_contributors.png")])
def test_draw_writesFigures(found: Report, tmp_path: Path, scenario: int, first: str) -> None:
    drawn = plots.draw(replace(found, scenario=scenario).to_json(), tmp_path)
    assert (drawn[0].name, len(drawn)) == (first, 5)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_draw_withNothingAccepted_writesFigures(found: Report, tmp_path: Path) -> None:
    nothing = replace(found, fusion={"strategy_1": (), "strategy_2": (), "own": ()})
    assert len(plots.draw(nothing.to_json(), tmp_path)) == 5
