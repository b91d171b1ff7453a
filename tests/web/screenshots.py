"""Pictures of the pages for README and docs, from a real site: `make screenshots`.

Each page is also held against axe-core; what is serious ends the run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect

from dapp.chain.words import Phase
from tests.flow.world import CONTRIBUTORS, VERIFIERS
from tests.web.browser import chromium, faults_of
from tests.web.conftest import LONG_S, Scene, scene_of
from tests.web.desk import at_desk, connect, evaluated, press, ready
from tests.web.test_rollback import NODES, recorded

OUT: Final = Path(__file__).resolve().parents[2] / "docs" / "img"
SIZE: Final = {"width": 1280, "height": 860}


class Album:
    """Takes pictures, and notes what axe-core finds."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.faults: list[str] = []

    def take(self, page: Page, name: str, full: bool = True) -> None:
        self.faults += [f"{name}: {fault}" for fault in faults_of(page)]
        page.screenshot(path=self._out / f"web-{name}.png", full_page=full)


def settled(scene: Scene) -> bytes:
    """A task that went through, whose accepted were paid."""
    task = scene.voting(number=1)
    scene.world.vote(task)
    scene.world.settle(task)
    return task


def take_all(scene: Scene, out: Path) -> list[str]:
    """Every picture; what axe-core finds on the way."""
    album = Album(out)
    done = settled(scene)
    scene.world.open(number=2, submit_s=9 * LONG_S)
    run = recorded(scene)
    task = scene.voting(number=3, vote_s=9 * LONG_S)
    page, _ = at_desk(scene, task, VERIFIERS[0])
    page.set_viewport_size(SIZE)
    evaluated(page)
    album.take(page, "desk-task")
    page.locator("#classes-0 summary").click()
    page.locator("#classes-0").screenshot(path=out / "web-confusion.png")
    press(page, "seal")
    expect(page.locator("#sign")).to_be_visible()
    album.take(page, "sheet", full=False)
    page.locator("#sheet-close").click()
    for name, path in {
        "tasks": "/tasks",
        "task": f"/tasks/0x{done.hex()}",
        "desk": f"/desk?account={scene.wallet(VERIFIERS[0]).address}",
        "runs": "/runs",
        "run": f"/runs/0x{run.hex()}",
        "lineages": "/lineages",
        "badges": f"/accounts/{scene.wallet(CONTRIBUTORS[0]).address}",
        "gas": "/gas",
        "contribute": f"/contribute/0x{task.hex()}",
    }.items():
        page.goto(path)
        expect(page.locator("#account")).to_be_visible()
        album.take(page, name)
    page.goto("/new-task")
    expect(page.locator("#gas table")).to_be_visible(timeout=60_000)
    album.take(page, "new-task")
    node = scene.page(scene.wallet(NODES[0]), viewport=SIZE)
    node.goto(f"/rollback/0x{run.hex()}")
    connect(node)
    ready(node)
    album.take(node, "rollback")
    dark = scene.page(scene.wallet(VERIFIERS[0]), color_scheme="dark", viewport=SIZE)
    dark.goto(f"/tasks/0x{done.hex()}")
    album.take(dark, "task-dark")
    phone = scene.page(scene.wallet(VERIFIERS[0]), viewport={"width": 390, "height": 844})
    phone.goto(f"/desk/0x{task.hex()}?account={scene.wallet(VERIFIERS[0]).address}")
    expect(phone.locator("#connect")).to_be_visible()
    album.take(phone, "phone")
    assert scene.world.view(task).phase is Phase.VOTE
    return album.faults


def main() -> None:
    """Into docs/img, or the folder that is named."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        scene_of(browser, Path(folder)) as scene,
    ):
        faults = take_all(scene, out)
    if faults:
        sys.exit("axe-core finds:\n" + "\n".join(faults))
    sys.stdout.write(f"{len(list(out.glob('web-*.png')))} pictures in {out}\n")


if __name__ == "__main__":
    main()
