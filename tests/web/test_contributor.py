"""A contributor checks a model against the task, seals it, opens it, in a browser with a wallet."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dapp.chain.words import Phase
from dapp.model_folder import write
from tests.flow.world import World
from tests.web.conftest import LONG_S, Scene
from tests.web.desk import connect, press, ready, sign
from tests.web.wallet import key_of

ACCOUNT = 1


def trained(world: World, task: bytes, folder: Path) -> Path:
    """The folder that `quorate train` would have written."""
    model = world.train(ACCOUNT, task)
    write(folder, model.manifest, model.weights)
    return folder


def at_task(scene: Scene, task: bytes) -> Page:
    page = scene.page(scene.wallet(ACCOUNT))
    page.goto(f"/contribute/0x{task.hex()}")
    connect(page)
    page.wait_for_url("**account=0x*")
    ready(page)
    return page


def test_contributor_checksSealsAndOpens(scene: Scene, tmp_path: Path) -> None:
    task = scene.world.open(submit_s=LONG_S, open_s=LONG_S)
    scene.world.pass_phase(task, Phase.NOTICE)
    page = at_task(scene, task)
    folder = trained(scene.world, task, tmp_path / "model")
    page.locator("#folder").fill(str(tmp_path / "nowhere"))
    press(page, "model-check")
    expect(page.locator("#checked")).to_contain_text("No model can be read there")
    expect(page.locator("#checked code")).to_have_text("quorate train")
    page.locator("#folder").fill(str(folder))
    press(page, "model-check")
    expect(page.locator("#checked")).to_contain_text("It fits")
    press(page, "model-seal")
    expect(page.locator("#sheet-says")).to_contain_text("Seal your model for task")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "sealed")
    scene.world.pass_phase(task, Phase.SUBMIT)
    press(page, "model-open")
    expect(page.locator("#sheet-says")).to_contain_text("you claim an accuracy of")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "opened")
    assert scene.world.view(task).model_of(key_of(ACCOUNT).address) is not None
    assert [said for said in scene.trouble if "422" not in said] == []


@pytest.mark.long
def test_uploadedFiles_areCheckedOnThisMachine_damagedOnesRefused(scene: Scene, tmp_path: Path) -> None:
    task = scene.world.open(submit_s=LONG_S)
    folder = trained(scene.world, task, tmp_path / "model")
    page = at_task(scene, task)
    files = [folder / "manifest.json", folder / "weights.safetensors"]
    page.locator("#model-files").set_input_files(files)
    press(page, "model-check")
    expect(page.locator("#checked")).to_contain_text("It fits")
    damaged = bytearray(files[1].read_bytes())
    damaged[-1] ^= 1
    files[1].write_bytes(damaged)
    page.locator("#model-files").set_input_files(files)
    press(page, "model-check")
    expect(page.locator("#checked")).to_contain_text("These are not the weights that the manifest names")
