"""What was estimated beside what a task then costs, by its receipts."""

from __future__ import annotations

import pytest

from dapp.chain.lineage import Kind, head_view
from dapp.chain.words import Phase
from dapp.gas.audit import Audit, audit_run, audit_task
from dapp.gas.estimate import Plan, PlanImpossible, estimate
from dapp.gas.operations import Role
from dapp.gas.plays import Fees
from dapp.stages import commit_many, draw, extend, settle, vote
from tests.flow.lineages import OLD, begin
from tests.flow.world import CONTRIBUTORS, ETHER, INITIATOR, STRANGER, VERIFIERS, World


def drawn(world: World, of: bytes) -> None:
    """The draw, by the initiator alone."""
    draw.fix(world.person(INITIATOR), of)
    draw.reveal(world.person(INITIATOR), of)


def assert_within_5_percent(plan: Plan, audit: Audit) -> None:
    """Each role's gas, as estimated and as spent; what counts for many tasks is left out of both."""
    estimated = {s.role.value: s.gas.today for s in estimate(plan).shares() if s.gas.today}
    spent = {s.name: s.gas for s in audit.by_role()}
    assert spent.keys() == estimated.keys()
    off = {role: estimated[role] / spent[role] - 1 for role in spent}
    assert {role: share for role, share in off.items() if abs(share) > 0.05} == {}


def test_estimate_ofATaskPaidByItsSettler_isWithin5Percent(world: World) -> None:
    of = world.open()
    world.submit(of)
    drawn(world, of)
    world.vote(of)
    settle.settle(world.person(INITIATOR), of)
    audit = audit_task(world.person(STRANGER).chain, of)
    assert [s.name for s in audit.by_role()] == ["initiator", "contributor", "verifier"]
    assert_within_5_percent(Plan(fees=Fees.SETTLED), audit)


def test_estimate_ofATaskInWhichEveryoneWithdraws_isWithin5Percent(world: World) -> None:
    of = world.open()
    world.submit(of)
    drawn(world, of)
    world.vote(of, scores=(900_000, 800_000, 700_000))
    settle.settle(world.person(INITIATOR), of, pay=False)
    for index in (*CONTRIBUTORS, *VERIFIERS):
        settle.withdraw(world.person(index), of)
    audit = audit_task(world.person(STRANGER).chain, of)
    assert audit.sum.transactions == 1 + 3 + 3 + 2 + 3 + 3 + 1 + 3 + 3
    assert_within_5_percent(Plan(), audit)


def test_estimate_ofAPoolLargerThanItsCommittee_andARejectedModel_isWithin5Percent(world: World) -> None:
    of = world.open(committee=2)
    world.submit(of)
    drawn(world, of)
    seats = {seat.verifier for seat in world.view(of).drawn_seats}
    committee = [index for index in VERIFIERS if world.person(index).chain.address in seats]
    world.vote(of, committee, scores=(900_000, 800_000, 100_000))
    settle.settle(world.person(INITIATOR), of)
    audit = audit_task(world.person(STRANGER).chain, of)
    assert_within_5_percent(Plan(verifiers=2, pool=3, accepted=2, fees=Fees.SETTLED), audit)


def test_audit_countsEachTransactionToWhoPaid(world: World) -> None:
    of = world.open()
    world.submit(of)
    draw.fix(world.person(VERIFIERS[0]), of)
    draw.reveal(world.person(INITIATOR), of)
    world.vote(of)
    settle.withdraw(world.person(CONTRIBUTORS[0]), of)  # settles, for nobody has
    settle.settle(world.person(STRANGER), of)
    paid = {
        (one.operation.function, one.sender, one.role)
        for one in audit_task(world.person(STRANGER).chain, of).spent
    }
    by = {index: world.person(index).chain.address for index in (CONTRIBUTORS[0], VERIFIERS[0], STRANGER)}
    assert paid >= {
        ("draw", by[VERIFIERS[0]], Role.VERIFIER),
        ("settle", by[CONTRIBUTORS[0]], Role.CONTRIBUTOR),
        ("settle", by[STRANGER], Role.ANYONE),
    }


def test_estimate_ofBatchedModelsAndBallots_isWithin5Percent(world: World) -> None:
    of, stranger = world.open(), world.person(STRANGER)
    world.pass_phase(of, Phase.NOTICE)
    two = [world.person(index) for index in CONTRIBUTORS[:2]]
    models = [world.train(index, of) for index in CONTRIBUTORS[:2]]
    signed = [commit_many.sign(p, of, m.manifest, m.weights) for p, m in zip(two, models, strict=True)]
    commit_many.seal_many(stranger, of, signed)
    world.pass_phase(of, Phase.SUBMIT)
    commit_many.open_many(stranger, of, [commit_many.opening(person, of) for person in two])
    world.pass_phase(of, Phase.OPEN)
    drawn(world, of)
    vote.seal_many(stranger, of, [vote.sign(world.person(i), of, (900_000, 800_000)) for i in VERIFIERS])
    world.pass_phase(of, Phase.VOTE)
    vote.open_many(stranger, of, [vote.opening(world.person(index), of) for index in VERIFIERS])
    world.pass_phase(of, Phase.BALLOT)
    settle.settle(world.person(INITIATOR), of)
    audit = audit_task(stranger.chain, of)
    assert [s.transactions for s in audit.by_operation() if "in a batch" in s.name] == [1, 1, 1, 1]
    assert_within_5_percent(Plan(models=2, batched=True, fees=Fees.SETTLED), audit)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(Kind.IMPROVE, marks=pytest.mark.long, id="improve"),
        pytest.param(Kind.EXTEND, id="extend"),
    ],
)
def test_estimate_ofARound_isWithin5Percent(world: World, kind: Kind) -> None:
    life = begin(world, threshold_ppm=600_000 if kind is Kind.IMPROVE else 0)
    improves = kind is Kind.IMPROVE
    of = life.open(kind, OLD if improves else range(10), reward_wei=3 * ETHER)
    taught = {1: (3,), 2: (7,)}
    life.submit(of, {i: life.improve(i, of) if improves else life.grow(i, of, taught[i]) for i in taught})
    drawn(world, of)
    world.vote(of)
    settle.settle(world.person(INITIATOR), of)
    initiator = world.person(INITIATOR)
    extended = extend.extend(initiator, of)
    assert len(extended.contributors) == (1 if improves else 2)
    life.pass_challenge()
    for index in taught:
        person = world.person(index)
        if person.chain.address in extended.contributors:
            extend.withdraw_prize(person, of)
    audit = audit_task(world.person(STRANGER).chain, of)
    functions = {one.operation.function for one in audit.spent}
    assert functions >= {"taskOpen", "roundOpen", "declare", "extend", "prizeWithdraw"}
    tensors = head_view(initiator.chain, life.lineage, 0).tensor_count
    plan = Plan(
        models=2, kind=kind.name.lower(), tensors=tensors, fees=Fees.SETTLED, shards=4, shards_drawn=4
    )
    assert_within_5_percent(plan, audit)


def test_audit_feesAndGas_areThoseOfTheReceipts(world: World) -> None:
    before = world.balance_wei(0)
    of = world.open()
    chain = world.person(STRANGER).chain
    spent = [one for one in audit_task(chain, of).spent if one.role is Role.INITIATOR]
    assert [one.operation.function for one in spent] == ["taskOpen"]
    assert before - world.balance_wei(0) == world.escrow_wei() + spent[0].fee_wei


def test_audit_ofWhatNeverWas_isEmpty(world: World) -> None:
    chain = world.person(STRANGER).chain
    assert audit_task(chain, b"\1" * 32).spent == audit_run(chain, b"\1" * 32).spent == ()


@pytest.mark.parametrize(
    "plan", [Plan(verifiers=1_201), Plan(models=22), Plan(nodes=256), Plan(shards=3, shards_drawn=4)]
)
def test_estimate_beyondTheContractsLimits_isRefused(plan: Plan) -> None:
    with pytest.raises(PlanImpossible):
        estimate(plan)


def test_estimate_ofManyEpochs_scalesByBatches() -> None:
    def recorder(epochs: int) -> int:
        (share,) = (s for s in estimate(Plan(models=0, epochs=epochs)).shares() if s.role is Role.RECORDER)
        return share.gas.today

    one, two, hundred = recorder(64), recorder(65), recorder(6_400)
    assert hundred == one + 99 * (two - one)


@pytest.mark.parametrize("kind", ["improve", "extend"])
def test_estimate_ofARoundByFewOfAPool_isPlayed(kind: str) -> None:
    few, all_ = (
        estimate(Plan(kind=kind, models=1, verifiers=2, pool=pool, fees=Fees.SETTLED)) for pool in (5, 0)
    )
    assert (few.sum.today, few.transactions) == (pytest.approx(all_.sum.today, rel=0.05), all_.transactions)


def test_estimate_ofEveryNodeThatARunMayHave_countsThemAll() -> None:
    def attest(nodes: int) -> int:
        lines = estimate(Plan(models=0, epochs=1, nodes=nodes)).lines
        return next(line.gas.today for line in lines if line.operation.function == "attest")

    assert attest(255) - attest(128) == pytest.approx(attest(128) - attest(1), rel=0.05)  # 63, 64 signatures
