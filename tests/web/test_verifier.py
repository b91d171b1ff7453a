"""A verifier at the desk: evaluates, seals, opens, withdraws, in a browser with a wallet."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from dapp.chain.words import Phase
from tests.flow.world import VERIFIERS
from tests.web.conftest import Scene
from tests.web.wallet import TestWallet


def connect(page: Page) -> None:
    page.locator("#connect").click()
    expect(page.locator("#account")).to_be_visible()


def press(page: Page, name: str) -> None:
    """A button, once it can be pressed."""
    ready(page)
    button = page.locator(f"#act-{name}")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()


def sign(page: Page) -> None:
    """Agree on the sheet, and wait until the page has gone on."""
    page.locator("#sign").click()
    expect(page.locator("#sheet")).to_have_count(0)


def at_desk(scene: Scene, task: bytes, *accounts: int) -> tuple[Page, TestWallet]:
    wallet = scene.wallet(*accounts)
    page = scene.page(wallet)
    page.goto(f"/desk/0x{task.hex()}")
    connect(page)
    expect(page).to_have_url(f"{scene.url}/desk/0x{task.hex()}?account={wallet.address}")
    ready(page)
    return page, wallet


def ready(page: Page) -> None:
    """Until the desk's scripts have taken over, with the wallet there."""
    expect(page.locator("#desk[data-ready]")).to_be_attached()
    expect(page.locator("#account")).to_be_visible()


def test_desk_verifier_evaluatesSealsOpensAndWithdraws(scene: Scene) -> None:
    task = scene.voting()
    page, wallet = at_desk(scene, task, VERIFIERS[0])
    press(page, "evaluate")
    expect(page.locator("text=samples of the drawn shards")).to_be_visible(timeout=60_000)
    press(page, "seal")
    expect(page.locator("#sheet-says")).to_contain_text("Seal your ballot on task")
    sign(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
    scene.world.pass_phase(task, Phase.VOTE)
    press(page, "open")
    sign(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "opened")
    scene.world.pass_phase(task, Phase.BALLOT)
    before = scene.world.balance_wei(VERIFIERS[0])
    press(page, "withdraw")
    expect(page.locator("#sheet-says")).to_contain_text("Write down how the task ended")
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_contain_text("owes you for your seat")
    sign(page)
    expect(page.locator("#why-withdraw")).to_contain_text("You have taken all")
    assert scene.world.balance_wei(VERIFIERS[0]) > before
    assert [each[0]["to"] for each in wallet.requests("eth_sendTransaction")] == [
        scene.world.deployment.contract("Quorate").address
    ] * 4
    assert scene.trouble == []
