"""No page has a serious fault that axe-core knows: by day, by night, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Scene
from tests.web.desk import at_desk, ready
from tests.web.screenshots import take_all


@pytest.mark.long
def test_everyPage_hasNoSeriousFault(scene: Scene, tmp_path: Path) -> None:
    assert take_all(scene, tmp_path) == []


def tabbed_to(page: Page, name: str) -> None:
    """Press Tab until the control of this id has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return
    pytest.fail(f"#{name} is not reached by Tab")


@pytest.mark.long
def test_keyboardAlone_reachesTheSheetAndLeavesIt(scene: Scene) -> None:
    task = scene.voting()
    page, wallet = at_desk(scene, task, 11)
    tabbed_to(page, "act-withdraw")
    assert page.locator("#act-withdraw").get_attribute("aria-describedby") == "why-withdraw"
    page.keyboard.press("Enter")
    expect(page.locator("#sheet")).to_have_count(0)
    page.evaluate(
        """async ([task, account]) => {
          const { act } = await import('/static/js/act.js');
          const opener = document.getElementById('act-seal');
          act('/act/vote/seal', { task, account, scores_ppm: [1, 2, 3] }, '', opener);
        }""",
        ["0x" + task.hex(), wallet.address],
    )
    expect(page.locator("#sign")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#sheet")).to_have_count(0)
    ready(page)
    assert wallet.requests("eth_sendTransaction") == []
