"""ml.bench_history: it measures what it says, at the smallest size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ml.bench_history import Checkpoint, Figure, history, put_all, random_walk, sizes, training, weights
from ml.data.samples import Dataset
from ml.history.archive import Archive


@pytest.fixture(scope="module")
def run(digits: Dataset) -> list[Checkpoint]:
    """Two epochs of all layers and two of the head, on 64 images, with Adam."""
    return list(training("Adam", digits.train.take(slice(0, 64)), epochs=2))


def test_history_atItsSmallest_givesEveryFigure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_DIR", raising=False)
    found = history(threads=1, repeats=1, epochs=2, walk=4, samples=64)

    assert len({figure.name for figure in found}) == len(found) == 13
    assert all(figure.value > 0 for figure in found)


def test_training_ofTheHeadAlone_changesItAlone(run: list[Checkpoint]) -> None:
    second, third = weights(run[1]), weights(run[2])
    changed = {name for name in second if not torch.equal(second[name], third[name])}

    assert changed == {"weights/head.weight", "weights/head.bias"}
    assert len(run[1]) == 10 + 30 and len(run[2]) == 10 + 6


def test_training_ofAllLayers_changesAll(run: list[Checkpoint]) -> None:
    first, second = weights(run[0]), weights(run[1])

    assert not any(torch.equal(first[name], second[name]) for name in first)


def test_sizes_areThoseOfThePacks(run: list[Checkpoint], tmp_path: Path) -> None:
    archive = Archive.open(tmp_path / "sizes")
    stored = put_all(Archive.open(tmp_path / "plain"), map(weights, run))
    found = {figure.name: figure.value for figure in sizes(archive, "Adam", run, epochs=2)}

    assert found["Adam, head only"] == sum(each.size_bytes for each in stored[2:]) / 2 / 862_712
    assert found["Adam, head only"] < found["Adam, all layers in bfloat16"] < found["Adam, all layers"]


def test_randomWalk_movesAsFarAsTheLastEpoch(run: list[Checkpoint]) -> None:
    before, last = weights(run[0]), weights(run[1])
    steps = list(random_walk(before, last, 3))
    name = "weights/layers.9.weight"  # the largest
    stride = (last[name] - before[name]).std()

    assert torch.equal(steps[0][name], last[name])
    assert float((steps[2][name] - steps[1][name]).std() / stride) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("value", "limit", "reached"), [(0.6, 0.6, True), (0.61, 0.6, False), (9.0, None, True)]
)
def test_figure_withinItsLimit_isReached(value: float, limit: float | None, reached: bool) -> None:
    assert Figure("name", value, limit, "").reached is reached
