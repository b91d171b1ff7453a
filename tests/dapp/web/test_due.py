"""What is due: each role's next step as a task goes on; a task that cannot be read breaks nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update

from dapp.chain.words import Phase
from dapp.index.tables import Fixing, LogEntry
from dapp.stages import commit, draw
from tests.dapp.web.conftest import Visit
from tests.flow.world import CONTRIBUTORS, INITIATOR, STRANGER, VERIFIERS

WINDOWS = dict.fromkeys(("submit_s", "open_s", "vote_s", "ballot_s"), 3_600)


def due(visit: Visit, index: int) -> list[dict[str, Any]]:
    who = visit.world.person(index).chain.address
    shown: Any = visit.page(f"/desk.json?account={who}")["due"]
    return list(shown)


def asked(visit: Visit, index: int) -> list[tuple[str, int]]:
    return [(each["what"], each["urgency"]) for each in due(visit, index)]


@pytest.mark.long
def test_due_ofEachRole_isItsNextStep_fromSealToPay(visit: Visit) -> None:
    world = visit.world
    task = world.open(**WINDOWS)
    world.pass_phase(task, Phase.NOTICE)
    contributor, verifier = CONTRIBUTORS[0], VERIFIERS[0]
    model, person = world.train(contributor, task), world.person(contributor)
    assert asked(visit, contributor) == asked(visit, verifier) == []
    commit.seal(person, task, model.manifest, model.weights)
    assert asked(visit, contributor) == [("Open your model when submissions have ended", 1)]
    world.pass_phase(task, Phase.SUBMIT)
    assert asked(visit, contributor) == [("Open your model", 0)]
    commit.open_model(person, task)
    world.pass_phase(task, Phase.OPEN)
    assert asked(visit, INITIATOR) == [("Have the drawn shards shown, or lose your bond", 0)]
    draw.fix(world.person(STRANGER), task)
    assert asked(visit, verifier) == [("Wait: the committee is being drawn", 1)]
    draw.reveal(world.person(INITIATOR), task)
    assert asked(visit, verifier) == [("Evaluate, and seal your ballot", 0)]
    assert asked(visit, contributor) == [("Wait: your model is being judged", 1)]
    world.vote(task, scores=[900_000])
    roles = {contributor: "Take your share", verifier: "Take your fee", INITIATOR: "Take what is left"}
    assert {index: asked(visit, index) for index in roles} == {i: [(what, 0)] for i, what in roles.items()}
    world.settle(task)
    assert [asked(visit, index) for index in roles] == [[], [], []]


@pytest.mark.long
def test_tasksThatCannotBeRead_areShownAsSuch_besideTheOthers(visit: Visit) -> None:
    world = visit.world
    first = world.open(vote_s=36_000)
    world.submit(first, CONTRIBUTORS[:1])
    world.draw(first)
    second = world.open(number=1)
    world.submit(second, CONTRIBUTORS[:1])
    world.draw(second)
    world.vote(second, scores=[900_000])
    visit.backend.refresh()
    with visit.backend.index.session() as session, session.begin():
        session.execute(update(Fixing).where(Fixing.task == "0x" + first.hex()).values(pool_size=99))
        opened = LogEntry.name == "ModelOpened"
        session.execute(delete(LogEntry).where(LogEntry.topic1 == "0x" + second.hex(), opened))
    shown = {each["task"]: each for each in due(visit, VERIFIERS[0])}
    assert shown["0x" + second.hex()]["what"] == "This task cannot be read"
    assert "but the board counts 1 models" in shown["0x" + second.hex()]["trouble"]
    assert shown["0x" + first.hex()]["what"] == "It cannot be read whether you have a seat"
    html = visit.html(f"/desk?account={world.person(VERIFIERS[0]).chain.address}")
    assert "This task cannot be read" in html and "roster 1 has 3 members, not 99" in html
