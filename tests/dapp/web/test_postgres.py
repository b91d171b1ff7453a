"""Pages over an index in PostgreSQL: the same as over SQLite, and an answer when the database goes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapp.index import Index
from tests.dapp.index.conftest import postgres
from tests.dapp.index.postgres import PASSWORD, Postgres
from tests.dapp.web.conftest import visit_of
from tests.flow.world import INITIATOR, VERIFIERS, World

__all__ = ["postgres"]
LISTS = (
    "/tasks.json", "/tasks.json?state=settled&sort=ending", "/tasks.json?sort=reward&q=world",
    "/tasks.json?q=0x", "/tasks.json?limit=1&after=1", "/runs.json", "/lineages.json", "/gas.json",
)  # fmt: skip


@pytest.fixture
def settled(world: World) -> bytes:
    """A task that is over, and one that is not."""
    task = world.open()
    world.submit(task)
    world.draw(task)
    world.vote(task)
    world.settle(task)
    world.open(verifiers=(), number=1)
    return task


def test_pages_overPostgresql_areThoseOverSqlite(
    world: World, settled: bytes, postgres: Postgres, tmp_path: Path
) -> None:
    task, people = f"0x{settled.hex()}", (world.person(n).chain.address for n in (INITIATOR, VERIFIERS[0]))
    paths = [*LISTS, f"/tasks/{task}.json", f"/gas/tasks/{task}.json"]
    paths += [f"/{kind}" for who in people for kind in (f"accounts/{who}.json", f"desk.json?account={who}")]
    with Index.open(postgres.new()) as index:
        here, there = visit_of(world, tmp_path / "a"), visit_of(world, tmp_path / "b", index)
        with here.client, there.client:
            for path in paths:
                assert there.page(path) == here.page(path), path


def test_page_whenTheDatabaseIsGone_saysSo_withoutThePassword(
    world: World, postgres: Postgres, tmp_path: Path
) -> None:
    world.open()
    url = postgres.new()
    with Index.open(url) as index:
        visit = visit_of(world, tmp_path, index)
        with visit.client:
            assert visit.page("/tasks.json")["known"] == 1
            name = index.engine.url.database
            postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
            for accept in ("application/json", "text/html"):
                answer = visit.client.get("/tasks", headers={"Accept": accept})
                assert answer.status_code == 503
                assert f"{name}" in answer.text and "does not exist" in answer.text
                assert (
                    PASSWORD not in answer.text
                    and index.engine.url.render_as_string(False) not in answer.text
                )
