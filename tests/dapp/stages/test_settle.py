"""Who is owed what in which role, and that each of it is paid once, by whichever way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.agent import Contributor, Initiator, Role, Verifier, step
from dapp.chain.client import Chain
from dapp.chain.errors import ContractRefused
from dapp.chain.outbox import SendSettings
from dapp.chain.owed import Claim, PaidAs, claims, owed
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from dapp.journal import Journal
from dapp.stages import commit, draw, settle, vote
from dapp.stages.context import Context
from ml.models import mlp
from tests.flow.world import ETHER, INITIATOR, STRANGER, TINY, VERIFIERS, World, shares

BOTH = 1  # contributes a model, and sits in the pool
BOND = ETHER // 10


def lapsed(world: World, verifiers: tuple[int, ...] = (BOTH,), **changes: object) -> bytes:
    """A task with one model whose shards were never shown; `verifiers` are the roster."""
    of = world.open(verifiers=verifiers, **changes)
    world.submit(of, (BOTH,))
    draw.fix(world.person(STRANGER), of)
    world.pass_phase(of, Phase.DRAW)
    assert world.view(of).phase == Phase.LAPSED
    return of


def due(world: World, of: bytes) -> list[tuple[PaidAs, str, int]]:
    found = owed(world.person(STRANGER).chain, world.view(of))
    return [(claim.paid_as, claim.payee, claim.amount_wei) for claim in found]


def got_wei(world: World, of: bytes, index: int) -> list[int]:
    account = world.person(index).chain.address
    return [payment.amount_wei for payment in world.view(of).paid if payment.payee == account]


def nonce(world: World, index: int) -> int:
    return world.rpc.nonce(world.person(index).chain.address)


def test_owed_lapsed_namesEveryRole(world: World) -> None:
    of = lapsed(world, verifiers=(BOTH, *VERIFIERS))
    both, initiator = (world.person(index).chain.address for index in (BOTH, INITIATOR))
    found = claims(world.person(STRANGER).chain, world.view(of))
    assert found[:2] == (
        Claim(PaidAs.CONTRIBUTOR, both, BOND // 2, None, False),
        Claim(PaidAs.VERIFIER, both, BOND // 2 // 4, 0, False),
    )
    assert [claim.seat for claim in found] == [None, 0, 1, 2, 3, None]
    assert (found[-1].paid_as, found[-1].payee) == (PaidAs.INITIATOR, initiator)
    assert sum(claim.amount_wei for claim in found) == world.escrow_wei()


def test_owed_beforeTheEnd_isNothing(world: World) -> None:
    of = world.open()
    world.submit(of, (BOTH,))
    assert due(world, of) == []


def test_withdraw_twoRoles_takesBothAndSaysWhatForWhich(world: World) -> None:
    of = lapsed(world)  # the only model and the only seat: two payments of one size
    taken = settle.withdraw(world.person(BOTH), of)
    assert taken.amount_wei == BOND
    assert [(t.paid_as, t.amount_wei) for t in taken.taken] == [
        (PaidAs.CONTRIBUTOR, BOND // 2),
        (PaidAs.VERIFIER, BOND // 2),
    ]
    assert got_wei(world, of, BOTH) == [BOND // 2, BOND // 2]
    assert (due(world, of), world.escrow_wei()) == ([], 0)


def test_withdraw_again_sendsNothingAndSaysTheSame(world: World) -> None:
    of = lapsed(world)
    first = settle.withdraw(world.person(BOTH), of)
    sent = nonce(world, BOTH)
    assert settle.withdraw(world.person(BOTH), of) == first
    assert nonce(world, BOTH) == sent
    assert got_wei(world, of, BOTH) == [BOND // 2, BOND // 2]


def test_withdraw_toAnotherAccount_isPaidThere(world: World) -> None:
    of = lapsed(world)
    there = Signer.devnet(25).address
    before_wei = world.rpc.balance_wei(there)
    taken = settle.withdraw(world.person(BOTH), of, there)
    assert [t.to for t in taken.taken] == [there, there]
    assert world.rpc.balance_wei(there) - before_wei == BOND


@pytest.mark.parametrize(
    "point", [f"withdraw.{claim}:{at}" for claim in ("share", "fee") for at in ("journaled", "mined", "done")]
)
def test_withdraw_cutAnywhere_theNextOneCompletesIt(world: World, point: str) -> None:
    class Cut(Exception):
        pass

    def failpoint(name: str) -> None:
        if name == point:
            raise Cut

    of = lapsed(world)
    settle.settle(world.person(STRANGER), of, pay=False)
    ctx = world.person(BOTH)
    before = nonce(world, BOTH)
    cutting = Chain(
        world.rpc, world.deployment, Signer.devnet(BOTH), ctx.journal, SendSettings(poll_s=0.01), failpoint
    )
    with pytest.raises(Cut):
        settle.withdraw(replace(ctx, chain=cutting), of)
    assert settle.withdraw(ctx, of).amount_wei == BOND
    assert nonce(world, BOTH) == before + 2
    assert got_wei(world, of, BOTH) == [BOND // 2, BOND // 2]
    assert world.escrow_wei() == 0


def test_settle_twoRoles_paysBothOnce(world: World) -> None:
    of = lapsed(world)
    assert [p.amount_wei for p in world.settle(of).paid][1:] == [BOND // 2, BOND // 2]
    assert (due(world, of), world.escrow_wei()) == ([], 0)
    again = settle.settle(world.person(VERIFIERS[0]), of)
    assert (again.paid, again.receipts) == ((), ())


def test_settle_afterOneRoleWasTaken_paysTheOther(world: World) -> None:
    of = lapsed(world)
    settle.settle(world.person(STRANGER), of, pay=False)
    ctx = world.person(BOTH)
    ctx.chain.send("by hand", ctx.chain.quorate.call("withdraw", of, ctx.chain.address))
    assert due(world, of) == [(PaidAs.VERIFIER, ctx.chain.address, BOND // 2)]
    assert [p.amount_wei for p in world.settle(of).paid] == [BOND // 2]
    assert world.escrow_wei() == 0


@pytest.mark.parametrize("plays", ["contributor", "verifier"])
def test_agent_twoRoles_takesBothWhicheverItPlays(world: World, plays: str) -> None:
    of = lapsed(world)
    waits = step(world.person(BOTH), role(world, of, plays))  # for the initiator, who settles for everyone
    assert waits.did is None and waits.due_at_s is not None
    world.clock.wait_until(waits.due_at_s)
    assert step(world.person(BOTH), role(world, of, plays)).did == "withdraw"
    assert step(world.person(BOTH), role(world, of, plays)).finished
    assert got_wei(world, of, BOTH) == [BOND // 2, BOND // 2]
    assert world.escrow_wei() == 0


def role(world: World, of: bytes, plays: str) -> Role:
    if plays == "verifier":
        return Verifier(of, world.pool_key)
    share = shares().contributors[0]
    return Contributor(of, share.train, share.verification, mlp(share.labels, hidden=(32,)), TINY, seed=1)


def test_agent_twoRolesAndDrawn_doesNotJudgeItsOwnModel(world: World) -> None:
    of = world.open(verifiers=(BOTH,))
    world.submit(of, (BOTH,))
    world.draw(of)
    waits = step(world.person(BOTH), Verifier(of, world.pool_key))
    assert (waits.did, waits.phase) == (None, Phase.VOTE)


def test_agent_lapsedWithoutABond_isOwedNothingAndFinishes(world: World) -> None:
    of = lapsed(world, bond_wei=0)
    assert step(world.person(BOTH), Verifier(of, world.pool_key)).finished
    with pytest.raises(ContractRefused, match="NothingOwed"):
        settle.withdraw(world.person(BOTH), of)


def test_initiator_contributedToItsOwnTask_takesRestAndShare(world: World) -> None:
    of = world.open(verifiers=())
    world.pass_phase(of, Phase.NOTICE)
    model = world.train(1, of)
    initiator = world.person(INITIATOR)
    chain = initiator.chain
    args = commit.Kept(model.manifest.to_bytes(), model.weights, bytes(32)).args()
    seal = chain.board.model_seal(of, chain.address, *args)
    chain.send("seal", chain.quorate.call("commitSeal", of, seal))  # which our stages refuse
    world.pass_phase(of, Phase.SUBMIT)
    chain.send("open", chain.quorate.call("commitOpen", of, *args))
    world.pass_phase(of, Phase.DRAW)
    settle.settle(world.person(STRANGER), of, pay=False)
    assert due(world, of) == [(PaidAs.CONTRIBUTOR, initiator.chain.address, BOND)]
    own = Initiator(world.spec(), world.terms(), world.shards())
    assert step(initiator, own).did == "withdraw"
    assert step(initiator, own).finished
    assert got_wei(world, of, INITIATOR) == [3 * ETHER + 3 * ETHER // 100, BOND]
    assert world.escrow_wei() == 0


def test_owed_feeTakenOnOpening_isNotOwedAgain(world: World) -> None:
    of = world.open()
    world.submit(of, (BOTH,))
    world.draw(of)
    early, late, silent = VERIFIERS
    for index in (early, late):
        vote.seal(world.person(index), of, (1_000_000,))
    world.pass_phase(of, Phase.VOTE)
    ctx = world.person(early)
    opening = vote.opening(ctx, of)
    args = (world.view(of).key.astuple(), opening.scores, opening.salt, ctx.chain.address)
    call = ctx.chain.quorate.call("voteOpenAndWithdraw", *args)
    ctx.chain.send("open and take", call)
    vote.open_ballot(world.person(late), of)
    world.pass_phase(of, Phase.BALLOT)
    assert [payee for paid_as, payee, _ in due(world, of) if paid_as == PaidAs.VERIFIER] == [
        world.person(late).chain.address
    ]
    world.settle(of)
    assert [got_wei(world, of, index) for index in VERIFIERS] == [[ETHER // 100], [ETHER // 100], []]
    assert world.person(silent).chain.address not in [payee for _, payee, _ in due(world, of)]
    assert world.escrow_wei() == 0


def test_withdraw_fromAnotherMachine_saysItWasPaidBefore(world: World) -> None:
    of = lapsed(world)
    settle.withdraw(world.person(BOTH), of)
    elsewhere = Journal.in_memory()
    chain = Chain(world.rpc, world.deployment, Signer.devnet(BOTH), elsewhere, SendSettings(poll_s=0.01))
    taken = settle.withdraw(Context(chain, world.store, elsewhere, world.clock), of)
    assert [(t.amount_wei, t.to, t.receipt) for t in taken.taken] == [(BOND // 2, None, None)] * 2
