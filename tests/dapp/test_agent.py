"""The agents' loop: it waits, tries again what may pass, and ends when nothing is left to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dapp.agent import RETRY_S, SETTLE_S, Contributor, Initiator, Step, Verifier, may_pass, run, step
from dapp.chain.client import Chain, Receipt
from dapp.chain.clock import TravelClock
from dapp.chain.contracts import Call
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil, anvil_clock
from dapp.chain.errors import ContractRefused, TaskUnknown
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from dapp.journal import Journal
from dapp.stages import draw, settle
from dapp.stages.context import Context
from dapp.stages.pool import PoolKey
from dapp.store import open_store
from ml.errors import QuorateError
from ml.models import mlp
from tests.dapp.chain.conftest import FAST
from tests.dapp.chain.hostile_rpc import hostile
from tests.flow.conftest import world
from tests.flow.world import CONTRIBUTORS, ETHER, INITIATOR, STRANGER, TINY, World, shares

__all__ = ["world"]


def test_run_initiatorAlone_waitsThroughTheWindowsAndSettles(world: World) -> None:
    told: list[str | None] = []
    waited: list[tuple[str, int]] = []
    played = run(
        world.person(INITIATOR),
        Initiator(world.spec(), world.terms(), world.shards()),
        on_step=lambda step: told.append(step.did),
        on_wait=lambda step, seconds: waited.append((step.phase.name, seconds)),
    )
    assert [step.did for step in played] == ["task.open", "settle", None]
    assert (told, played[-1].finished) == (["task.open", "settle"], True)
    assert [phase for phase, _ in waited] == ["NOTICE", "SUBMIT", "OPEN"]
    assert all(0 < seconds <= 60 for _, seconds in waited)
    assert world.escrow_wei() == 0


def test_run_contributor_trainsSealsOpensAndIsPaidWhenTheTaskLapses(world: World) -> None:
    of = world.open()
    share = shares().contributors[0]
    recipe = replace(TINY, steps=20)
    architecture = mlp(share.labels, hidden=(16,))
    role = Contributor(of, share.train, share.verification, architecture, recipe, seed=1)
    played = run(world.person(1), role)
    assert [step.did for step in played] == ["commit.seal", "commit.open", "withdraw", None]
    assert world.view(of).paid_wei(world.person(1).chain.address) == ETHER // 10


class Overtaken(Chain):
    """The initiator's chain, where a stranger fixes the draw just before the initiator does."""

    def __init__(self, world: World, of: bytes) -> None:
        journal = world.person(INITIATOR).journal
        super().__init__(world.rpc, world.deployment, Signer.devnet(INITIATOR), journal, FAST)
        self._fix_first = lambda: draw.fix(world.person(STRANGER), of)

    def send(self, step: str, call: Call, value_wei: int = 0) -> Receipt:
        if step.startswith("draw.fix"):
            self._fix_first()
        return super().send(step, call, value_wei)


@pytest.mark.parametrize("name", ["WrongPhase", "ShardNotDrawn", "DrawBlockForgotten", "PoolEmpty"])
def test_mayPass_whatTimeOrAReorgMends_isTriedAgain(name: str) -> None:
    assert may_pass(ContractRefused(name, {}))
    assert not may_pass(ContractRefused("NotInitiator", {}))


def test_run_whatAStrangerDidFirst_isNoFailure(world: World) -> None:
    of = world.open()
    world.submit(of, (1,))
    role = Initiator(world.spec(), world.terms(), world.shards())
    ctx = replace(world.person(INITIATOR), chain=Overtaken(world, of))
    retried: list[object] = []
    played = run(ctx, role, on_retry=lambda e: retried.append(e.values["name"]), sleep=lambda seconds: None)
    assert retried == ["DrawAlreadyFixed"]
    assert [step.did for step in played] == ["draw.reveal", "settle", None]


def test_run_endpointGoesDownWhileWaiting_triesAgain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dapp.chain.rpc.FIRST_PAUSE_S", 0.0)
    with Anvil() as node, hostile(node.http_url) as proxy:
        rpc = connect(proxy.url)
        deployment = deploy(Chain(node.rpc(), None, Signer.devnet(29), settings=FAST), folder=None)
        journal = Journal.in_memory()
        chain = Chain(rpc, deployment, Signer.devnet(INITIATOR), journal, FAST)
        store = open_store(f"embedded:{tmp_path / 'store'}")
        clock = anvil_clock(node.rpc())
        through = TravelClock(rpc, clock.wait_until, lambda blocks: None)  # asks the time by way of the proxy
        ctx = Context(chain, store, journal, through)
        world = World(rpc, clock, deployment, store)
        retried: list[tuple[str, bool]] = []
        slept: list[float] = []

        def goes_down(step: Step, seconds: int) -> None:
            if not retried:
                proxy.twists["*"] = lambda request, real: 503

        def comes_back(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 2:
                proxy.twists.clear()

        played = run(
            ctx,
            Initiator(world.spec(), world.terms(), world.shards()),
            on_wait=goes_down,
            on_retry=lambda error: retried.append((error.code, error.retryable)),
            sleep=comes_back,
        )
        assert [step.did for step in played] == ["task.open", "settle", None]
        assert (retried, slept) == ([("endpoint-down", True)] * 2, [RETRY_S] * 2)


@pytest.mark.parametrize("once_known", [True, False])
def test_run_whatDoesNotPass_isRaised(world: World, once_known: bool) -> None:
    key = PoolKey(allow_list=bytes(range(32)))
    of = world.open(verifiers=(), pool=key.pool) if once_known else bytes(range(32))
    retried: list[QuorateError] = []
    with pytest.raises((ContractRefused, TaskUnknown)) as error:
        run(world.person(STRANGER), Verifier(of, key), on_retry=retried.append)
    assert error.value.code == ("contract-refused" if once_known else "task-unknown")
    assert retried == []


def test_run_afterEverybodyWasSettledFor_endsAtOnce(world: World) -> None:
    of = world.open()
    world.submit(of, (1,))
    draw.fix(world.person(STRANGER), of)
    world.clock.wait_until(world.view(of).ends_at_s(world.view(of).phase) or 0)
    settle.settle(world.person(STRANGER), of)
    assert [step.did for step in run(world.person(11), Verifier(of, world.pool_key))] == [None]


def test_run_verifierWithoutAVote_saysWhyItHadNothingToDo(world: World) -> None:
    of = world.open()
    world.submit(of, (1,))
    draw.fix(world.person(STRANGER), of)
    world.clock.wait_until(world.view(of).ends_at_s(world.view(of).phase) or 0)
    settle.settle(world.person(STRANGER), of)
    notes = []
    for who in (12, STRANGER):
        (last,) = run(world.person(who), Verifier(of, world.pool_key))
        assert (last.finished, last.late) == (True, False)
        notes.append(last.note)
    assert "shards were never shown" in notes[0]
    assert "in no seat of the pool" in notes[1]


@pytest.mark.parametrize("initiator_settles", [True, False])
def test_step_whenATaskIsOver_leavesSettlingToTheInitiatorForAWhile(
    world: World, initiator_settles: bool
) -> None:
    of = world.open()
    world.submit(of)
    world.pass_phase(of, Phase.DRAW)
    share, person = shares().contributors[0], world.person(CONTRIBUTORS[0])
    role = Contributor(of, share.train, share.verification, mlp(share.labels, hidden=(16,)), TINY, seed=1)
    sent = world.rpc.nonce(person.chain.address)
    waits = step(person, role)
    assert (waits.phase, waits.did) == (Phase.LAPSED, None)
    assert waits.due_at_s is not None and 0 < waits.due_at_s - world.view(of).now_s < 2 * SETTLE_S
    if initiator_settles:
        settle.settle(world.person(INITIATOR), of)
        assert step(person, role).finished
        assert world.rpc.nonce(person.chain.address) == sent
    else:
        world.clock.wait_until(waits.due_at_s)
        assert step(person, role).did == "withdraw"
    assert world.view(of).paid_wei(person.chain.address) > 0


def test_run_contributorAfterTheSubmitWindow_endsAtOnceAndIsLate(world: World) -> None:
    of = world.open()
    world.submit(of, (1,))
    share = shares().contributors[0]
    architecture = mlp(share.labels, hidden=(16,))
    role = Contributor(of, share.train, share.verification, architecture, replace(TINY, steps=20), seed=1)
    waited: list[Step] = []
    (last,) = run(world.person(2), role, on_wait=lambda step, seconds: waited.append(step))
    assert (last.finished, last.late, waited) == (True, True, [])
    assert "sealed no model" in last.note


def test_run_shardsShownLongBeforeTheDrawWindowEnds_verifierVotesInTime(world: World) -> None:
    of = world.open(verifiers=(11,), committee=1, draw_s=86_400)  # the vote lasts a minute
    world.submit(of, (1,))
    draw.fix(world.person(STRANGER), of)

    def shows(step: Step, seconds: int) -> None:
        if step.phase == Phase.DRAW:
            draw.reveal(world.person(INITIATOR), of)

    played = run(world.person(11), Verifier(of, world.pool_key), on_wait=shows)
    assert [step.did for step in played] == ["vote.seal", "vote.open", "withdraw", None]
