"""A site over a small world: the real application on a chain in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dapp.chain.client import Chain
from dapp.config import Settings
from dapp.index import Index
from dapp.web import WebSettings, create_app
from dapp.web.backend import Backend
from dapp.web.turnstile import AT_ONCE, WAITING, WORK
from tests.flow.conftest import world
from tests.flow.world import World

__all__ = ["world"]
BASE = "http://127.0.0.1:8600"


@dataclass
class Visit:
    """A world, its site, and a browser on it."""

    world: World
    client: TestClient
    backend: Backend
    web: WebSettings

    def html(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    def page(self, path: str) -> dict[str, object]:
        """The context object of a page, from its JSON twin."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["page"]


def visit_of(world: World, folder: Path, index: Index | None = None, **changes: Any) -> Visit:
    """The site of a world; the index is read up before each request."""
    chain = Chain(world.rpc, world.deployment)
    web = WebSettings(Settings(data_dir=folder / "data"), poll_s=0, **changes)
    backend = Backend(chain, index or Index.in_memory(), world.store)
    return Visit(world, TestClient(create_app(web, backend), base_url=BASE), backend, web)


@pytest.fixture
def visit(world: World, tmp_path: Path) -> Iterator[Visit]:
    made = visit_of(world, tmp_path)
    with made.client:
        yield made


@contextmanager
def crowded() -> Iterator[None]:
    """All places for long work are taken, and as many wait as may."""
    taken = AT_ONCE + WAITING
    assert all(WORK._inside.acquire(blocking=False) for _ in range(taken))
    try:
        yield
    finally:
        WORK._inside.release(taken)
