"""Small, quick stand-ins for real tasks: few samples, small networks, real code throughout."""

from __future__ import annotations

import numpy as np
import pytest

from ml.architecture import Architecture
from ml.data import Samples, load
from ml.data.samples import Dataset
from ml.data.shares import Shares, table_ii
from ml.models import Classifier, build
from ml.models.mlp import mlp
from ml.train import Recipe, train

BRIEF = Recipe(steps=150, augmentation=None, learning_rate=0.003)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="session")
def shares(digits: Dataset) -> Shares:
    return table_ii(digits, seed=7)


@pytest.fixture(scope="session")
def small_architecture() -> Architecture:
    """A 4x4 input, one convolution, 30 + 20 + 15 numbers."""
    return {
        "version": 1,
        "input": [1, 4, 4],
        "labels": [0, 2, 5],
        "layers": [
            {"kind": "conv", "out": 3, "kernel": 3},
            {"kind": "relu"},
            {"kind": "max_pool", "size": 2},
            {"kind": "flatten"},
            {"kind": "linear", "out": 4},
            {"kind": "relu"},
        ],
    }


@pytest.fixture
def small_model(small_architecture: Architecture) -> Classifier:
    return build(small_architecture, seed=3).eval()


@pytest.fixture(scope="session")
def contributors(shares: Shares) -> tuple[Classifier, ...]:
    """Five small networks, trained on the digits that Table II gives them."""
    return tuple(
        train(mlp(share.labels, hidden=(32,)), share.train, BRIEF, seed=index)
        for index, share in enumerate(shares.contributors)
    )


@pytest.fixture
def tiny_samples() -> Samples:
    """Six 4x4 images with labels 0, 2 and 5."""
    pixels = np.arange(96, dtype=np.uint8).reshape(6, 4, 4)
    return Samples(pixels, np.array([0, 2, 5, 0, 2, 5], dtype=np.int64))
