"""Scenario II: the task prescribes a design, and every model follows it, for all labels or some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp import packages
from dapp.packages import PackageRefused
from dapp.stages import train
from dapp.stages.context import TermsRefused
from ml.canonical import sha256
from ml.data.samples import Samples
from ml.models import mlp
from ml.spec import TaskSpec
from tests.flow.world import STRANGER, TINY, World, shares

DESIGN = mlp(tuple(range(10)), hidden=(16,))


@pytest.fixture
def spec(world: World) -> TaskSpec:
    return replace(world.spec(), scenario=2, architecture=DESIGN)


@pytest.fixture
def mine() -> Samples:
    """Images of five digits only."""
    return shares().contributors[0].train


def test_train_theDesignForItsOwnLabels_isTakenByVerifiers(
    world: World, spec: TaskSpec, mine: Samples
) -> None:
    architecture = mlp((0, 1, 2, 3, 4), hidden=(16,))
    made = train.train(world.person(STRANGER), spec, mine, mine, architecture, TINY, seed=1)
    manifest = made.manifest.to_bytes()
    for file in (manifest, made.weights):
        world.store.put(file)
    digests = sha256(manifest), sha256(made.weights)
    found = packages.model(world.store, spec, *digests, len(made.weights))
    assert found.model.labels == (0, 1, 2, 3, 4)
    other = replace(spec, architecture=mlp(tuple(range(10)), hidden=(17,)))
    bent = replace(made.manifest, spec=other.digest().hex()).to_bytes()
    world.store.put(bent)
    with pytest.raises(PackageRefused, match="prescribes an architecture"):
        packages.model(world.store, other, sha256(bent), digests[1], len(made.weights))


def test_train_anotherDesign_isRefusedBeforeItIsTrained(world: World, spec: TaskSpec, mine: Samples) -> None:
    with pytest.raises(TermsRefused, match="prescribes an architecture"):
        train.train(world.person(STRANGER), spec, mine, mine, mlp((0, 1), hidden=(9,)), TINY, seed=1)
