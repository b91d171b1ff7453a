"""An initiator opens a task from the form."""

from __future__ import annotations

from playwright.sync_api import expect

from dapp.chain import events
from tests.web.conftest import Scene
from tests.web.desk import connect

ETHER = 10**18


def test_form_opensTheTaskItShows_andEscrowsThat(scene: Scene) -> None:
    wallet = scene.wallet(5)
    page = scene.page(wallet)
    page.goto("/new-task")
    expect(page.locator("#why-open-task")).to_have_text("Connect your wallet first.")
    connect(page)
    page.locator("#f-name").fill("Digits <b>of</b> mine")
    page.locator("#f-reward").fill("2.5")
    page.locator("#f-committee").fill("4")
    expect(page.locator("#pot")).to_have_text("3.2 ether")
    expect(page.locator("#gas table")).to_be_visible(timeout=60_000)
    expect(page.locator("#gas")).to_contain_text("initiator")
    page.locator("#act-open-task").click()
    expect(page.locator("#sheet-says")).to_contain_text("lock 3.2 ether for it: 2.5 ether for the accepted")
    expect(page.locator("[data-place='key.mafrPpm']")).to_have_text("80 %")
    page.locator("#sign").click()
    page.wait_for_url("**/tasks/0x*")
    expect(page.locator("h1")).to_have_text("Digits <b>of</b> mine")
    [opened] = events.opened_tasks(scene.world.person(20).chain)
    assert opened.key.pot_wei == 32 * ETHER // 10
    assert (opened.initiator, opened.key.committee) == (wallet.address, 4)
    assert scene.trouble == []


def test_form_amountThatIsNone_isNamed_andNothingIsAsked(scene: Scene) -> None:
    wallet = scene.wallet(5)
    page = scene.page(wallet)
    page.goto("/new-task")
    connect(page)
    page.locator("#f-fee").fill("")
    page.locator("#act-open-task").click()
    expect(page.locator("#f-fee")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-fee")).to_be_focused()
    assert wallet.requests("eth_sendTransaction") == []
