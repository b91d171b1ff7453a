"""What a person does at the desk, for tests."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.conftest import Scene
from tests.web.wallet import TestWallet


def connect(page: Page) -> None:
    page.locator("#connect").click()
    expect(page.locator("#account")).to_be_visible()


def ready(page: Page) -> None:
    """Until the desk's scripts have taken over, with the wallet there."""
    expect(page.locator("#desk[data-ready]")).to_be_attached()
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
    """The desk of one task, with a wallet of these accounts connected."""
    wallet = scene.wallet(*accounts)
    page = scene.page(wallet)
    page.goto(f"/desk/0x{task.hex()}")
    connect(page)
    expect(page).to_have_url(f"{scene.url}/desk/0x{task.hex()}?account={wallet.address}")
    ready(page)
    return page, wallet


def evaluated(page: Page) -> None:
    """Evaluate, and wait for the result."""
    press(page, "evaluate")
    expect(page.locator("text=samples of the drawn shards")).to_be_visible(timeout=90_000)
    ready(page)
