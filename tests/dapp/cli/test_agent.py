"""`quorate agent` on a devnet whose time it moves."""

from __future__ import annotations

import pytest

from dapp.chain.devnet import Anvil
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate


def test_agent_initiatorWhomNobodyServes_settlesAndSaysWhatItDid(
    devnet: tuple[Anvil, str], quorate: Quorate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    signed = ["--account", "1", "--yes", "--rpc", devnet[0].http_url]
    task = quorate(["task", "open", "--dataset", "digits", *signed]).out.strip()
    agent = ["agent", task, "--role", "initiator", *signed]
    waits = quorate([*agent, "--once", "--json"])
    assert (waits.code, waits.document["data"]["did"]) == (Exit.OK, [])
    assert (waits.document["data"]["phase"], waits.document["data"]["due_at_s"] > 0) == ("notice", True)
    ran = quorate([*agent, "--travel"])
    assert (ran.code, ran.out) == (Exit.OK, "settle\n")
    assert "notice: nothing due for " in ran.err and "empty: did settle" in ran.err
    again = quorate([*agent, "--travel", "--json"]).document["data"]
    assert (again["did"], again["phase"], again["due_at_s"]) == ([], "empty", None)


def test_agent_ofATaskWithANumber_knowsItAgain(
    devnet: tuple[Anvil, str], quorate: Quorate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    signed = ["--account", "4", "--yes", "--rpc", devnet[0].http_url]
    opening = ["task", "open", "--dataset", "digits", *signed]
    first, again, other = (quorate([*opening, *extra]).out for extra in ([], [], ["--number", "7"]))
    assert (first == again, first != other) == (True, True)
    ran = quorate(["agent", other.strip(), "--role", "initiator", "--once", "--json", *signed])
    assert (ran.code, ran.document["data"]["phase"]) == (Exit.OK, "notice")


def test_agent_contributorAfterTheSubmitWindow_exitsLateAndSaysSo(
    devnet: tuple[Anvil, str], quorate: Quorate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    signed = ["--yes", "--rpc", devnet[0].http_url]
    opening = ["task", "open", "--dataset", "digits", "--number", "8", "--account", "1", *signed]
    task = quorate(opening).out.strip()
    quorate(["agent", task, "--role", "initiator", "--travel", "--account", "1", *signed])
    contributor = ["agent", task, "--role", "contributor", "--dataset", "digits", "--account", "2", *signed]
    ran = quorate(contributor)
    assert (ran.code, ran.out) == (Exit.LATE, "")
    assert "Error (too-late): this account sealed no model" in ran.err
    judge = quorate(["agent", task, "--role", "verifier", "--account", "3", *signed])
    assert judge.code == Exit.OK
    assert "no model was opened: there was nothing to judge" in judge.err
