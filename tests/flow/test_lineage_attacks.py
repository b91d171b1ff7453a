"""What a hostile participant tries in a lineage, and what becomes of it: verdicts, fraud proofs, doubts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dapp import packages
from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Growth, Kind, NewClass, class_word
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.lineage import heads
from dapp.lineage.errors import HeadDoubtful, HeadUnavailable, NothingToOverturn
from dapp.stages import commit, extend, lineage, train, verify, vote
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from dapp.store.cid import cid_of
from ml import weights
from ml.canonical import sha256
from ml.errors import InvalidGrowth
from ml.growth import found, labels_of
from ml.manifest import WeightsRef
from tests.flow.lineages import OLD, OPTIONS, PRIZE_WEI, SCATTERING, Life, begin, parts, spec
from tests.flow.world import STRANGER, VERIFIERS, World


@pytest.fixture
def life(world: World) -> Life:
    return begin(world)


def known(life: Life) -> heads.Known:
    return heads.known(life.world.person(STRANGER).chain, life.lineage)


def nudged(model: Trained, name: str = "base.scattering.low") -> Trained:
    """The same model with one old number moved by one unit in the last place."""
    tensors = {
        entry.name: np.frombuffer(model.weights[entry.begin : entry.end], "<f4").reshape(entry.shape).copy()
        for entry in weights.parse(model.weights)
    }
    flat = tensors[name].reshape(-1)
    at = int(np.argmax(np.abs(flat)))
    flat[at] = np.nextafter(flat[at], np.float32(np.inf))
    data = weights.pack({key: torch.from_numpy(value) for key, value in tensors.items()})
    ref = WeightsRef(cid_of(data), sha256(data).hex(), len(data))
    return Trained(replace(model.manifest, weights=ref), data)


def open_only(life: Life, of: bytes, models: dict[int, Trained]) -> None:
    """As Life.submit, by clients that check nothing before they declare."""
    life.world.pass_phase(of, Phase.NOTICE)
    for index, model in models.items():
        commit.seal(life.world.person(index), of, model.manifest, model.weights)
    life.world.pass_phase(of, Phase.SUBMIT)
    for index, model in models.items():
        ctx = life.world.person(index)
        commit.open_model(ctx, of)
        leaves = weights.leaves(model.weights)
        new = [label for label in labels_of(model.manifest.architecture) if label not in OLD]
        classes = tuple(NewClass(class_word(spec().labels[i]), spec().label_digest(i)) for i in new)
        numbers = sum(len(model.weights[e.begin : e.end]) // 4 for e in weights.parse(model.weights))
        growth = Growth(PlacedTree(leaves).root, len(leaves), numbers, model.manifest.claimed_ppm, classes)
        ctx.chain.send(f"declare/{index}", ctx.chain.lineage.call("declare", of, growth.astuple()))
    life.world.pass_phase(of, Phase.OPEN)


def test_attack_39_oneUlpInAnOldTensor_isSeenByEveryVerifier_andDeclaringItIsRefused(life: Life) -> None:
    of = life.open(Kind.EXTEND, range(10))
    good, cheat = life.grow(1, of, (3, 4)), nudged(life.grow(2, of, (5,)))
    greedy = life.grow(3, of, (8, 9))
    greedy = replace(greedy, manifest=replace(greedy.manifest, claimed_ppm=1_000_000))
    other = found(
        parts()[4].with_labels((0, 2, 1, 7)), scattering=SCATTERING, labels=(0, 2, 1, 7), options=OPTIONS
    )
    manifest, data = packages.packed(bytes.fromhex(good.manifest.spec), other, 1)
    open_only(life, of, {1: good, 2: cheat, 3: greedy, 4: Trained(manifest, data)})
    life.world.draw(of)
    scores = verify.verify(life.world.person(STRANGER), of).scores
    assert [score.score_ppm >= 500_000 for score in scores] == [True, False, False, False]
    assert scores[0].reason is None
    assert "old tensor base.scattering.low changed" in str(scores[1].reason)
    assert "claims a lower loss than is verified" in str(scores[2].reason)
    assert "reorders" in str(scores[3].reason)
    with pytest.raises(InvalidGrowth, match=r"base\.scattering\.low changed"):
        rounds.declare(life.world.person(2), of)


def test_attack_39_acceptedByAColludingMajority_isOverturnedByOneProof(life: Life) -> None:
    world, stranger = life.world, life.world.person(STRANGER)
    of = life.open(Kind.EXTEND, range(10))
    open_only(life, of, {1: nudged(life.grow(1, of, (3,))), 2: life.grow(2, of, (4,))})
    world.draw(of)
    world.vote(of, scores=(999_999, 999_999))
    assert extend.extend(stranger, of).head == 1
    before = world.balance_wei(STRANGER)
    overturned = extend.overturn(stranger, of)
    assert overturned.cheat == world.person(1).chain.address
    assert overturned.receipt is not None
    assert overturned.receipt.gas_used <= 150_000
    assert world.balance_wei(STRANGER) - before == PRIZE_WEI // 4 - overturned.receipt.fee_wei
    seen = lineage.show(stranger, life.lineage)
    assert [c.name for c in seen.classes] == ["0", "1", "2"]
    assert extend.extend(stranger, of).contributors == (world.person(2).chain.address,)
    life.pass_challenge()
    with pytest.raises(ContractRefused, match="NothingOwed"):
        extend.withdraw_prize(world.person(1), of)
    assert extend.withdraw_prize(world.person(2), of).amount_wei == PRIZE_WEI // 2
    with pytest.raises(NothingToOverturn, match="stand as they were"):
        extend.overturn(stranger, of)


def test_headThatDoesWorseThanRecorded_isTrainedOnByNobody_andDoubted(world: World) -> None:
    life = begin(world, claimed_ppm=1_000_000, samples_used=12)
    of = life.open(Kind.EXTEND, range(10))
    with pytest.raises(HeadDoubtful, match="1000000 ppm were recorded"):
        rounds.check_head(world.person(1), of)
    life.submit(of, {1: life.grow(1, of, (3,))})
    world.draw(of)
    found_ = verify.verify(world.person(STRANGER), of)
    assert found_.head is not None
    assert found_.head.doubtful
    for index in VERIFIERS[:2]:
        rounds.doubt(world.person(index), of)
    assert lineage.show(world.person(STRANGER), life.lineage).known.view.ended
    with pytest.raises(ContractRefused, match="LineageEnded"):
        rounds.doubt(world.person(VERIFIERS[2]), of)
    for index in VERIFIERS:
        vote.seal(world.person(index), of, (999_999,))


def test_headWhoseWeightsNobodyHas_isNamedWithWhatToDo(life: Life, tmp_path: Path) -> None:
    of = life.open(Kind.EXTEND, range(10))
    ctx = life.world.person(1)
    file = tmp_path / "store" / "blocks" / cid_of(heads.fetch(ctx.chain, ctx.store, known(life)).data)
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(HeadUnavailable, match=f"head 0 of lineage.*{file.name}") as caught:
        train.extend(ctx, of, parts()[1], parts()[1], (3,), "subspace", 0, OPTIONS)
    assert "--store" in caught.value.fix
    file.write_bytes(kept)
    assert train.extend(ctx, of, parts()[1], parts()[1], (3,), "subspace", 0, OPTIONS)


def test_growthBesideAnotherOfTheSameClass_isNotTaken_andTaskOfAnotherKindIsRefused(life: Life) -> None:
    of = life.open(Kind.EXTEND, range(10))
    life.submit(of, {1: life.grow(1, of, (3,)), 2: life.grow(2, of, (3,))})
    life.world.draw(of)
    scores = verify.verify(life.world.person(STRANGER), of).scores
    assert sorted(score.score_ppm >= 500_000 for score in scores) == [False, True]
    with pytest.raises(train.TermsRefused, match="of kind extend, not improve"):
        train.improve(life.world.person(1), of, parts()[1], parts()[1], seed=1)
