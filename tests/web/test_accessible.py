"""No page has a serious fault that axe-core knows: by day, by night, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Scene
from tests.web.desk import at_desk, ready
from tests.web.screenshots import settled, take_all
from tests.web.test_rollback import NODES, recorded

SMALLEST_PX = 9
PHONES_PX = (360, 390)
LAYOUT = """() => {
  const all = [...document.querySelectorAll("main *, header *")];
  const shown = all.filter((each) => each.getBoundingClientRect().width);
  const text = shown.filter((each) => each.localName === "text");
  return {
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    text: text.map((each) => parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a),
    torn: shown.filter((each) => each.matches(WHOLE) && each.getClientRects().length > 1).length,
  };
}""".replace("WHOLE", "'.who code, .copy code, .tag, .phase'")


@pytest.mark.long
def test_everyPage_hasNoSeriousFault(scene: Scene, tmp_path: Path) -> None:
    assert take_all(scene, tmp_path) == []


@pytest.mark.long
def test_onAPhone_noPageIsWiderThanTheScreen_andChartsCanBeRead(scene: Scene) -> None:
    done, run = settled(scene), recorded(scene)
    node, nobody = scene.wallet(NODES[0]).address, "0x" + "00" * 32
    paths = {
        "/tasks": 0, f"/tasks/0x{done.hex()}": 1, f"/tasks/{nobody}": 0, f"/desk/0x{done.hex()}": 0,
        "/gas": 0, f"/contribute/0x{done.hex()}": 0, f"/runs/0x{run.hex()}": 2,
        f"/runs/0x{run.hex()}/entries/1": 0,
        f"/runs/0x{run.hex()}/diff?a=0&b=1": 0, f"/rollback/0x{run.hex()}?account={node}": 0, "/new-task": 0,
        f"/accounts/{node}": 0,
    }  # fmt: skip
    for width in PHONES_PX:
        page = scene.page(viewport={"width": width, "height": 800})
        for path, charts in paths.items():
            page.goto(path)
            expect(page.locator(".wallet button")).to_be_visible()
            found = page.evaluate(LAYOUT)
            assert (found["over"], found["torn"]) == (0, 0), (path, width)
            assert page.locator("svg.plot").count() == charts, path
            assert min(found["text"], default=SMALLEST_PX) >= SMALLEST_PX, (path, width)


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
