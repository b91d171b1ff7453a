"""A verifier at the desk: evaluates, seals, opens, withdraws, in a browser with a wallet."""

from __future__ import annotations

from playwright.sync_api import expect

from dapp.chain.words import Phase
from tests.flow.world import VERIFIERS
from tests.web.conftest import Scene
from tests.web.desk import at_desk, evaluated, press, sign


def test_desk_verifier_evaluatesSealsOpensAndWithdraws(scene: Scene) -> None:
    task = scene.voting()
    page, wallet = at_desk(scene, task, VERIFIERS[0])
    evaluated(page)
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
