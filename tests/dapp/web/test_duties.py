"""What an account has to do at a task, through a task's whole life."""

from __future__ import annotations

from dapp.chain.client import Chain
from dapp.chain.words import Phase
from dapp.index import Index, catch_up
from dapp.stages import commit, settle, vote
from dapp.web import due
from dapp.web.due import Deed
from tests.flow.world import CONTRIBUTORS, ETHER, INITIATOR, STRANGER, VERIFIERS, World

SCORES = (900_000, 800_000, 700_000)


def deeds(world: World, task: bytes) -> dict[int, list[Deed]]:
    """Of everybody who has something to do."""
    people = (INITIATOR, *CONTRIBUTORS, *VERIFIERS, STRANGER)
    view, chain = world.view(task), Chain(world.rpc, world.deployment)
    found = {n: due.duties(chain, view, world.person(n).chain.address) for n in people}
    return {number: [duty.deed for duty in theirs] for number, theirs in found.items() if theirs}


def test_duties_throughATasksLife_areWhatTheContractWaitsFor(world: World) -> None:
    task = world.open()
    assert deeds(world, task) == {}
    world.pass_phase(task, Phase.NOTICE)
    for index in CONTRIBUTORS:
        model = world.train(index, task)
        commit.seal(world.person(index), task, model.manifest, model.weights)
    world.pass_phase(task, Phase.SUBMIT)
    assert deeds(world, task) == {n: [Deed.OPEN_MODEL] for n in CONTRIBUTORS}
    for index in CONTRIBUTORS:
        commit.open_model(world.person(index), task)
    assert deeds(world, task) == {}
    world.pass_phase(task, Phase.OPEN)
    assert deeds(world, task) == {INITIATOR: [Deed.DRAW]}
    world.draw(task)
    assert deeds(world, task) == {n: [Deed.SEAL_BALLOT] for n in VERIFIERS}
    vote.seal(world.person(VERIFIERS[0]), task, SCORES)
    assert deeds(world, task) == {n: [Deed.SEAL_BALLOT] for n in VERIFIERS[1:]}
    world.pass_phase(task, Phase.VOTE)
    assert deeds(world, task) == {VERIFIERS[0]: [Deed.OPEN_BALLOT]}
    vote.open_ballot(world.person(VERIFIERS[0]), task)
    assert deeds(world, task) == {}
    world.pass_phase(task, Phase.BALLOT)
    owed = deeds(world, task)
    assert owed[VERIFIERS[0]] == owed[INITIATOR] == [Deed.WITHDRAW]
    chain, who = Chain(world.rpc, world.deployment), world.person(VERIFIERS[0]).chain.address
    assert due.duties(chain, world.view(task), who)[0].amount_wei == ETHER // 100
    settle.withdraw(world.person(VERIFIERS[0]), task)
    assert VERIFIERS[0] not in deeds(world, task)


def test_windows_ofACommittee_beginWhenItWasDrawn(world: World) -> None:
    task = world.open(draw_s=3_600)
    world.submit(task)
    world.draw(task)
    view = world.view(task)
    found = {window.phase: window for window in due.windows(view)}
    assert found[Phase.VOTE].until_s - found[Phase.VOTE].since_s == view.key.vote_s
    assert found[Phase.VOTE].since_s < found[Phase.DRAW].until_s
    assert [window.lead_s for window in found.values()] == [15, 15, 15, 900, 15, 15]


def test_logs_ofTasks_areCounted_withTheLastOnesBlock(world: World) -> None:
    one, other = (world.open(number=number, verifiers=()) for number in range(2))
    world.pass_phase(one, Phase.NOTICE)
    model = world.train(CONTRIBUTORS[0], one)
    commit.seal(world.person(CONTRIBUTORS[0]), one, model.manifest, model.weights)
    with Index.in_memory() as index, index.session() as session:
        caught = catch_up(Chain(world.rpc, world.deployment), index)
        found = due.logs(session, ["0x" + task.hex() for task in (one, other)])
    assert [count for count, _ in found.values()] == [2, 1]
    assert found["0x" + one.hex()][1] == caught.block > found["0x" + other.hex()][1]
