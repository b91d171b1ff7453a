"""ml.baselines: what fusion has to beat."""

from __future__ import annotations

import pytest
import torch

from ml import baselines, evaluate, weights
from ml.data.samples import Samples
from ml.data.shares import Shares
from ml.errors import InvalidFusion
from ml.models import Classifier, build
from ml.models.mlp import mlp
from ml.train import Recipe, train

RECIPE = Recipe(steps=200, augmentation=None, learning_rate=0.003)
ARCHITECTURE = mlp(hidden=(32,))


@pytest.fixture
def private(shares: Shares) -> list[Samples]:
    return [share.train for share in shares.contributors]


def test_bestSingle_isTheFirstOfTheMostAccurate(contributors: tuple[Classifier, ...], shares: Shares) -> None:
    counts = [evaluate.correct(model, shares.development) for model in contributors]

    best = baselines.best_single((*contributors, contributors[0]), shares.development)
    assert best is contributors[counts.index(max(counts))]


def test_bestSingle_ofNone_isRefused(shares: Shares) -> None:
    with pytest.raises(InvalidFusion, match="none was accepted"):
        baselines.best_single([], shares.development)


def test_verifierOnly_seesTheDevelopmentSamplesAlone(shares: Shares) -> None:
    model = baselines.verifier_only(ARCHITECTURE, shares.development, RECIPE, seed=1)

    assert weights.to_bytes(model) == weights.to_bytes(
        train(ARCHITECTURE, shares.development, RECIPE, seed=1)
    )
    assert evaluate.accuracy_ppm(model, shares.verification_pool) > 750_000


def test_centralised_onEverything_isBetterThanTheVerifierAlone(
    shares: Shares, private: list[Samples]
) -> None:
    pooled = baselines.centralised(ARCHITECTURE, private, shares.development, RECIPE, seed=1)
    alone = baselines.verifier_only(ARCHITECTURE, shares.development, RECIPE, seed=1)

    pool = shares.verification_pool
    assert evaluate.correct(pooled, pool) > evaluate.correct(alone, pool)


def test_fedavg_ofPrivateLabels_learnsAllOfThem(shares: Shares, private: list[Samples]) -> None:
    seen: list[int] = []
    local = Recipe(steps=15, augmentation=None, learning_rate=0.003)
    model = baselines.fedavg(
        ARCHITECTURE, private, local, 8, 1, lambda done, total: seen.append(total - done)
    )

    assert evaluate.accuracy_ppm(model, shares.verification_pool) > 600_000
    assert seen == list(range(39, -1, -1))


def test_fedavg_ofOneClientAndRound_isThatClient(private: list[Samples]) -> None:
    model = baselines.fedavg(ARCHITECTURE, private[:1], RECIPE, rounds=1, seed=4)
    alone = train(ARCHITECTURE, private[0], RECIPE, seed=4)

    torch.testing.assert_close(dict(model.state_dict()), dict(alone.state_dict()))


def test_fedavg_weighsBySampleCounts(private: list[Samples]) -> None:
    still = Recipe(steps=1, learning_rate=0.0, augmentation=None)
    model = baselines.fedavg(
        ARCHITECTURE, [private[0], private[1].take(slice(0, 7))], still, rounds=2, seed=4
    )

    torch.testing.assert_close(dict(model.state_dict()), dict(build(ARCHITECTURE, seed=4).state_dict()))
