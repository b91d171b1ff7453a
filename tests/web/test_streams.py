"""Many tabs of one browser share one stream of news, and go on when the tab that listens goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import Scene, scene_of

TABS = 8  # a browser gives a host six connections over HTTP/1.1
LONG_MS = 120_000


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_of(browser, tmp_path_factory.mktemp("streams")) as made:
        yield made


def listeners(scene: Scene, wanted: int) -> None:
    """Wait until so many listen."""
    assert scene.server is not None
    hub, until_s = scene.server.app.state.hub, time.monotonic() + 120
    while hub.count != wanted:
        assert time.monotonic() < until_s, f"{hub.count} streams, not {wanted}"
        time.sleep(0.1)


def all_hear_of_a_block(scene: Scene, tabs: Sequence[Page]) -> None:
    scene.node.rpc().raw("anvil_mine", "0x1")
    block = scene.node.rpc().block().number
    for tab in tabs:
        expect(tab.locator("#as-of-block")).to_have_text(str(block), timeout=LONG_MS)
        expect(tab.locator("#stale")).to_be_hidden()


def test_eightTabs_shareOneStream_alsoAfterTheirLeaderClosedOrWentOn(scene: Scene) -> None:
    tabs = [scene.page()]
    tabs += [tabs[0].context.new_page() for _ in range(TABS - 1)]
    for tab in tabs:
        tab.goto("/tasks")
    all_hear_of_a_block(scene, tabs)
    listeners(scene, 1)
    tabs.pop(0).close()
    all_hear_of_a_block(scene, tabs)
    listeners(scene, 1)
    for tab in tabs:  # each is the leader at some time
        tab.goto("/runs")
    all_hear_of_a_block(scene, tabs)
    listeners(scene, 1)
    assert scene.trouble == []
    tabs[0].context.close()
    listeners(scene, 0)


def test_leaderThatHangs_losesTheStreamToATabThatDoesNot(scene: Scene) -> None:
    hung = scene.page()
    hung.goto("/openapi.json")
    hung.evaluate("() => { navigator.locks.request('quorate/events', () => new Promise(() => {})); }")
    page = hung.context.new_page()
    page.clock.install()
    page.goto("/tasks")
    listeners(scene, 0)
    page.clock.fast_forward(60_000)  # it asks the leader, which does not answer
    page.clock.fast_forward(20_000)
    listeners(scene, 1)
    all_hear_of_a_block(scene, [page])
    hung.context.close()
