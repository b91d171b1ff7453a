"""Growth by neurons alone in a round: taken when it helps the head, refused when it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp import packages
from dapp.agent import RoundContributor
from dapp.chain.lineage import Kind, RoundState
from dapp.lineage import heads
from dapp.stages import lineage, train, verify
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from ml import growth
from ml.data.samples import Samples
from ml.errors import InvalidGrowth
from ml.evaluate import likelihood_ppm
from ml.growth.schemas import NEURONS
from tests.flow.lineages import OLD, OPTIONS, Life, begin, parts
from tests.flow.test_lineage_agents import play, roles_of
from tests.flow.world import INITIATOR, STRANGER, World

FEW = 26  # samples of the first head: a poor one
NARROW = OPTIONS | {"hidden": 16}


@pytest.fixture
def life(world: World) -> Life:
    return begin(world, claimed_ppm=1, samples_used=FEW)


def head_of(life: Life) -> heads.HeadModel:
    ctx = life.world.person(STRANGER)
    return heads.fetch(ctx.chain, ctx.store, heads.known(ctx.chain, life.lineage))


def own() -> Samples:
    return parts()[1].with_labels(OLD)


def neurons(life: Life, of: bytes) -> Trained:
    return train.extend(life.world.person(1), of, own(), own(), (), NEURONS, 1, NARROW)


def claiming(model: Trained, claimed_ppm: int) -> Trained:
    return replace(model, manifest=replace(model.manifest, claimed_ppm=claimed_ppm))


def silenced(model: Trained) -> Trained:
    """As many neurons, which say nothing."""
    loud = growth.from_bytes(model.weights, model.manifest.architecture)
    quiet = {name: tensor * 0 if ".out." in name else tensor for name, tensor in loud.tensors.items()}
    silent = growth.Grown(loud.architecture, loud.plan, quiet)
    return Trained(*packages.packed(bytes.fromhex(model.manifest.spec), silent, 1))


def test_agents_neuronsThatHelp_becomeTheHead_andOldTensorsStay(life: Life) -> None:
    world, before = life.world, head_of(life)
    roles = roles_of(life, Kind.EXTEND, OLD, {1: ()})
    role = roles[1]
    assert isinstance(role, RoundContributor)
    roles[1] = replace(role, rule=NEURONS, options=NARROW, check_samples=parts()[4].with_labels(OLD))
    done = play(world, roles)

    after = head_of(life)
    assert done[1] == ["commit.seal", "commit.open", "round.declare", "extend", "prize"]
    assert (after.number, after.labels) == (1, OLD)
    assert after.leaves[: len(before.leaves)] == before.leaves
    assert len(after.leaves) > len(before.leaves)
    unseen = parts()[3].with_labels(OLD)
    assert likelihood_ppm(after.model, unseen) > likelihood_ppm(before.model, unseen)


def test_neuronsThatAddNothing_areNotTaken_andTheHeadStays(life: Life) -> None:
    world, of = life.world, life.open(Kind.EXTEND, OLD)
    helpful = claiming(neurons(life, of), 1)
    life.submit(of, {1: silenced(helpful), 2: helpful})
    world.draw(of)
    scores = verify.verify(world.person(STRANGER), of).scores
    assert "brings no class" in str(scores[0].reason)
    assert [score.score_ppm >= 500_000 for score in scores] == [False, True]


def test_roundOfNeuronsThatAddNothing_endsWithoutAHead(life: Life) -> None:
    world, of = life.world, life.open(Kind.EXTEND, OLD)
    life.submit(of, {1: silenced(neurons(life, of))})
    world.draw(of)
    world.vote(of)
    rounds.close(world.person(INITIATOR), of)
    assert rounds.show(world.person(STRANGER), of).state is RoundState.CLOSED
    assert lineage.show(world.person(STRANGER), life.lineage).known.view.number == 0


def test_extendWithoutLabels_byAnotherRule_isRefused(life: Life) -> None:
    of = life.open(Kind.EXTEND, OLD)
    with pytest.raises(InvalidGrowth, match="no class to teach is named"):
        train.extend(life.world.person(1), of, own(), own(), (), "subspace", 1, OPTIONS)
