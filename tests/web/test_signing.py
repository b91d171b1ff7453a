"""What the page shows is what the wallet is asked to sign, and what all else makes of the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from eth_utils import keccak, to_checksum_address
from playwright.sync_api import Browser, Page

from dapp.chain.contracts import Contract, contract
from dapp.chain.ledger import Ledger
from dapp.cli.main import run
from dapp.plain import plain
from dapp.signing.digests import calldata_digest
from dapp.signing.phrases import phrases
from dapp.signing.sheet import Sheet, of_call, of_message
from tests.random_calls import NAMES, functions, random_calls
from tests.web.conftest import Scene, scene_of

SHEET = """async ([book, wanted]) => {
  const sheet = await import('/static/js/sign/sheet.js');
  const of = (each) => (each.primaryType ? sheet.sheetOfMessage : sheet.sheetOfCall)(book, each);
  return wanted.map(of);
}"""


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_of(browser, tmp_path_factory.mktemp("signing")) as made:
        yield made


@pytest.fixture(scope="module")
def page(scene: Scene) -> Page:
    made = scene.page(scene.wallet(11))
    made.goto("/tasks")
    return made


@pytest.fixture(scope="module")
def contracts(scene: Scene) -> tuple[Contract, ...]:
    deployment = scene.world.deployment
    return tuple(contract(name, deployment.contract(name).address) for name in NAMES)


def as_page(sheet: Sheet) -> dict[str, Any]:
    """A sheet as the page's script returns it."""
    shown = plain(sheet)
    return {key: shown[key] for key in ("name", "says", "then", "fields", "digests")}


def test_sheet_twoHundredRandomCalls_pageAndPythonSayTheSame(
    page: Page, contracts: tuple[Contract, ...]
) -> None:
    calls = random_calls(contracts, 200)
    book = page.evaluate("() => fetch('/signing.json').then((answer) => answer.json())")
    wanted = [{"to": to, "data": "0x" + data.hex(), "value": hex(value)} for to, data, value in calls]
    shown = page.evaluate(SHEET, [book, wanted])
    for (to, data, value), sheet in zip(calls, shown, strict=True):
        assert {key: sheet[key] for key in ("name", "says", "then", "fields", "digests")} == as_page(
            of_call(contracts, to, data, value)
        )
    assert {sheet["name"] for sheet in shown} > {"taskOpen", "voteSeal", "settle", "rollback", "extend"}


def test_sheet_typedMessages_pageAndPythonAndLedgerAgree(page: Page, scene: Scene) -> None:
    rng, chain = random.Random(7), scene.world.person(20).chain
    board, ledger = chain.board, Ledger(chain.chain_id, chain.ledger.address)
    book = page.evaluate("() => fetch('/signing.json').then((answer) => answer.json())")
    votes = [tuple(rng.randbytes(32) for _ in range(4)) for _ in range(20)]
    messages = [board.ballot_typed_data(rng.randbytes(32), rng.randbytes(32)) for _ in range(20)]
    messages += [ledger.rollback_typed_data(*vote, nonce=rng.getrandbits(32)) for vote in votes]
    shown = page.evaluate(SHEET, [book, plain(messages)])
    for message, sheet in zip(messages, shown, strict=True):
        assert {key: sheet[key] for key in as_page(of_message(message))} == as_page(of_message(message))
    for vote, message, sheet in zip(votes, messages[20:], shown[20:], strict=True):
        nonce = message["message"]["nonce"]
        assert sheet["digests"]["digest"] == "0x" + ledger.rollback_vote(*vote, nonce=nonce).hex()


def test_calldataDigest_isLengthThenData() -> None:
    assert calldata_digest(b"\x12\x34") == keccak(bytes(31) + b"\x02\x12\x34")


@pytest.mark.parametrize("damage", ["cut", "selector", "padding", "offset", "elsewhere"])
def test_sheet_callThatDoesNotDecode_isNotShownAsAnything(
    page: Page, contracts: tuple[Contract, ...], damage: str
) -> None:
    board = contracts[1]
    call = board.call("voteOpen", b"\x01" * 32, b"\x0f\x42\x40", b"\x02" * 16)
    data, to = bytearray(call.data), call.to
    if damage == "cut":
        del data[-40:]
    elif damage == "selector":
        data[0] ^= 1
    elif damage == "padding":
        data[-1] = 1
    elif damage == "offset":
        data[4 + 32 : 4 + 64] = (2**255).to_bytes(32, "big")
    else:
        to = to_checksum_address(b"\x05" * 20)
    book = page.evaluate("() => fetch('/signing.json').then((answer) => answer.json())")
    with pytest.raises(Exception, match=r"decoded|no function|no contract"):
        page.evaluate(SHEET, [book, [{"to": to, "data": "0x" + data.hex(), "value": "0x0"}]])


def test_phrases_coverEveryFunctionThatWrites(contracts: tuple[Contract, ...]) -> None:
    assert {entry["name"] for _, entry in functions(contracts)} <= set(phrases())


def test_digestVerb_andPage_agree(
    page: Page,
    scene: Scene,
    contracts: tuple[Contract, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = contracts[1].call("voteSeal", b"\x07" * 32, 3, b"\x08" * 32)
    book = page.evaluate("() => fetch('/signing.json').then((answer) => answer.json())")
    data = "0x" + call.data.hex()
    [shown] = page.evaluate(SHEET, [book, [{"to": call.to, "data": data, "value": "0x0"}]])
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", str(scene.settings.deployments))
    capsys.readouterr()
    assert run(["digest", data, "--rpc", scene.node.http_url]) == 0
    said = capsys.readouterr()
    assert said.out.split() == ["calldata", shown["digests"]["calldata"]]
    assert shown["says"] in said.err
