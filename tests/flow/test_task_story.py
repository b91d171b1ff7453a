"""A whole task on the in-process chain with real (small) models, and every way it can end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.errors import ContractRefused
from dapp.chain.words import Phase
from dapp.stages import commit, draw, fuse, settle, task, verify, vote
from dapp.stages.context import NothingDue, NotSealedHere, TermsRefused
from dapp.store.cid import cid_of
from tests.flow.world import CONTRIBUTORS, ETHER, INITIATOR, STRANGER, VERIFIERS, World


def test_story_threeModelsThreeVerifiers_paysFusesAndDrains(world: World) -> None:
    of = world.open(rule="fused", shards_drawn=10)  # all: no score depends on which were drawn
    assert world.escrow_wei() == 3 * ETHER + 3 * ETHER // 100 + ETHER // 10
    world.submit(of)
    world.draw(of)
    world.vote(of)
    before = {index: world.balance_wei(index) for index in (*CONTRIBUTORS, *VERIFIERS)}
    settlement = world.settle(of)
    seen = world.view(of)
    assert seen.phase == Phase.SETTLED
    assert [m.votes_for for m in seen.accepted] == [3] * len(seen.accepted)
    assert settlement.outcome.paid_models == len(seen.accepted) >= 2
    assert world.escrow_wei() == 0
    share = 3 * ETHER // len(seen.accepted)
    for m in seen.accepted:
        index = next(i for i in CONTRIBUTORS if world.person(i).chain.address == m.contributor)
        assert world.balance_wei(index) - before[index] == share
    for index in VERIFIERS:
        assert world.balance_wei(index) - before[index] == ETHER // 100
    fused = fuse.fuse(world.person(STRANGER), of)
    again = fuse.fuse(world.person(VERIFIERS[0]), of)
    assert fused.manifest == again.manifest
    assert len(fused.manifest.members) == len(seen.accepted)
    assert fused.manifest.score_ppm >= seen.key.mafr_ppm  # whether beyond each score: the seed decides


def test_story_votesInABatchSentByAStranger_countAsTheirOwn(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:2])
    world.draw(of)
    stranger = world.person(STRANGER)
    signed = [vote.sign(world.person(index), of, (900_000, 100)) for index in VERIFIERS]
    vote.seal_many(stranger, of, signed)
    world.pass_phase(of, Phase.VOTE)
    vote.open_ballot(world.person(VERIFIERS[0]), of)  # one does not wait for the others
    vote.open_many(stranger, of, [vote.opening(world.person(index), of) for index in VERIFIERS[1:]])
    world.pass_phase(of, Phase.BALLOT)
    settlement = world.settle(of)
    assert [m.index for m in world.view(of).accepted] == [0]
    assert settlement.outcome.paid_verifiers == 3
    assert world.escrow_wei() == 0


def test_story_everyoneWithdrawsForThemselves_drains(world: World) -> None:
    of = world.open()
    world.submit(of)
    world.draw(of)
    world.vote(of, scores=(1_000_000, 300_000, 299_999))
    assert settle.withdraw(world.person(1), of).amount_wei == 3 * ETHER // 2
    assert settle.withdraw(world.person(2), of).amount_wei == 3 * ETHER // 2
    with pytest.raises(ContractRefused, match="NothingOwed"):
        settle.withdraw(world.person(3), of)
    for index in VERIFIERS:
        assert settle.withdraw(world.person(index), of).amount_wei == ETHER // 100
    assert settle.withdraw(world.person(INITIATOR), of).amount_wei == ETHER // 10
    assert world.escrow_wei() == 0


def test_exit_cancelInNotice_returnsThePot(world: World) -> None:
    of = world.open()
    task.cancel(world.person(INITIATOR), of)
    assert world.view(of).phase == Phase.CANCELLED
    assert world.escrow_wei() == 0


def test_exit_cancelAfterNotice_isRefused(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    with pytest.raises(ContractRefused, match="WrongPhase") as refused:
        task.cancel(world.person(INITIATOR), of)
    assert refused.value.args_["phase"] == "SUBMIT"


def test_exit_nobodySubmits_returnsThePot(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.OPEN)
    assert world.view(of).phase == Phase.EMPTY
    assert world.settle(of).outcome.initiator_wei == world.view(of).key.pot_wei
    assert world.escrow_wei() == 0


def test_exit_initiatorNeverShowsTheShards_bondGoesToTheOthers(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    draw.fix(world.person(STRANGER), of)
    world.pass_phase(of, Phase.DRAW)
    assert world.view(of).phase == Phase.LAPSED
    outcome = world.settle(of).outcome
    assert (outcome.contributor_wei, outcome.verifier_wei) == (ETHER // 20, ETHER // 20 // 3)
    assert world.escrow_wei() == 0


def test_exit_nobodyVotes_returnsThePot(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    world.draw(of)
    world.pass_phase(of, Phase.BALLOT)
    assert world.settle(of).outcome.initiator_wei == world.view(of).key.pot_wei
    assert world.escrow_wei() == 0


def test_exit_everyModelRejected_paysVerifiersOnlyAndFusesNothing(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:2])
    world.draw(of)
    world.vote(of, scores=(0, 299_999))
    outcome = world.settle(of).outcome
    assert (outcome.paid_models, outcome.paid_verifiers) == (0, 3)
    assert world.escrow_wei() == 0
    with pytest.raises(NothingDue, match="nothing to fuse"):
        fuse.fuse(world.person(STRANGER), of)


def test_copy_sameWeightsAsAnEarlierSeal_scoresZeroAndIsStruck(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    model = world.train(1, of)
    for index in (1, 2):  # the second contributor got hold of the first one's file
        commit.seal(world.person(index), of, model.manifest, model.weights)
    world.pass_phase(of, Phase.SUBMIT)
    for index in (2, 1):  # and is even first to open it
        commit.open_model(world.person(index), of)
    world.pass_phase(of, Phase.OPEN)
    world.draw(of)
    copy, original = verify.verify(world.person(STRANGER), of).scores
    assert (copy.score_ppm, copy.reason) == (0, "copy of model 1")
    assert original.score_ppm > 0
    struck = commit.strike(world.person(STRANGER), of)
    assert [(s.original, s.copy) for s in struck] == [(original.contributor, copy.contributor)]
    world.vote(of, scores=(1_000_000, 1_000_000))
    assert [m.contributor for m in world.view(of).accepted] == [original.contributor]


def test_attack_01_copiedSeal_cannotBeOpened(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    model = world.train(1, of)
    honest, thief = world.person(1), world.person(2)
    sealed = commit.seal(honest, of, model.manifest, model.weights)
    thief.chain.send("theft", thief.chain.quorate.call("commitSeal", of, sealed.seal))
    world.pass_phase(of, Phase.SUBMIT)
    commit.open_model(honest, of)
    secret = honest.journal.get("model", of.hex())
    assert secret is not None
    salt = bytes.fromhex(secret["salt"])
    args = (bytes.fromhex(secret["weights"]), bytes.fromhex(secret["manifest"]))
    opening = (*args, len(model.weights), model.manifest.claimed_ppm, salt)
    with pytest.raises(ContractRefused, match="ModelSealMismatch"):
        thief.chain.send("theft/2", thief.chain.quorate.call("commitOpen", of, *opening))


def test_ballot_copiedFromAnotherVerifier_cannotBeOpened(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    world.draw(of)
    honest, lazy = world.person(VERIFIERS[0]), world.person(VERIFIERS[1])
    sealed = vote.seal(honest, of, (700_000,))
    seat = world.view(of).seat_of(lazy.chain.address)
    assert seat is not None
    lazy.chain.send("copy", lazy.chain.quorate.call("voteSeal", of, seat.seat, sealed.seal))
    world.pass_phase(of, Phase.VOTE)
    opened = vote.opening(honest, of)
    call = lazy.chain.quorate.call("voteOpen", of, opened.scores, opened.salt)
    with pytest.raises(ContractRefused, match="BallotSealMismatch"):
        lazy.chain.send("copy/2", call)


def test_ballot_byAStranger_isRefused(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    world.draw(of)
    with pytest.raises(NothingDue, match="not in the task's pool"):
        vote.seal(world.person(STRANGER), of, (1,))


def test_ballot_scoreAboveAMillionOrForAnUnknownModel_isRefused(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    world.draw(of)
    verifier = world.person(VERIFIERS[0])
    with pytest.raises(TermsRefused, match="1000001"):
        vote.seal(verifier, of, (1_000_001,))
    with pytest.raises(TermsRefused, match="2 scores for 1 models"):
        vote.seal(verifier, of, (1, 2))


def test_seal_twoModelsOfOneAccount_secondIsRefused(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    first, second = world.train(1, of), world.train(2, of)
    ctx = world.person(1)
    sealed = commit.seal(ctx, of, first.manifest, first.weights)
    assert commit.seal(ctx, of, first.manifest, first.weights) == sealed
    with pytest.raises(TermsRefused, match="another model"):
        commit.seal(ctx, of, second.manifest, second.weights)
    again = ctx.chain.quorate.call("commitSeal", of, bytes(range(32)))
    with pytest.raises(ContractRefused, match="ModelAlreadySealed"):
        ctx.chain.send("again", again)


def test_seal_insteadOfAModelThatWasNeverSent_opensWhicheverArrived(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    ctx, first, second = world.person(1), world.train(1, of), world.train(2, of)
    value = commit.prepare(ctx, of, first.manifest, first.weights)
    with pytest.raises(TermsRefused, match="another model"):
        commit.prepare(ctx, of, second.manifest, second.weights)
    commit.prepare(ctx, of, second.manifest, second.weights, instead=True)
    ctx.chain.send("late", ctx.chain.quorate.call("commitSeal", of, value))
    with pytest.raises(TermsRefused, match="another model"):
        commit.prepare(ctx, of, replace(first.manifest, claimed_ppm=1), first.weights, instead=True)
    assert commit.kept(ctx, of).document == first.manifest.to_bytes()
    assert commit.seal(ctx, of, first.manifest, first.weights, instead=True).receipt is None
    world.pass_phase(of, Phase.SUBMIT)
    assert commit.open_model(ctx, of).manifest_cid == cid_of(first.manifest.to_bytes())


def test_open_afterTheWindow_isRefusedAndPublishesNothing(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    model = world.train(1, of)
    commit.seal(world.person(1), of, model.manifest, model.weights)
    world.pass_phase(of, Phase.OPEN)
    with pytest.raises(ContractRefused, match="WrongPhase"):
        commit.open_model(world.person(1), of)
    assert not world.store.has(model.manifest.weights.cid)


def test_open_withoutTheJournal_saysSo(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.SUBMIT)
    with pytest.raises(NotSealedHere):
        commit.open_model(world.person(1), of)


def test_salts_journalLostBeforeOpening_areDerivedAgain(world: World) -> None:
    of = world.open()
    world.pass_phase(of, Phase.NOTICE)
    model = world.train(1, of)
    commit.seal(world.person(1), of, model.manifest, model.weights)
    del world.people[1]  # the machine with the journal is gone; the model can be trained again
    commit.seal(world.person(1), of, *_parts(world, of))
    world.pass_phase(of, Phase.SUBMIT)
    commit.open_model(world.person(1), of)
    assert world.view(of).models[0].weights.hex() == model.manifest.weights.sha256


def test_taskOpen_sameTermsTwice_isOneTask(world: World) -> None:
    first = world.open()
    pot_wei = world.escrow_wei()
    assert world.open() == first
    assert world.escrow_wei() == pot_wei


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"mafr_ppm": 1_000_001}, "MafrOutOfRange"),
        ({"cap": 22}, "CapOutOfRange"),
        ({"shards_drawn": 11}, "ShardsOutOfRange"),
        ({"submit_s": 11}, "WindowOutOfRange"),
        ({"mafr_ppm": 2**24}, "mafrPpm|out of bounds|TaskKey|taskOpen"),
    ],
)
def test_taskOpen_badTerms_isRefusedAndNothingIsPaid(
    world: World, change: dict[str, int], error: str
) -> None:
    before = world.balance_wei(INITIATOR)
    with pytest.raises(Exception, match=error):
        world.open(verifiers=(), **change)
    assert world.balance_wei(INITIATOR) == before


def test_taskOpen_underfunded_isRefused(world: World) -> None:
    ctx = world.person(INITIATOR)
    key, _ = task.prepare(ctx, world.spec(), world.terms(), world.shards())
    call = ctx.chain.quorate.call("taskOpen", key.astuple())
    with pytest.raises(ContractRefused, match="EscrowMismatch"):
        ctx.chain.send("short", call, key.pot_wei - 1)


def test_drawReveal_wrongShard_isRefused(world: World) -> None:
    of = world.open()
    world.submit(of, CONTRIBUTORS[:1])
    draw.fix(world.person(INITIATOR), of)
    ctx = world.person(INITIATOR)
    secret = ctx.journal.get("shards", of.hex())
    assert secret is not None
    easy = ctx.journal.keep(world.shards(20)[0]).hex()
    ctx.journal.put("shards", of.hex(), secret | {"shards": [easy] * 10})
    with pytest.raises(ContractRefused, match="ShardsUnproven"):
        draw.reveal(ctx, of)
    ctx.journal.put("shards", of.hex(), secret)
    assert draw.reveal(ctx, of).receipt is not None


def _parts(world: World, of: bytes) -> tuple[object, bytes]:
    model = world.train(1, of)
    return model.manifest, model.weights
