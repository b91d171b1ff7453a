"""What is sent, and what is not, on a real devnet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dapp.chain.devnet import Anvil
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate

MEMBER = 7


@pytest.fixture
def join(devnet: tuple[Anvil, str], monkeypatch: pytest.MonkeyPatch, quorate: Quorate) -> list[str]:
    """`pool join` on the devnet, as its account 7."""
    node, folder = devnet
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", folder)
    return ["pool", "join", "--account", str(MEMBER), "--rpc", node.http_url]


def test_dryRun_showsPlanAndSendsNothing(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]
) -> None:
    rpc, member = devnet[0].rpc(), Signer.devnet(MEMBER).address
    before = rpc.nonce(member), rpc.balance_wei(member)
    ran = quorate([*join, "--dry-run", "--json"])
    plan = ran.document["data"]["plan"]
    assert (ran.code, plan["operation"], plan["payer"], plan["value_wei"]) == (Exit.OK, "join", member, 0)
    assert plan["worst_wei"] == plan["gas"] * plan["max_price_wei"] > 0
    assert (rpc.nonce(member), rpc.balance_wei(member)) == before


def test_join_thenAgain_sendsOnce(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    rpc, member = devnet[0].rpc(), Signer.devnet(MEMBER).address
    first, again = (
        quorate([*join, "--yes", "--pool-salt", "5"]),
        quorate([*join, "--yes", "--pool-salt", "5"]),
    )
    assert (first.code, again.code, rpc.nonce(member)) == (Exit.OK, Exit.OK, 1)
    assert first.out == again.out and first.out.startswith("0x") and first.out.count("\n") == 1


def test_joinListedPool_byStranger_isRefusedBeforeSending(
    quorate: Quorate, join: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "listed"
    path.write_text(Signer.devnet(3).address + "\n")
    ran = quorate([*join, "--yes", "--allow-list", str(path), "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.NOT_FOUND, "not-found")


def test_showUnknownTask_isNotFound(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    ran = quorate(["task", "show", "0x" + "00" * 32, "--rpc", devnet[0].http_url, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.NOT_FOUND, "task-unknown")


def test_openTask_withDigits_escrowsPot(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    node = devnet[0]
    signer = ["--account", "1", "--rpc", node.http_url]
    opened = quorate(["task", "open", "--dataset", "digits", "--yes", *signer])
    listed = quorate(["task", "list", "--rpc", node.http_url, "--json"])
    assert opened.code == Exit.OK
    shown = listed.document["data"]["tasks"][0]
    assert (shown["task"], shown["phase"]) == (opened.out.strip(), "notice")
    cancelled = quorate(["task", "cancel", opened.out.strip(), "--yes", *signer, "--json"])
    assert (cancelled.code, json.loads(cancelled.out)["ok"]) == (Exit.OK, True)


def test_settleTooEarly_isRefusedByName(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    signer = ["--account", "1", "--rpc", devnet[0].http_url]
    task = quorate(["task", "open", "--dataset", "digits", "--seed", "2", "--yes", *signer]).out.strip()
    ran = quorate(["settle", task, "--yes", *signer, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.REFUSED, "contract-refused")
    assert ran.document["error"]["name"] == "NotOver"
