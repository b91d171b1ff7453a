"""Small grown models of real digits: four classes, then two growths of three classes each."""

from __future__ import annotations

from functools import cache

import pytest
from torch import Tensor

from ml.data import load
from ml.data.samples import Dataset, Samples
from ml.growth import Grown, found, grow
from ml.growth.neurons import Recipe

SMALL = {"scales": 3, "orientations": 2}
OPTIONS = {"directions": 12, "hidden": 16}
BRIEF = Recipe(epochs=1, least_steps=120)


@pytest.fixture(scope="session")
def some(digits: Dataset) -> Samples:
    """Test images."""
    return digits.test.take(slice(0, 160))


@pytest.fixture(scope="session")
def parent(digits: Dataset) -> Grown:
    """Knows 0 to 3."""
    return first(digits, "subspace")


@pytest.fixture(scope="session")
def child(parent: Grown, digits: Dataset) -> Grown:
    """Knows 4 to 6 too."""
    return more(parent, digits, "subspace", (4, 5, 6))


@pytest.fixture(scope="session")
def sibling(parent: Grown, digits: Dataset) -> Grown:
    """Grown from the parent as well: knows 7 to 9 beside 0 to 3."""
    return more(parent, digits, "subspace", (7, 8, 9))


def first(digits: Dataset, rule: str) -> Grown:
    samples = digits.train.with_labels((0, 1, 2, 3))
    return found(
        samples, rule, 1, scattering=SMALL, options=OPTIONS, recipe=BRIEF, features_NF=data_free((0, 1, 2, 3))
    )


def more(model: Grown, digits: Dataset, rule: str, labels: tuple[int, ...], recipe: Recipe = BRIEF) -> Grown:
    samples = digits.train.with_labels(labels)
    kept = data_free(labels) if model.classifier is None else None
    return grow(model, samples, rule, 2, labels=labels, options=OPTIONS, recipe=recipe, features_NF=kept)


@cache
def data_free(labels: tuple[int, ...]) -> Tensor:
    """Features of the training digits with these labels: the same for every model here."""
    digits = load("digits")
    blank = found(digits.train.with_labels((0, 1)).take(slice(0, 12)), scattering=SMALL, options=OPTIONS)
    return blank.features(digits.train.with_labels(labels))
