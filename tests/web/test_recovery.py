"""A sealed ballot is never lost: recovery file, another machine, another tab, other scores before sending."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dapp.chain.words import Phase
from dapp.cli.main import run
from tests.flow.world import VERIFIERS
from tests.web.conftest import LONG_S, Scene, scene_of
from tests.web.desk import at_desk, press, ready, sign
from tests.web.test_contributor import at_task, trained

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_of(browser, tmp_path_factory.mktemp("recovery")) as made:
        yield made


def seal(page: Page, task: bytes, account: str, scores_ppm: list[int]) -> None:
    """Through the page, without an evaluation."""
    page.evaluate(
        """async ([task, account, scores_ppm]) => {
          const { act } = await import('/static/js/act.js');
          act('/act/vote/seal', { task, account, scores_ppm }, '', null);
        }""",
        ["0x" + task.hex(), account, scores_ppm],
    )
    sign(page)
    page.reload()
    ready(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")


def saved(page: Page, to: Path) -> Path:
    """The recovery file that the page saves."""
    page.locator("#act-export").click()
    page.locator("#passphrase").fill(PASSPHRASE)
    with page.expect_download() as download:
        page.locator("#recovery-go").click()
    download.value.save_as(to)
    expect(page.locator("dialog")).to_have_count(0)
    return to


def bring(page: Page, file: Path, passphrase: str = PASSPHRASE) -> None:
    page.locator("#recovery-file").set_input_files(file)
    page.locator("#passphrase").fill(passphrase)
    page.locator("#recovery-go").click()


def test_journalLost_recoveryFileOpensTheBallot_wrongPassphraseDoesNot(scene: Scene, tmp_path: Path) -> None:
    task = scene.voting()
    page, wallet = at_desk(scene, task, VERIFIERS[0])
    seal(page, task, wallet.address, [700_000, 0, 123_456])
    file = saved(page, tmp_path / "ballot.json")
    held = json.loads(file.read_text())
    assert "700000" not in file.read_text() and "scores_ppm" not in held and "salt" not in held
    shutil.rmtree(scene.settings.data_dir / "journal")
    page.reload()
    ready(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "mismatch")
    expect(page.locator("#why-open")).to_contain_text("import its recovery file")
    page.locator("#act-import").click()
    bring(page, file, "not the passphrase")
    expect(page.locator("#recovery-trouble")).to_contain_text("does not open this file")
    bring(page, file)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
    scene.world.pass_phase(task, Phase.VOTE)
    ready(page)
    page.locator("#act-open").click()
    expect(page.locator("#sheet-says")).to_contain_text("70 %, 0 %, 12.3456 %")
    sign(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "opened")


@pytest.mark.long
def test_journalLost_modelsRecoveryFileOpensTheModel_changedOneDoesNot(scene: Scene, tmp_path: Path) -> None:
    task = scene.world.open(number=9, submit_s=LONG_S, open_s=LONG_S)
    scene.world.pass_phase(task, Phase.NOTICE)
    page, folder = at_task(scene, task), trained(scene.world, task, tmp_path / "model")
    page.locator("#folder").fill(str(folder))
    press(page, "model-seal")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "sealed")
    page.reload()
    ready(page)
    file = saved(page, tmp_path / "model.quorate-model")
    weights, content = (folder / "weights.safetensors").read_bytes(), file.read_bytes()
    head = json.loads(content.split(b"\n")[0])
    assert weights[200:240] not in content and not {"salt", "manifest"} & head.keys()
    for lost in ("journal", "uploads"):
        shutil.rmtree(scene.settings.data_dir / lost, ignore_errors=True)
    shutil.rmtree(folder)
    page.reload()
    ready(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "mismatch")
    expect(page.locator("#why-model-open")).to_contain_text("import its recovery file")
    page.locator("#act-import").click()
    changed = tmp_path / "changed.quorate-model"
    changed.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    bring(page, changed)
    expect(page.locator("#recovery-trouble")).to_contain_text("or the file was changed")
    bring(page, file)
    expect(page.locator("#model")).to_have_attribute("data-state", "sealed")
    scene.world.pass_phase(task, Phase.SUBMIT)
    press(page, "model-open")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "opened")


@pytest.mark.long
def test_recoveryFileOfAnotherBallot_isRefused(scene: Scene, tmp_path: Path) -> None:
    first, second = scene.voting(number=1, vote_s=9 * LONG_S), scene.voting(number=2)
    page, wallet = at_desk(scene, first, VERIFIERS[0])
    seal(page, first, wallet.address, [1, 2, 3])
    file = saved(page, tmp_path / "ballot.json")
    other, _ = at_desk(scene, second, VERIFIERS[0])
    seal(other, second, wallet.address, [4, 5, 6])
    shutil.rmtree(scene.settings.data_dir / "journal")
    other.reload()
    ready(other)
    other.locator("#act-import").click()
    bring(other, file)
    expect(other.locator("#recovery-trouble")).to_contain_text("of another task")
    forged = json.loads(file.read_text()) | {"task": "0x" + second.hex()}
    file.write_text(json.dumps(forged))
    bring(other, file)
    expect(other.locator("#recovery-trouble")).to_contain_text(
        "does not open this file, or the file was changed"
    )


@pytest.mark.long
def test_ballotSealedByThePage_isOpenedByTheCommandLine(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = scene.voting(number=3)
    page, wallet = at_desk(scene, task, VERIFIERS[1])
    seal(page, task, wallet.address, [10, 20, 30])
    scene.world.pass_phase(task, Phase.VOTE)
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", str(scene.settings.deployments))
    data = str(scene.settings.data_dir)
    arguments = ["vote", "open", "0x" + task.hex(), "--account", str(VERIFIERS[1]), "--yes"]
    assert run([*arguments, "--rpc", scene.node.http_url, "--data-dir", data]) == 0
    expect(page.locator("#ballot")).to_have_attribute("data-state", "opened")
