"""ml.fuse: what every rule keeps."""

from __future__ import annotations

import pytest

from ml import evaluate, weights
from ml.data.samples import Samples
from ml.data.shares import Shares
from ml.errors import InvalidFusion, InvalidPackage
from ml.fuse import RULES, FeatureCache, fuse, restore
from ml.fuse.early import HeadRecipe
from ml.fuse.fully_connected import FullyConnected
from ml.fuse.gradual import Gradual
from ml.models import Classifier, build, table_i
from ml.models.mlp import mlp

LABELS = tuple(range(10))
Models = tuple[Classifier, ...]
SHORT = HeadRecipe(epochs=4, copies=1)
PAPER = pytest.mark.parametrize(
    "rule", [FullyConnected(SHORT), Gradual(SHORT)], ids=["strategy_1", "strategy_2"]
)


def test_rules_bearTheirNames() -> None:
    assert {"strategy_1", "strategy_2"} <= set(RULES)
    assert all(name == rule.name for name, rule in RULES.items())


@pytest.mark.parametrize("name", ["strategy_1", "strategy_2"])
def test_fuse_fiveContributors_isBetterThanAnyOfThem(name: str, contributors: Models, shares: Shares) -> None:
    fused = fuse(name, contributors, shares.development, LABELS, seed=1)
    alone = max(evaluate.accuracy_ppm(model, shares.verification_pool) for model in contributors)

    assert evaluate.accuracy_ppm(fused, shares.verification_pool) > alone + 150_000


@PAPER
def test_fuse_sameSeed_givesTheSameBytes(rule: Gradual, contributors: Models, shares: Shares) -> None:
    first, again, other = (
        fuse(rule, contributors, shares.development, LABELS, seed).to_bytes() for seed in (1, 1, 2)
    )

    assert first == again != other


@PAPER
def test_fuse_leavesTheMembersAsTheyWere(rule: Gradual, contributors: Models, shares: Shares) -> None:
    before = [weights.to_bytes(model) for model in contributors]
    fuse(rule, contributors, shares.development, LABELS, seed=1)

    assert [weights.to_bytes(model) for model in contributors] == before


@PAPER
def test_restore_ofToBytes_givesTheSameAnswers(rule: Gradual, contributors: Models, shares: Shares) -> None:
    fused = fuse(rule, contributors, shares.development, LABELS, seed=1)
    again = restore(rule.name, contributors, LABELS, fused.to_bytes())

    pool = shares.verification_pool
    assert (again.predict(pool) == fused.predict(pool)).all()


def test_restore_ofAnotherHead_isRefused(contributors: Models, shares: Shares) -> None:
    fused = fuse(Gradual(SHORT), contributors[:2], shares.development, LABELS, seed=1)

    with pytest.raises(InvalidPackage, match="a_FH has shape"):
        restore("strategy_2", contributors[:3], LABELS, fused.to_bytes())


def test_fuse_networksOfDifferentKinds_areFused(contributors: Models, shares: Shares) -> None:
    mixed = (contributors[0], build(table_i(5, labels=(7,)), seed=1).eval())
    fused = fuse(Gradual(SHORT), mixed, shares.development, LABELS, seed=1)

    assert fused.scores(shares.development_test).shape == (50, 10)


def test_fuse_growingSets_computesEachModelOnce(contributors: Models, shares: Shares) -> None:
    cache = FeatureCache()
    for rule in (FullyConnected(SHORT), Gradual(SHORT)):
        for count in range(1, 6):
            fused = fuse(rule, contributors[:count], shares.development, LABELS, seed=1, cache=cache)
            evaluate.correct(fused, shares.verification_pool)

    assert cache.computed == 2 * 5  # development and verification samples, five models


def test_fuse_reportsProgressToTheEnd(contributors: Models, shares: Shares) -> None:
    seen: list[tuple[int, int]] = []
    rule = Gradual(SHORT)
    fuse(
        rule,
        contributors,
        shares.development,
        LABELS,
        1,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen[-1] == (4, 4)


def test_fuse_anUnknownRule_namesThoseThereAre(contributors: Models, shares: Shares) -> None:
    with pytest.raises(InvalidFusion, match="strategy_1, strategy_2"):
        fuse("majority", contributors, shares.development, LABELS, seed=1)


def test_fuse_nothing_isRefused(shares: Shares) -> None:
    with pytest.raises(InvalidFusion, match="none was accepted"):
        fuse("strategy_1", (), shares.development, LABELS, seed=1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (mlp(labels=(3, 11)), r"labels outside the task: \[11\]"),
        (mlp(input_shape=(1, 8, 8)), r"takes \(1, 8, 8\), not \(1, 28, 28\)"),
    ],
)
def test_fuse_aModelThatDoesNotFit_isRefused(
    contributors: Models, shares: Shares, model: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidFusion, match=message):
        fuse("strategy_1", (*contributors, build(model)), shares.development, LABELS, seed=1)


def test_fuse_labelsOutOfOrder_areRefused(contributors: Models, shares: Shares) -> None:
    with pytest.raises(InvalidFusion, match="must ascend"):
        fuse("strategy_1", contributors, shares.development, (1, 0), seed=1)


def test_cache_whenFull_dropsTheLeastRecentlyUsed(contributors: Models, shares: Shares) -> None:
    samples: Samples = shares.development_test
    cache = FeatureCache(max_bytes=2 * cache_bytes(contributors[0], samples))
    for model in (*contributors[:3], contributors[2], contributors[0]):
        cache.block(model, samples)

    assert cache.computed == 4  # the first model had to go, and was computed again


def cache_bytes(model: Classifier, samples: Samples) -> int:
    return FeatureCache().block(model, samples).bytes
