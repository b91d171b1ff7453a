"""ml.fuse.lateral: columns over pixels and over frozen models."""

from __future__ import annotations

import pytest
import torch

from ml import evaluate
from ml.data.samples import Samples
from ml.data.shares import Shares
from ml.errors import InvalidPackage
from ml.fuse import FeatureCache, Fused, fuse, restore
from ml.fuse.features import map_layers
from ml.fuse.lateral import Column, ColumnRecipe, Lateral, map_channels
from ml.models import Classifier, build
from ml.models.mlp import mlp
from ml.models.table_i import table_i
from ml.train import Recipe, train

LABELS = tuple(range(10))
SMALL = ColumnRecipe(
    epochs=20, batch=32, averaging=0.9, copies=1, channels=(4, 8, 8), adapter=8, top=8, features=16, hidden=32
)


@pytest.fixture(scope="module")
def few(shares: Shares) -> Samples:
    return shares.development.take(slice(0, 96))


@pytest.fixture(scope="module")
def models(shares: Shares) -> tuple[Classifier, ...]:
    """A network of Table I and a plain one: different shapes and different labels."""
    first, last = shares.contributors[0], shares.contributors[4]
    recipe = Recipe(steps=30, batch=16, augmentation=None)
    return (
        train(table_i(5, first.labels), first.train, recipe, seed=1),
        train(mlp(last.labels, hidden=(32,)), last.train, recipe, seed=2),
    )


@pytest.fixture(scope="module")
def fused(models: tuple[Classifier, ...], few: Samples) -> Fused:
    return fuse(Lateral(SMALL), models, few, LABELS, seed=3)


def test_fuse_withLateral_learnsTheTask(fused: Fused, shares: Shares) -> None:
    assert evaluate.accuracy_ppm(fused, shares.development_test) > 400_000


def test_fuse_sameArguments_giveTheSameBytes(
    fused: Fused, models: tuple[Classifier, ...], few: Samples
) -> None:
    assert fuse(Lateral(SMALL), models, few, LABELS, seed=3).to_bytes() == fused.to_bytes()


def test_restore_ofTheHead_givesTheSameScores(
    fused: Fused, models: tuple[Classifier, ...], few: Samples
) -> None:
    again = restore(Lateral(SMALL), models, LABELS, fused.to_bytes())
    assert torch.equal(again.scores(few), fused.scores(few))


def test_restore_withAnotherRulesHead_isRefused(fused: Fused, models: tuple[Classifier, ...]) -> None:
    with pytest.raises(InvalidPackage):
        restore(Lateral(SMALL, lateral=False), models, LABELS, fused.to_bytes())


def test_fuse_leavesTheModelsAsTheyAre(models: tuple[Classifier, ...], few: Samples) -> None:
    before = [{name: tensor.clone() for name, tensor in model.state_dict().items()} for model in models]
    fuse(Lateral(SMALL), models, few, LABELS, seed=4)
    for model, state in zip(models, before, strict=True):
        assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_column_overPixels_dependsOnNoModel(
    fused: Fused, models: tuple[Classifier, ...], few: Samples
) -> None:
    alone = Lateral(SMALL, lateral=False).column(0, models[:1], few, LABELS, 3, FeatureCache())
    shared = fused.head.get_submodule("columns.0").state_dict()
    assert all(torch.equal(tensor, shared[name]) for name, tensor in alone.state_dict().items())


def test_column_overPixels_isTrainedOnceForGrowingSets(models: tuple[Classifier, ...], few: Samples) -> None:
    cache = FeatureCache()
    one, two = (fuse(Lateral(SMALL), models[:count], few, LABELS, 3, cache) for count in (1, 2))
    assert one.head.get_submodule("columns.0") is two.head.get_submodule("columns.0")


def test_scores_alone_needNoFeatureOfAnyModel(models: tuple[Classifier, ...], few: Samples) -> None:
    cache = FeatureCache()
    alone = fuse(Lateral(SMALL, lateral=False), models, few, LABELS, seed=3, cache=cache)
    alone.predict(few)
    assert cache.computed == 0


def test_seen_everySecondColumn_seesTheModelsAndNoneAlone(models: tuple[Classifier, ...]) -> None:
    fused, alone = (Lateral(SMALL, lateral=lateral) for lateral in (True, False))
    assert [number for number in range(8) if fused.seen(number, models) == models] == [1, 3, 5, 7]
    assert not any(alone.seen(number, models) for number in range(8))


def test_column_overModelsWithoutMaps_seesTheirFeatures(models: tuple[Classifier, ...], few: Samples) -> None:
    column = Lateral(SMALL).column(1, models[1:], few, LABELS, 3, FeatureCache())
    assert isinstance(column, Column)
    assert column.top is None


def test_mapLayers_ofTableI_areTheRectifiedSevenBySevenMaps() -> None:
    model = build(table_i(2))
    assert map_layers(model) == (5, 7)
    assert map_channels(model) == 32 + 16
