"""ml.train: it learns, it repeats, and it touches nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml import evaluate, weights
from ml.architecture import Architecture
from ml.bounds import Bounds
from ml.data.samples import Samples
from ml.data.shares import Shares
from ml.errors import InvalidArchitecture, InvalidSamples
from ml.models import Classifier, build, table_i
from ml.models.mlp import mlp
from ml.train import Recipe, fit, output_indices, train

SHORT = Recipe(steps=5, batch=4)


def test_train_perceptronOnDigits_learnsThem(contributors: tuple[Classifier, ...], shares: Shares) -> None:
    for model, share in zip(contributors, shares.contributors, strict=True):
        assert evaluate.accuracy_ppm(model, share.test) >= 800_000


def test_train_tableIOnDigits_learnsThem(shares: Shares) -> None:
    share = shares.contributors[4]
    model = train(table_i(5, share.labels), share.train, Recipe(steps=60, batch=32), seed=1)

    assert evaluate.accuracy_ppm(model, share.test) >= 750_000


def test_train_sameSeed_givesTheSameBytes(tiny_samples: Samples, small_architecture: Architecture) -> None:
    first, again, other = (
        weights.to_bytes(train(small_architecture, tiny_samples, SHORT, seed)) for seed in (1, 1, 2)
    )

    assert first == again != other


def test_train_leavesTorchAsItWas(tiny_samples: Samples, small_architecture: Architecture) -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(small_architecture, tiny_samples, SHORT, seed=1)

    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_train_reportsEveryStep(tiny_samples: Samples, small_architecture: Architecture) -> None:
    seen: list[tuple[int, int]] = []
    train(
        small_architecture,
        tiny_samples,
        SHORT,
        seed=1,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_train_onOtherPeoplesLabels_leavesThoseOut(tiny_samples: Samples) -> None:
    architecture = mlp(labels=(0, 5), input_shape=(1, 4, 4), hidden=(3,))
    own = tiny_samples.with_labels((0, 5))

    every, only = (weights.to_bytes(train(architecture, s, SHORT, seed=1)) for s in (tiny_samples, own))
    assert every == only


def test_train_withoutASampleOfItsLabels_isRefused(tiny_samples: Samples) -> None:
    with pytest.raises(InvalidSamples, match=r"none of 6 samples carries one of the labels \(7, 8\)"):
        train(mlp(labels=(7, 8), input_shape=(1, 4, 4)), tiny_samples, SHORT, seed=1)


def test_train_aboveTheBounds_isRefusedBeforeItStarts(
    tiny_samples: Samples, small_architecture: Architecture
) -> None:
    with pytest.raises(InvalidArchitecture, match="97 parameters"):
        train(small_architecture, tiny_samples, SHORT, seed=1, bounds=Bounds(parameters=90))


def test_train_weightsAverage_differsFromTheLastWeights(
    tiny_samples: Samples, small_architecture: Architecture
) -> None:
    last, mean = (
        weights.to_bytes(train(small_architecture, tiny_samples, replace(SHORT, averaging=a), seed=1))
        for a in (0.0, 0.9)
    )

    assert last != mean


def test_train_dropoutAndBatchNorm_repeatToo(tiny_samples: Samples) -> None:
    kinds = [{"kind": "batch_norm"}, {"kind": "flatten"}, {"kind": "dropout", "rate_ppm": 500_000}]
    architecture = {"version": 1, "input": [1, 4, 4], "labels": [0, 2, 5], "layers": kinds}
    first, again = (weights.to_bytes(train(architecture, tiny_samples, SHORT, seed=1)) for _ in range(2))

    assert first == again


def test_fit_startsFromTheWeightsGiven(tiny_samples: Samples, small_architecture: Architecture) -> None:
    model = build(small_architecture, seed=1)
    before = weights.to_bytes(model)
    fit(model, tiny_samples, replace(SHORT, learning_rate=0.0), seed=1)

    assert weights.to_bytes(model) == before


def test_outputIndices_areThePositionsAmongTheLabels(tiny_samples: Samples) -> None:
    assert output_indices(tiny_samples, (0, 2, 5)).tolist() == [0, 1, 2, 0, 1, 2]
    assert output_indices(tiny_samples.take(np.array([2])), (1, 3, 5)).tolist() == [2]
