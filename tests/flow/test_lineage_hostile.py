"""Honest agents in a lineage whose heads, models or committee are hostile: none stops or waits for ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dapp import packages
from dapp.agent import Initiator, Role, RoundContributor, Verifier, step
from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Kind, Lineages, LineageTerms, RoundState, class_word
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.lineage import heads
from dapp.lineage.errors import HeadUnavailable
from dapp.stages import extend, lineage, verify
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from dapp.store.cid import cid_of
from ml import growth
from ml.canonical import sha256
from ml.errors import InvalidGrowth
from ml.growth import found
from ml.weights import leaves
from tests.flow.lineages import OLD, OPTIONS, SCATTERING, Life, begin, first_model, parts, spec
from tests.flow.test_lineage_agents import roles_of
from tests.flow.test_lineage_attacks import known, nudged, open_only
from tests.flow.world import ETHER, INITIATOR, STRANGER, VERIFIERS, World


@pytest.fixture
def life(world: World) -> Life:
    return begin(world)


def file_of(tmp_path: Path, model: Trained) -> Path:
    return tmp_path / "store" / "blocks" / model.manifest.weights.cid


def steps(world: World, index: int, role: Role) -> list[str]:
    """What is done until nothing is due now."""
    done: list[str] = []
    while (result := step(world.person(index), role)).did is not None:
        done.append(result.did)
    return done


def contributor(of: bytes, index: int, *labels: int) -> RoundContributor:
    own = parts()[index].with_labels((*OLD, *labels))
    return RoundContributor(of, own, own, index, labels, options=OPTIONS)


def test_attack_40_headThatIsGone_isDoubted_andEveryVerifierVotes(life: Life, tmp_path: Path) -> None:
    world, of = life.world, life.open(Kind.EXTEND, range(10))
    life.submit(of, {1: life.grow(1, of, (3,))})
    world.draw(of)
    _, package = packages.packed(spec().digest(), first_model(), 0)
    (tmp_path / "store" / "blocks" / cid_of(package)).unlink()
    with pytest.raises(HeadUnavailable) as caught:
        verify.verify(world.person(STRANGER), of)
    assert caught.value.retryable
    world.clock.wait_until((world.view(of).ends_at_s(Phase.VOTE) or 0) - 10)
    role = Verifier(of, world.pool_key)
    done = [steps(world, index, role) for index in VERIFIERS]
    assert done == [["round.doubt", "vote.seal"], ["round.doubt", "vote.seal"], ["vote.seal"]]
    assert lineage.show(world.person(STRANGER), life.lineage).known.view.ended
    world.pass_phase(of, Phase.VOTE)
    assert [steps(world, index, role) for index in VERIFIERS] == [["vote.open"]] * 3
    assert [ballot.score_ppm for ballot in verify.verify(world.person(STRANGER), of).scores] == [0]


def test_attack_27_modelsAcceptedAfterTheHeadFell_leaveNobodyWaiting(world: World) -> None:
    life = begin(world, claimed_ppm=1_000_000, samples_used=12)
    initiator = roles_of(life, Kind.EXTEND, range(10), {})[INITIATOR]
    assert isinstance(initiator, Initiator)
    assert step(world.person(INITIATOR), initiator).did == "round.open"
    of = lineage.show(world.person(STRANGER), life.lineage).rounds[-1]
    life.submit(of, {1: life.grow(1, of, (3,))})
    assert steps(world, INITIATOR, initiator) == ["draw.fix", "draw.reveal"]
    for index in VERIFIERS[:2]:
        rounds.doubt(world.person(index), of)
    world.vote(of, scores=(999_999,))
    assert steps(world, 1, contributor(of, 1, 3)) == []
    assert steps(world, INITIATOR, initiator) == ["settle", "round.close"]
    assert step(world.person(1), contributor(of, 1, 3)).finished
    assert rounds.show(world.person(STRANGER), of).state is RoundState.CLOSED
    lineage.end(world.person(INITIATOR), life.lineage)
    assert world.rpc.balance_wei(world.person(1).chain.lineage.address) == 0


def test_attack_40_acceptedModelThatIsGone_endsTheRoundWithoutAHead(life: Life, tmp_path: Path) -> None:
    world, of = life.world, life.open(Kind.EXTEND, range(10))
    one, other = life.grow(1, of, (3,)), life.grow(2, of, (4,))
    life.submit(of, {1: one, 2: other})
    world.draw(of)
    world.vote(of, scores=(999_999, 999_999))
    file_of(tmp_path, one).unlink()
    with pytest.raises(ContractRefused, match="RoundPending") as caught:
        steps(world, 2, contributor(of, 2, 4))
    assert caught.value.retryable
    life.world.clock.wait_until(int(str(caught.value.args_["untilS"])))
    assert steps(world, 2, contributor(of, 2, 4)) == ["round.close"]
    assert step(world.person(2), contributor(of, 2, 4)).finished


def test_attack_39_accompliceWhoseFileIsGone_shieldsNobody(life: Life, tmp_path: Path) -> None:
    world, of = life.world, life.open(Kind.EXTEND, range(10))
    one, cheat = life.grow(1, of, (3,)), nudged(life.grow(2, of, (4,)))
    open_only(life, of, {1: one, 2: cheat})
    world.draw(of)
    world.vote(of, scores=(999_999, 999_999))
    extend.extend(world.person(STRANGER), of)
    file_of(tmp_path, one).unlink()
    assert extend.overturn(world.person(STRANGER), of).cheat == world.person(2).chain.address


def test_growthOfTwoParts_isNotTaken_forItsHeadCouldNotBeMerged(life: Life) -> None:
    world, of = life.world, life.open(Kind.EXTEND, range(10))
    first = life.grow(1, of, (3,))
    ctx = world.person(1)
    grown = growth.from_bytes(first.weights, first.manifest.architecture)
    more = growth.grow(grown, parts()[1].with_labels((4,)), "subspace", options=OPTIONS)
    manifest, data = packages.packed(bytes.fromhex(first.manifest.spec), more, 1)
    open_only(life, of, {1: Trained(manifest, data), 2: life.grow(2, of, (5,))})
    world.draw(of)
    found_ = verify.verify(world.person(STRANGER), of).scores
    assert [score.score_ppm >= 500_000 for score in found_] == [False, True]
    assert "adds 2 parts" in str(found_[0].reason)
    with pytest.raises(InvalidGrowth, match="adds 2 parts"):
        rounds.declare(ctx, of)


def test_improvementWithFewerTensors_isNotTaken_forTheContractRefusesIt(world: World) -> None:
    own = parts()[0].with_labels(OLD)
    life = begin(world, 900_000, 1, model=found(own, "analytic", scattering=SCATTERING))
    of = life.open(Kind.IMPROVE, OLD)
    task_spec = rounds.spec_for(world.person(INITIATOR), life.lineage, Kind.IMPROVE, world.spec().development)
    smaller = found(own, scattering=SCATTERING, options=OPTIONS)
    manifest, data = packages.packed(task_spec.digest(), smaller, 1)
    open_only(life, of, {1: Trained(manifest, data)})
    world.draw(of)
    assert "fewer tensors" in str(verify.verify(world.person(STRANGER), of).scores[0].reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("classes", "classes are not those"),
        ("input", r"takes \(1, 28, 28\)"),
        ("labels", "labels beyond the lineage's 2"),
    ],
)
def test_firstHeadThatContradictsItsLineage_isHadByNobody(world: World, change: str, reason: str) -> None:
    ctx = world.person(INITIATOR)
    given = spec()
    if change == "input":
        given = replace(given, input_shape=(1, 8, 8))
    elif change == "labels":
        given = replace(given, labels=("0", "1"))
    manifest, data = packages.packed(given.digest(), first_model(), 1)
    for each in (data, given.to_bytes(), manifest.to_bytes()):
        ctx.store.put(each)
    own = leaves(data)
    terms = LineageTerms(
        ctx.chain.address, given.digest(), sha256(data), manifest.digest(), PlacedTree(own).root,
        len(own), 1, world.pool_key.pool, 3, ETHER, 1, 1, 0, 60, True, 0,
    )  # fmt: skip
    names = [given.labels[label] for label in OLD if label < len(given.labels)]
    if change == "classes":
        names.reverse()
    classes = [(class_word(name), given.label_digest(given.labels.index(name))) for name in names]
    call = ctx.chain.lineage.call("lineageStart", terms.astuple(), classes)
    ctx.chain.send("start", call, value_wei=terms.prizes_wei)
    of = Lineages(ctx.chain.chain_id, ctx.chain.lineage.address).lineage_id(terms)
    with pytest.raises(HeadUnavailable, match=reason) as caught:
        heads.fetch(ctx.chain, ctx.store, known(Life(world, of)))
    assert not caught.value.retryable
