"""Reorganisations under rounds of a lineage: agents notice what was taken back, and end the rounds right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dapp.agent import Initiator, RoundContributor, Step, may_pass, run, step
from dapp.chain import events, tasks
from dapp.chain.lineage import Kind, round_view
from dapp.chain.words import Phase
from dapp.lineage import heads
from dapp.stages import draw, lineage
from dapp.stages import round as rounds
from ml.errors import QuorateError
from tests.flow.killed import anvil_world
from tests.flow.lineages import PRIZE_WEI, Life, begin
from tests.flow.test_lineage_agents import roles_of
from tests.flow.world import INITIATOR, STRANGER, World

CONTRIBUTOR, OTHER = 1, 2
HOUR_S = 3_600


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with anvil_world(tmp_path) as (_, world):
        yield begin(world)


def take_back(world: World, since: int) -> None:
    """Reorganise the blocks after `since` away, with every transaction in them; nobody sends them again."""
    rpc = world.rpc
    rpc.raw("anvil_reorg", rpc.block().number - since, [])
    rpc.raw("anvil_dropAllTransactions")


def begun(
    life: Life, taught: dict[int, tuple[int, ...]], **windows: int
) -> tuple[bytes, Initiator, dict[int, RoundContributor]]:
    """A round that stands: its task, and who acts in it."""
    roles = roles_of(life, Kind.EXTEND, range(10), taught, **windows)
    initiator = roles[INITIATOR]
    assert isinstance(initiator, Initiator)
    opened = step(life.world.person(INITIATOR), initiator)
    assert opened.did == "round.open"
    return opened.task, initiator, {i: r for i, r in roles.items() if isinstance(r, RoundContributor)}


def do(world: World, index: int, role: RoundContributor, *expected: str) -> None:
    for name in expected:
        assert step(world.person(index), role).did == name


def to_the_vote(world: World, of: bytes, index: int, role: RoundContributor) -> None:
    """Seal, open and declare; ends in phase Draw."""
    world.pass_phase(of, Phase.NOTICE)
    do(world, index, role, "commit.seal")
    world.pass_phase(of, Phase.SUBMIT)
    do(world, index, role, "commit.open", "round.declare")


def accepted(world: World, of: bytes) -> None:
    """Draw and vote as the models deserve; ends settled."""
    world.pass_phase(of, Phase.OPEN)
    draw.fix(world.person(STRANGER), of)
    world.rpc.raw("anvil_mine", "0x8")
    draw.reveal(world.person(INITIATOR), of)
    world.vote(of)


def said(life: Life, kind: type[events.E_]) -> list[events.E_]:
    return events.of_type(events.of_lineage(life.world.person(STRANGER).chain, life.lineage), kind)


@pytest.mark.parametrize("with_opening", [False, True])
def test_attack_34_reorg_takesBackADeclaration_itIsSaidAgain(life: Life, with_opening: bool) -> None:
    world = life.world
    of, _, roles = begun(life, {CONTRIBUTOR: (3,)})
    role = roles[CONTRIBUTOR]
    world.pass_phase(of, Phase.NOTICE)
    do(world, CONTRIBUTOR, role, "commit.seal")
    world.pass_phase(of, Phase.SUBMIT)
    opening_from = world.rpc.block().number
    do(world, CONTRIBUTOR, role, "commit.open")
    since = opening_from if with_opening else world.rpc.block().number
    do(world, CONTRIBUTOR, role, "round.declare")
    take_back(world, since)
    assert not rounds.has_declared(world.person(CONTRIBUTOR), of)
    do(world, CONTRIBUTOR, role, *(["commit.open"] if with_opening else []), "round.declare")
    assert len(events.declarations(world.person(STRANGER).chain, of)) == 1
    accepted(world, of)
    do(world, CONTRIBUTOR, role, "extend")
    life.pass_challenge()
    do(world, CONTRIBUTOR, role, "prize")
    assert [paid.amount_wei for paid in said(life, events.PrizePaid)] == [PRIZE_WEI]


def test_attack_34_reorg_takesBackAHead_theNextRoundWaitsForItAndEndsRight(life: Life) -> None:
    world = life.world
    of, _, roles = begun(life, {CONTRIBUTOR: (3,)})
    first = roles[CONTRIBUTOR]
    to_the_vote(world, of, CONTRIBUTOR, first)
    accepted(world, of)
    since = world.rpc.block().number
    do(world, CONTRIBUTOR, first, "extend")
    life.pass_challenge()
    after, initiator, others = begun(life, {OTHER: (4,)}, notice_s=HOUR_S, submit_s=HOUR_S)
    world.pass_phase(after, Phase.NOTICE)
    do(world, OTHER, others[OTHER], "commit.seal")

    take_back(world, since)
    chain = world.person(STRANGER).chain
    assert heads.known(chain, life.lineage).view.number == 0
    assert tasks.phase(chain, after) == Phase.NONE
    noticed: list[str] = []

    def the_others_go_on(seconds: float) -> None:
        try:
            step(world.person(INITIATOR), initiator)
        except QuorateError as error:
            assert may_pass(error)
            noticed.append(str(error))
            if lineage.show(world.person(STRANGER), life.lineage).known.view.number == 0:
                do(world, CONTRIBUTOR, first, "extend")
            life.pass_challenge()

    def draws_and_votes(waits: Step, seconds: int) -> None:
        if waits.phase is Phase.NOTICE:
            while round_view(chain, after) is None:
                the_others_go_on(0)
        if waits.phase is Phase.OPEN:
            accepted(world, after)

    played = run(
        world.person(OTHER),
        others[OTHER],
        on_wait=draws_and_votes,
        on_retry=lambda error: noticed.append(error.code),
        sleep=the_others_go_on,
    )
    assert noticed[0] == "task-unknown"
    assert any("not the one that the task was prepared for" in each for each in noticed)
    assert [step.did for step in played][-3:] == ["extend", "prize", None]
    do(world, CONTRIBUTOR, first, "prize")
    assert [c.name for c in lineage.show(world.person(STRANGER), life.lineage).classes] == list("01234")
    assert [paid.task for paid in said(life, events.PrizePaid)] == [after, of]
    assert len(said(life, events.HeadAdvanced)) == len(said(life, events.RoundOpened)) == 2
