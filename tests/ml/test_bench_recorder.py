"""ml.bench_recorder: both sides train alike, and one of them is recorded."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import torch

from ml import bench_recorder
from ml.bench_recorder import Trainee, recording
from ml.history import record
from ml.threads import torch_threads
from ml.weights import to_bytes


def test_trainees_withAndWithoutRecorder_comeToTheSameWeights(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]), torch_threads(1):
        torch.manual_seed(1)
        plain = Trainee(5, 130)
        for _ in range(2):
            assert len(plain.epoch()) == 3
        torch.manual_seed(1)
        recorded = Trainee(5, 130)
        with record(recorded.model, recorded.optimizer, tmp_path) as run:
            for _ in range(2):
                assert len(recorded.epoch(run)) == 4  # three batches, and recording
            assert run.flush() == 2
    assert to_bytes(plain.model) == to_bytes(recorded.model)


def test_recording_addsUpTheCnns_andOnlyTheSumHasALimit() -> None:
    times = {1: (1.0, 1.01), 2: (2.0, 2.0), 3: (3.0, 3.0), 4: (3.0, 3.0), 5: (1.0, 1.04)}
    with mock.patch.object(bench_recorder, "epoch_seconds", lambda number, *_: times[number]):
        figures = recording(repeats=1)
    assert [figure.name for figure in figures][-2:] == ["recording, CNN 5", "recording, Table I"]
    assert [round(figure.value, 3) for figure in figures] == [1.0, 0.0, 0.0, 0.0, 4.0, 0.5]
    assert [figure.limit for figure in figures] == [None] * 5 + [1.0]


def test_epochSeconds_ofARealTraining_areBothMeasured() -> None:
    plain_s, recorded_s = bench_recorder.epoch_seconds(5, 64, repeats=1)
    assert 0 < plain_s < 60
    assert 0 < recorded_s < 60


def test_best_isTheSumOfEachBatchsBest() -> None:
    assert bench_recorder.best([[1.0, 5.0, 0.5], [2.0, 3.0, 0.25]]) == 4.25
