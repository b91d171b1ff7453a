"""ml.bench: both sides of each comparison do the same work."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest import mock

import pytest

from ml import bench, evaluate
from ml.bench_history import Figure
from ml.models import build
from ml.models.table_i import table_i


def test_evaluation_bothSides_countTheSame() -> None:
    model, data = build(table_i(5), seed=1).eval(), bench.random_samples(40, seed=1)

    assert bench.one_at_a_time(model, data, threads=1) == evaluate.correct(model, data, threads=2)


def test_evaluation_measuresBothSidesAndTheirRatio() -> None:
    found = bench.evaluation(threads=1, repeats=1, samples=64)

    assert found.ratio == pytest.approx(found.naive_seconds / found.ours_seconds)
    assert min(found.naive_seconds, found.ours_seconds) > 0


@pytest.mark.parametrize(("fuse", "passes"), [(bench.fuse_rerunning, 3), (bench.fuse_cached, 1)])
def test_fusion_backbone_runsInEveryEpochOrOnce(fuse: Callable[..., None], passes: int) -> None:
    member, calls = build(table_i(5), seed=1).eval(), []
    member.layers[0].register_forward_hook(lambda *_: calls.append(1))
    with mock.patch.object(bench, "BATCH", 32):
        fuse((member,), bench.random_samples(32, seed=1), epochs=3, threads=1)

    assert len(calls) == passes


def test_main_json_isOneDocumentAndTheExitStatusTellsMisses(capsys: pytest.CaptureFixture[str]) -> None:
    slow = bench.Ratio("evaluation", 5.0, 1.0, 5.0, 10.0, "")
    fast = bench.Ratio("fusion", 9.0, 1.0, 9.0, 9.0, "")
    small = Figure("bytes", 0.5, 0.6, "")
    with (
        mock.patch.object(bench, "evaluation", return_value=slow),
        mock.patch.object(bench, "fusion", return_value=fast),
        mock.patch.object(bench, "history", return_value=[small]),
        mock.patch.object(bench, "recording", return_value=[]),
        mock.patch("sys.argv", ["bench", "--json", "--threads", "2"]),
    ):
        assert bench.main() == 1

    report = json.loads(capsys.readouterr().out)
    assert (report["version"], report["threads"]) == (1, 2)
    assert [ratio["ratio"] for ratio in report["ratios"]] == [5.0, 9.0]
    assert report["history"] == [{"name": "bytes", "value": 0.5, "limit": 0.6, "detail": ""}]


@pytest.mark.parametrize(("value", "status"), [(0.6, 0), (0.61, 1)])
def test_main_onlyHistory_theExitStatusTellsMisses(
    value: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        mock.patch.object(bench, "history", return_value=[Figure("bytes", value, 0.6, "of a copy")]),
        mock.patch("sys.argv", ["bench", "--only", "history"]),
    ):
        assert bench.main() == status

    assert f"{value:.3f}   (at most 0.6)   of a copy" in capsys.readouterr().out
