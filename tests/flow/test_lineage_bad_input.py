"""What a round must not take, from clients that check nothing: it scores nothing, for a stated reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp import packages
from dapp.chain import events
from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Kind
from dapp.stages import extend, lineage, verify
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from ml.errors import InvalidGrowth
from ml.growth import found, grow
from tests.flow.lineages import OPTIONS, SCATTERING, Life, begin, parts
from tests.flow.test_lineage_attacks import open_only
from tests.flow.world import INITIATOR, STRANGER, VERIFIERS, World


@pytest.fixture
def life(world: World) -> Life:
    return begin(world)


def other_bytes(model: Trained, of_another: Trained) -> Trained:
    """Its manifest has the SHA-256 of one file, and the CID of another, which is in the store too."""
    ref = replace(model.manifest.weights, cid=of_another.manifest.weights.cid)
    return replace(model, manifest=replace(model.manifest, weights=ref))


def from_scratch(like: Trained, old: tuple[int, ...], new: tuple[int, ...]) -> Trained:
    """A model that knows these labels, for the task of `like`."""
    own = parts()[4]
    base = found(own.with_labels(old), scattering=SCATTERING, labels=old, options=OPTIONS)
    model = grow(base, own.with_labels(new), "subspace", labels=new, options=OPTIONS)
    return Trained(*packages.packed(bytes.fromhex(like.manifest.spec), model, 1))


def test_modelsOfARound_thatAreNotWhatTheyHaveToBe_scoreNothing_forAStatedReason(life: Life) -> None:
    of = life.open(Kind.EXTEND, range(10))
    good, model = life.grow(4, of, (4,)), life.grow(1, of, (3,))
    dropping, renaming = from_scratch(good, (0, 1), (3,)), from_scratch(good, (0, 1, 9), (3,))
    open_only(life, of, {1: other_bytes(model, good), 2: dropping, 3: renaming, 4: good})
    for index, error, reason in (
        (1, packages.PackageRefused, "sealed were"),
        (2, InvalidGrowth, "drops class 2"),
        (3, InvalidGrowth, "drops class 2"),
    ):
        with pytest.raises(error, match=reason):
            rounds.declare(life.world.person(index), of)
    life.world.draw(of)
    scores = verify.verify(life.world.person(STRANGER), of).scores
    assert [score.score_ppm >= 500_000 for score in scores] == [False, False, False, True]
    assert [score.score_ppm for score in scores[:3]] == [0, 0, 0]
    assert "sealed were" in str(scores[0].reason)
    assert all("drops class 2" in str(score.reason) for score in scores[1:3])


def test_headThatFellDuringARound_whatWasTaughtOnIt_isRefusedByNameAndClosed(life: Life) -> None:
    world = life.world
    first = life.open(Kind.EXTEND, range(10))
    life.submit(first, {1: life.grow(1, first, (3,))})
    world.draw(first)
    world.vote(first)
    assert extend.extend(world.person(STRANGER), first).head == 1
    life.pass_challenge()
    of = life.open(Kind.EXTEND, range(10))
    life.submit(of, {2: life.grow(2, of, (4,))})
    world.draw(of)
    for index in VERIFIERS[:2]:
        rounds.doubt(world.person(index), of)
    scores = verify.verify(world.person(STRANGER), of).scores
    assert (scores[0].score_ppm, scores[0].reason) == (0, "the head moved after this round was opened")
    world.vote(of, scores=(999_999,))  # a committee that looks away
    with pytest.raises(ContractRefused, match="HeadMoved"):
        extend.extend(world.person(STRANGER), of)
    world.settle(of)
    rounds.close(world.person(INITIATOR), of)
    seen = lineage.show(world.person(STRANGER), life.lineage)
    assert [c.name for c in seen.classes] == ["0", "1", "2"]


def test_roundThatTheHeadDoesNotAllow_isRefusedBeforeItsTaskIsPaidFor(world: World) -> None:
    life = begin(world, threshold_ppm=1_000_000)
    initiator = world.person(INITIATOR)
    before_wei = world.rpc.balance_wei(initiator.chain.address)
    with pytest.raises(ContractRefused, match="HeadNotGoodEnough"):
        life.open(Kind.EXTEND, range(10))
    assert world.rpc.balance_wei(initiator.chain.address) == before_wei
    assert [e.task for e in events.opened_tasks(initiator.chain)] == []
    of = life.open(Kind.IMPROVE, (0, 1, 2))
    with pytest.raises(ContractRefused, match="RoundIsOpen"):
        life.open(Kind.IMPROVE, (0, 1, 2))
    assert [e.task for e in events.opened_tasks(initiator.chain)] == [of]
