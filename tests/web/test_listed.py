"""Tasks with lists in the page: opened with their roots, and acted at with the proofs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dapp.account_lists import parse
from dapp.chain import events
from dapp.chain.words import Phase
from dapp.stages.pool import PoolKey
from tests.flow.world import VERIFIERS
from tests.web.conftest import LONG_S, Scene, scene_of
from tests.web.desk import at_desk, connect, press, ready, sign
from tests.web.test_contributor import ACCOUNT, at_task, trained
from tests.web.wallet import key_of

LISTED = "\n".join(["# hospitals", key_of(ACCOUNT).address, key_of(5).address.lower()])
ADMITTED = "\n".join(key_of(index).address for index in (*VERIFIERS, 14))


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_of(browser, tmp_path_factory.mktemp("listed")) as made:
        yield made


@pytest.mark.long
def test_form_withLists_opensTheTaskWithTheRootsThatItShows(scene: Scene, tmp_path: Path) -> None:
    page = scene.page(scene.wallet(5))
    page.goto("/new-task")
    connect(page)
    page.locator("#f-contributors").fill("0x12")
    page.locator("#f-contributors").blur()
    expect(page.locator("#root-contributors")).to_contain_text("line 1: '0x12' is no account")
    page.locator("#act-open-task").click()
    expect(page.locator("#f-contributors")).to_have_attribute("aria-invalid", "true")
    page.locator("#f-contributors").fill(LISTED)
    page.locator("#f-contributors").blur()
    root = "0x" + parse(LISTED).root.hex()
    expect(page.locator("#root-contributors")).to_have_text(f"2 accounts, root {root}")
    file = tmp_path / "verifiers.txt"
    file.write_text(ADMITTED)
    page.locator("#file-allow_list").set_input_files(file)
    expect(page.locator("#root-allow_list")).to_contain_text("4 accounts, root 0x")
    page.locator("#f-pool_salt").fill("7")
    page.locator("#act-open-task").click()
    expect(page.locator("[data-place='key.contributors']")).to_have_attribute("data-value", root)
    page.locator("#sign").click()
    page.wait_for_url("**/tasks/0x*")
    [opened] = events.opened_tasks(scene.world.person(20).chain)
    assert opened.key.contributors == parse(LISTED).root
    assert opened.key.pool == PoolKey(parse(ADMITTED).root, (7).to_bytes(32, "big")).pool
    assert [said for said in scene.trouble if "422" not in said] == []


@pytest.mark.long
def test_attack_49_listThatTheBrowserFilledInAgain_isTheTasks_andNotAnyone(
    scene: Scene, tmp_path: Path
) -> None:
    page = scene.page(scene.wallet(5))
    page.goto("/new-task")
    connect(page)
    page.evaluate("text => (document.querySelector('#f-contributors').value = text)", LISTED)
    page.locator("#act-open-task").click()
    root = page.locator("[data-place='key.contributors']")
    expect(root).to_have_attribute("data-value", "0x" + parse(LISTED).root.hex())
    page.reload()
    large = tmp_path / "large.txt"
    large.write_text("#" * 1_000_001)
    page.locator("#file-contributors").set_input_files(large)
    expect(page.locator("#root-contributors")).to_contain_text("too large for a list of accounts")
    expect(page.locator("#account")).to_be_visible()
    page.locator("#act-open-task").click()
    expect(page.locator("#f-contributors")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#sheet")).to_have_count(0)


@pytest.mark.long
def test_listedContributor_takesTheListIn_sealsAndOpens_othersAreToldTheyAreNot(
    scene: Scene, tmp_path: Path
) -> None:
    for kept in (scene.settings.data_dir / "lists").glob("*"):
        kept.unlink()
    task = scene.world.open(submit_s=LONG_S, open_s=LONG_S, contributors=parse(LISTED).root)
    scene.world.pass_phase(task, Phase.NOTICE)
    page = at_task(scene, task)
    expect(page.locator("#why-model-seal")).to_contain_text("is not on this machine: take it in below")
    page.locator("#list-text").fill(ADMITTED)
    page.locator("#act-list").click()
    expect(page.locator("#list-said")).to_contain_text("This is another list")
    page.locator("#list-text").fill(LISTED)
    page.locator("#act-list").click()
    expect(page.locator("#list")).to_have_count(0)
    own = page.url
    page.goto(f"/contribute/0x{task.hex()}?account={key_of(20).address}")
    expect(page.locator("#why-model-seal")).to_contain_text("is not on the list of this task's contributors")
    page.goto(own)
    page.locator("#folder").fill(str(trained(scene.world, task, tmp_path / "model")))
    press(page, "model-seal")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "sealed")
    scene.world.pass_phase(task, Phase.SUBMIT)
    press(page, "model-open")
    expect(page.locator("#sheet-cli")).to_contain_text("--contributors")
    sign(page)
    expect(page.locator("#model")).to_have_attribute("data-state", "opened")


@pytest.mark.long
def test_listedVerifier_takesASeatWithTheProof(scene: Scene) -> None:
    key = PoolKey(parse(ADMITTED).root, (7).to_bytes(32, "big"))
    task = scene.world.open(verifiers=(), pool=key.pool, submit_s=LONG_S, number=3)
    for kept in (scene.settings.data_dir / "lists").glob("*"):
        kept.unlink()
    page, _ = at_desk(scene, task, 14)
    expect(page.locator("#why-join")).to_contain_text("take its list in below")
    page.locator("#list-text").fill(ADMITTED)
    page.locator("#act-list").click()
    expect(page.locator("#list-said")).to_contain_text("This is another list")  # of another number
    page.locator("#list-salt").fill("7")
    page.locator("#act-list").click()
    expect(page.locator("#list")).to_have_count(0)
    press(page, "join")
    expect(page.locator("#sheet-says")).to_contain_text("Take a seat in a pool of verifiers.")
    sign(page)
    ready(page)
    expect(page.locator("#why-join")).to_contain_text("You have a seat in this task's pool")
    chain = scene.world.person(20).chain
    call = chain.membership.call("isMember", key.pool, key_of(14).address)
    assert chain.read(call)[0]
