"""What lists say of a task is what the chain's words say, at every moment of its life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dapp.chain.client import Chain
from dapp.chain.tasks import TaskView, view, view_of
from dapp.chain.words import Phase
from dapp.index import Index, catch_up, queries
from dapp.index.index import history
from dapp.stages import task as tasks
from tests.dapp.index.postgres import missing
from tests.flow.world import INITIATOR, World, new_world

Indexes = list[Index]


def listed(world: World, index: Index) -> dict[str, queries.TaskRow]:
    caught = catch_up(Chain(world.rpc, world.deployment), index)
    with index.session() as session:
        return {row.task: row for row in queries.tasks(session, queries.TaskFilter(), caught.at_s).rows}


def same(world: World, indexes: Indexes, of: bytes) -> TaskView:
    seen = world.view(of)
    for index in indexes:
        row = listed(world, index)["0x" + of.hex()]
        assert row.phase is seen.phase
        assert row.ends_at_s == seen.ends_at_s(seen.phase)
        assert row.models == len(seen.models)
    return seen


@pytest.fixture
def indexes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Indexes]:
    """One in SQLite, and one in PostgreSQL where that is installed."""
    with ExitStack() as stack:
        urls = ["sqlite://"]
        if missing() is None:
            urls.append(request.getfixturevalue("postgres").new())
        yield [stack.enter_context(Index.open(url)) for url in urls]


def test_phase_inTheIndex_isTheChains_fromNoticeToSettled(tmp_path: Path, indexes: Indexes) -> None:
    with new_world(tmp_path) as world:
        task = world.open()
        seen = {same(world, indexes, task).phase}
        world.pass_phase(task, Phase.NOTICE)
        seen.add(same(world, indexes, task).phase)
        world.pass_phase(task, Phase.SUBMIT)
        seen.add(same(world, indexes, task).phase)
        world.pass_phase(task, Phase.OPEN)
        assert same(world, indexes, task).phase is Phase.EMPTY
        cancelled, lapsed = (world.open(verifiers=(), number=n) for n in (1, 2))
        tasks.cancel(world.person(INITIATOR), cancelled)
        assert same(world, indexes, cancelled).phase is Phase.CANCELLED
        world.submit(lapsed)
        seen.add(same(world, indexes, lapsed).phase)
        world.draw(lapsed)
        seen.add(same(world, indexes, lapsed).phase)
        world.pass_phase(lapsed, Phase.VOTE)
        seen.add(same(world, indexes, lapsed).phase)
        world.pass_phase(lapsed, Phase.BALLOT)
        seen.add(same(world, indexes, lapsed).phase)
        third = world.open(verifiers=(), number=3)
        world.submit(third, contributors=(1,))
        world.pass_phase(third, Phase.DRAW)
        seen.add(same(world, indexes, third).phase)
        missing = {Phase.NONE, Phase.EMPTY, Phase.CANCELLED}
        assert seen == set(Phase) - missing


def test_view_fromTheIndexsLogs_isTheViewFromTheChain(tmp_path: Path, url: str) -> None:
    with new_world(tmp_path) as world, Index.open(url) as index:
        task = world.open()
        world.submit(task)
        world.draw(task)
        world.vote(task, scores=(900_000, 800_000, 100_000))
        world.settle(task)
        chain = Chain(world.rpc, world.deployment)
        catch_up(chain, index)
        with index.session() as session:
            kept = history(session, "Quorate", "0x" + task.hex())
        assert view_of(chain, task, lambda: kept) == view(chain, task)


@pytest.mark.parametrize("key", ["1-2", "", "x"])
def test_tasks_afterAKeyThatIsNone_areRefused(key: str) -> None:
    with Index.in_memory() as index, index.session() as session, pytest.raises(ValueError):
        queries.tasks(session, queries.TaskFilter(), 0, key)
