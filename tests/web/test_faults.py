"""What goes wrong between a page, a wallet and a chain: each has a state of its own, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from dapp.chain.devnet import Anvil
from dapp.plain import plain
from dapp.signing.digests import calldata_digest
from tests.flow.world import VERIFIERS
from tests.web.conftest import Scene, scene_of
from tests.web.desk import at_desk, connect, evaluated, press, ready, sign
from tests.web.wallet import BUSY, DECLINED, SILENT, UNKNOWN_CHAIN, key_of

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_of(browser, tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(scope="module")
def task(scene: Scene) -> bytes:
    """A task in the phase Vote that was evaluated on this machine."""
    voting = scene.voting()
    page, _ = at_desk(scene, voting, VERIFIERS[0])
    evaluated(page)
    page.context.close()
    return voting


def sealed(scene: Scene, task: bytes, account: int) -> bytes | None:
    seat = scene.world.view(task).seat_of(key_of(account).address)
    assert seat is not None
    return seat.sealed


def test_draftOfScores_belongsToItsAccount_andNobodyElseSealsIt(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[1])
    scores = page.locator("input[data-model]")
    measured = scores.first.input_value()
    scores.first.fill("12.5")
    first, second = page.url, key_of(VERIFIERS[2])
    wallet.use(page, second)
    page.locator("#whose a").click()
    page.wait_for_url(f"**account={second.address}")
    ready(page)
    expect(scores.first).to_have_value(measured)
    scores.last.fill("33")
    with page.expect_request("**/act/vote/seal") as asked:
        press(page, "seal")
    sealed_ppm = asked.value.post_data_json["scores_ppm"]
    assert sealed_ppm[0] != 125_000 and sealed_ppm[-1] == 330_000
    page.locator("#sheet-close").click()
    wallet.use(page, key_of(VERIFIERS[1]))
    page.goto(first)
    ready(page)
    expect(scores.first).to_have_value("12.5")
    expect(scores.last).not_to_have_value("33")


def test_declined_thenAgreed_sealsTheSameBallot(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[0])
    wallet.fail("eth_sendTransaction", DECLINED)
    press(page, "seal")
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_have_text("You declined in your wallet.")
    page.locator("#sheet-close").click()
    assert sealed(scene, task, VERIFIERS[0]) is None
    press(page, "seal")
    sign(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
    declined, agreed = (each[0] for each in wallet.requests("eth_sendTransaction"))
    assert declined == agreed


def test_otherScoresAfterDeclining_areSealedInstead(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[1])
    wallet.fail("eth_sendTransaction", DECLINED)
    press(page, "seal")
    page.locator("#sign").click()
    page.locator("#sheet-close").click()
    page.locator("input[data-model='0']").fill("12.5")
    press(page, "seal")
    sign(page)
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
    declined, agreed = (each[0]["data"] for each in wallet.requests("eth_sendTransaction"))
    assert declined != agreed


def test_silentWallet_pageStaysUsable(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    wallet.fail("eth_sendTransaction", SILENT)
    press(page, "seal")
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_have_text("Answer in your wallet.")
    page.locator("#sheet-close").click()
    expect(page.locator("#sheet")).to_have_count(0)
    expect(page.locator("#act-seal")).to_be_focused()


def test_wrongNetwork_buttonsSayWhy_untilItIsSwitched(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    wallet.chain_id, wallet.knows_chain = 1, False
    wallet.emit(page, "chainChanged", "0x1")
    expect(page.locator("#wrong-network")).to_have_text("Network 1")
    expect(page.locator("#act-seal")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#why-seal")).to_have_text("Your wallet is on another network.")
    page.locator("#switch").click()
    expect(page.locator("#wrong-network")).to_have_count(0)
    expect(page.locator("#act-seal")).to_have_attribute("aria-disabled", "false")
    [added] = wallet.requests("wallet_addEthereumChain")
    assert added[0]["rpcUrls"] == [scene.node.http_url]


def test_accountSwitchedWhileTheSheetIsOpen_nothingIsAsked(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    press(page, "seal")
    expect(page.locator("#sign")).to_be_visible()
    wallet.use(page, key_of(20))
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_have_text("Your wallet is at another account.")
    assert wallet.requests("eth_sendTransaction") == []
    page.locator("#sheet-close").click()
    expect(page.locator("#whose")).to_contain_text(key_of(20).address)
    expect(page.locator("#why-seal")).to_have_text("Your wallet is at another account.")
    page.locator("#whose a").click()
    ready(page)
    expect(page.locator("#why-seal")).to_contain_text("no seat")


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (DECLINED, "You declined in your wallet."),
        ({"code": 4100, "message": ""}, "Your wallet does not let this page use that account."),
        ({"code": 4200, "message": ""}, "Your wallet cannot do this."),
        ({"code": 4900, "message": ""}, "Your wallet is not connected to any network."),
        ({"code": 4901, "message": ""}, "Your wallet is not connected to this network."),
        (UNKNOWN_CHAIN, "Your wallet does not know this network."),
        (BUSY, "Your wallet has a question open already."),
        ({"code": -32601, "message": ""}, "Your wallet does not know this request."),
        ({"code": -32603, "message": "x"}, "Your wallet met an error of its own."),
        ({"code": -32005, "message": "x"}, "Your wallet's network node asks to slow down."),
        ({"code": 12345, "message": HOSTILE}, "Your wallet answered with an error."),
    ],
)
def test_connecting_eachFault_isSaidInWords(scene: Scene, fault: dict[str, Any], title: str) -> None:
    wallet = scene.wallet(VERIFIERS[0])
    wallet.fail("eth_requestAccounts", fault)
    page = scene.page(wallet)
    page.goto("/desk")
    page.locator("#connect").click()
    expect(page.locator("#said strong")).to_have_text(title)
    page.context.close()


def test_twoWallets_areChosenFrom_andHostileNamesAreText(scene: Scene) -> None:
    first = scene.wallet(11, name=HOSTILE, icon="javascript:alert(1)")
    second = scene.wallet(12, name="Second", uuid="2", rdns="org.example.second", announce="twice")
    page = scene.page(first, second)
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.goto("/desk")
    page.locator("#connect").click()
    expect(page.locator("ul.wallets li")).to_have_count(2)
    expect(page.locator("ul.wallets")).to_contain_text(HOSTILE)
    assert page.locator("ul.wallets img").count() == 1
    page.get_by_role("button", name="Second").click()
    expect(page.locator("#account")).to_have_attribute("title", second.address)


@pytest.mark.parametrize("announce", ["late", "legacy", "twice"])
def test_wallet_howeverItIsFound_connectsAndIsTakenUpAgain(scene: Scene, announce: str) -> None:
    wallet = scene.wallet(11, announce=announce)
    page = scene.page(wallet)
    page.goto("/desk")
    connect(page)
    page.wait_for_url(f"**/desk?account={wallet.address}")  # the desk goes there by itself
    page.goto("/tasks")
    expect(page.locator("#account")).to_be_visible()
    assert len(wallet.requests("eth_requestAccounts")) == 1


def test_noWallet_isSaid_andPagesStillRead(scene: Scene) -> None:
    page = scene.page()
    page.goto("/desk")
    expect(page.locator("#no-wallet")).to_be_visible()


def test_lyingServer_sheetShowsWhatIsSigned_notWhatWasMeant(scene: Scene, task: bytes) -> None:
    """The answer is changed on its way: the sheet decodes the changed bytes, and its digest tells."""
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    board = scene.world.person(20).chain.quorate
    other = board.call("withdrawFee", task, 1, key_of(25).address)

    def lie(route: Any) -> None:
        answer = route.fetch().json()
        answer["sign"]["transaction"]["data"] = "0x" + other.data.hex()
        route.fulfill(json=answer)

    page.route("**/act/vote/seal", lie)
    press(page, "seal")
    expect(page.locator("#sheet-says")).to_contain_text("Take what task")
    expect(page.locator("#sheet-fields [data-place='to']")).to_have_text(key_of(25).address)
    shown = page.locator("[data-digest='calldata']").text_content()
    assert shown == "0x" + calldata_digest(other.data).hex()
    page.locator("#sheet-close").click()
    assert wallet.requests("eth_sendTransaction") == []


def test_lyingServer_whatTheSheetDoesNotShow_isNotHandedOver(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    wallet.sends = lambda given: "0x" + "5a" * 32

    def lie(route: Any) -> None:
        answer = route.fetch().json()
        answer["sign"]["transaction"] |= {"input": "0xdead", "nonce": "0x0", "authorizationList": []}
        route.fulfill(json=answer)

    page.route("**/act/vote/seal", lie)
    press(page, "seal")
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_have_text("Handed over.")
    [[given]] = wallet.requests("eth_sendTransaction")
    assert set(given) == {"from", "to", "data", "value", "chainId"}
    page.unroute_all(behavior="ignoreErrors")


def test_lyingServer_messageThatCountsElsewhere_isNotShown(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    message = plain(scene.world.person(20).chain.board.ballot_typed_data(task, b"\x01" * 32))
    message["domain"]["verifyingContract"] = key_of(25).address
    lie = {"sign": {"kind": "message", "account": wallet.address, "message": message, "cli": ""}}
    page.route("**/act/vote/seal", lambda route: route.fulfill(json=lie))
    press(page, "seal")
    expect(page.locator("#sheet-says")).to_have_text("The server asks for a signature that counts elsewhere.")
    assert wallet.requests("eth_signTypedData_v4") == []


@pytest.mark.parametrize("what", ["network", "account"])
def test_walletSwitchedWithoutAWord_nothingIsAsked(scene: Scene, task: bytes, what: str) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    press(page, "seal")
    expect(page.locator("#sign")).to_be_visible()
    if what == "network":
        wallet.chain_id = 1
    else:
        wallet.accounts = [key_of(20)]
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_contain_text(f"another {what}.")
    assert wallet.requests("eth_sendTransaction") == []


@pytest.mark.long
def test_contractWallet_pageFollowsTheChainNotTheHash(scene: Scene, task: bytes) -> None:
    page, wallet = at_desk(scene, task, VERIFIERS[2])
    proposed: list[dict[str, Any]] = []
    wallet.sends = lambda given: proposed.append(given) or "0x" + "5a" * 32  # type: ignore[func-returns-value]
    press(page, "seal")
    page.locator("#sign").click()
    expect(page.locator("#sheet-says")).to_have_text("Handed over.")
    expect(page.locator("#sheet-slow")).to_be_visible(timeout=25_000)
    wallet.sends = None
    wallet._send(proposed[0])
    expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
    assert len(proposed) == 1


@pytest.mark.long
def test_chainRestartedUnderThePage_isSaid_andNothingIsSigned(browser: Browser, tmp_path: Any) -> None:
    with scene_of(browser, tmp_path) as scene:
        task = scene.voting()
        page, wallet = at_desk(scene, task, VERIFIERS[0])
        port = int(scene.node.http_url.rsplit(":", 1)[1])
        scene.node.stop()
        with Anvil(port=port):
            page.evaluate(
                """async ([task, account]) => {
                  const { act } = await import('/static/js/act.js');
                  act('/act/vote/seal', { task, account, scores_ppm: [1, 2, 3] }, '', null);
                }""",
                ["0x" + task.hex(), wallet.address],
            )
            expect(page.locator("#sheet-advice")).to_be_visible()
            assert wallet.requests("eth_sendTransaction") == []
            expect(page.locator("#stale")).to_be_visible(timeout=20_000)


@pytest.mark.long
def test_serverRestartedWhileEvaluating_goesOnByItself(browser: Browser, tmp_path: Any) -> None:
    with scene_of(browser, tmp_path) as scene:
        task = scene.voting()
        page, _ = at_desk(scene, task, VERIFIERS[0])
        press(page, "evaluate")
        expect(page.locator("#progress progress")).to_be_visible()
        scene.stop()
        scene.start()
        expect(page.locator("text=It went on after the server was started again")).to_be_visible(
            timeout=90_000
        )
        press(page, "seal")
        sign(page)
        expect(page.locator("#ballot")).to_have_attribute("data-state", "sealed")
