"""ml.learning: a column is trained once and then found on the shelf, unless what it comes from differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ml.data.samples import Samples
from ml.data.shares import Shares
from ml.fuse import FeatureCache
from ml.fuse.lateral import ColumnRecipe, Lateral
from ml.learning import Shelf
from ml.models import Classifier

SMALL = ColumnRecipe(
    epochs=1, batch=32, copies=1, channels=(4, 8, 8), adapter=8, top=8, features=16, hidden=32
)
PIXELS, MODELS = 0, 1  # the numbers of a column of either kind


@pytest.fixture
def few(shares: Shares) -> Samples:
    return shares.development.take(slice(0, 64))


def column(
    shelf: Shelf, recipe: ColumnRecipe, number: int, models: tuple[Classifier, ...], few: Samples
) -> nn.Module:
    return shelf.column(Lateral(recipe), number, models, few, 1, FeatureCache())


@pytest.mark.parametrize("number", [PIXELS, MODELS])
def test_column_askedTwice_comesFromTheShelfUnchanged(
    tmp_path: Path, contributors: tuple[Classifier, ...], few: Samples, number: int
) -> None:
    first, second = (column(Shelf(tmp_path), SMALL, number, contributors, few) for _ in range(2))
    kept, state = list(tmp_path.iterdir()), first.state_dict()
    assert len(kept) == 1
    assert all(torch.equal(tensor, state[name]) for name, tensor in second.state_dict().items())


@pytest.mark.parametrize(("number", "trained"), [(PIXELS, 1), (MODELS, 2)])
def test_column_withWiderAdapters_isTrainedAgainOnlyIfItHasAny(
    tmp_path: Path, contributors: tuple[Classifier, ...], few: Samples, number: int, trained: int
) -> None:
    for recipe in (SMALL, replace(SMALL, adapter=12, features=24)):
        column(Shelf(tmp_path), recipe, number, contributors, few)
    assert len(list(tmp_path.iterdir())) == trained


def test_column_overOtherModels_isAnother(
    tmp_path: Path, contributors: tuple[Classifier, ...], few: Samples
) -> None:
    for models in (contributors, contributors[:2]):
        column(Shelf(tmp_path), SMALL, MODELS, models, few)
    assert len(list(tmp_path.iterdir())) == 2
