"""`quorate gas` as its users type it; audits on a real devnet."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from eth_utils import keccak

from dapp.artifacts import load_deployment
from dapp.chain.client import Chain
from dapp.chain.devnet import Anvil
from dapp.chain.seals import TaskKey
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from dapp.gas.estimate import USUAL, Plan, estimate
from dapp.gas.measure import Scene, points_of
from dapp.gas.money import presets
from dapp.gas.operations import Role
from dapp.gas.plays import exits
from dapp.gas.report import plain_values
from tests.dapp.cli.conftest import Quorate


@pytest.fixture
def options(devnet: tuple[Anvil, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    node, deployments = devnet
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", deployments)
    return ["--rpc", node.http_url, "--store", f"embedded:{tmp_path / 'store'}", "--json"]


def test_estimate_showsOperationsRolesAndMoney(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--verifiers", "2", "--models", "1", "--gas-price", "5"])
    assert ran.code == Exit.OK
    rows = {line.split("  ")[0].strip(): line for line in ran.out.splitlines()}
    assert "5 gwei a gas, 3,000 USD an ether" in ran.out
    assert {"open a task", "seal a ballot", "initiator", "contributor", "verifier", "all"} <= rows.keys()


def test_estimate_asJson_isThePlansBill(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--models", "2", "--epochs", "100", "--prices", "paper", "--json"])
    data = ran.document["data"]
    plan = replace(USUAL, models=2, epochs=100)
    assert data["bill"]["sum"]["today"] == estimate(plan).sum.today
    assert data["plan"] == plain_values(plan)
    assert (data["plan"]["models"], data["prices"]["currency"]) == (2, "KRW")
    assert {share["role"] for share in data["bill"]["shares"]} == {
        "initiator",
        "contributor",
        "verifier",
        "recorder",
        "node",
    }
    costs = {cost["role"]: cost for cost in data["roles"]}
    (shared,) = (share for share in estimate(plan).shares() if share.role is Role.CONTRIBUTOR)
    assert Decimal(costs["contributor"]["each"]) == presets()["paper"].money(shared.each.today)
    assert Decimal(costs["node"]["each"]) == 0


def test_estimate_ofARound_hasItsOperations(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--models", "1", "--verifiers", "1", "--kind", "extend", "--json"])
    data = ran.document["data"]
    functions = {line["operation"]["function"] for line in data["bill"]["lines"]}
    assert functions >= {"taskOpen", "lineageStart", "roundOpen", "declare", "extend", "prizeWithdraw"}
    assert (data["plan"]["kind"], data["plan"]["tensors"]) == ("extend", 10)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--gas-price", "much"], "--gas-price"),
        (["--ether-price", "-1"], "--ether-price"),
        (["--gas-price", "nan"], "--gas-price"),
        (["--gas-price", "snan"], "--gas-price"),
        (["--gas-price", "1e-999999"], "--gas-price"),
        (["--ether-price", "1e999999999"], "--ether-price"),
        (["--fees", "never"], "--fees"),
        (["--prices", "today"], "--prices"),
        (["--kind", "merge"], "--kind"),
        (["--currency", "EUR"], "--ether-price"),
        (["--currency", "", "--ether-price", "1"], "--currency"),
        (["--currency", "much too long a label", "--ether-price", "1"], "--currency"),
        (["--tensors", "4"], "--kind"),
        (["--nodes", "4"], "--epochs"),
    ],
)
def test_estimate_ofWhatIsNoPrice_isUsage(quorate: Quorate, given: list[str], says: str) -> None:
    ran = quorate(["gas", "estimate", "--models", "0", *given, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "usage")
    assert says in ran.document["error"]["message"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--models", "0"], "nothing would happen"),
        (["--batched", "--fees", "on-opening"], "not paid on opening"),
        (["--verifiers", "5", "--pool", "4"], "5 to 1,200"),
        (["--accepted", "4"], "0 to 3"),
        (["--kind", "extend", "--accepted", "1"], "follows from the kind"),
        (["--kind", "extend", "--tensors", "70000"], "1 to 10,000"),
    ],
)
def test_estimate_ofWhatCannotHappen_saysWhy(quorate: Quorate, given: list[str], says: str) -> None:
    ran = quorate(["gas", "estimate", *given, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.FAILED, "plan-impossible")
    assert says in ran.document["error"]["message"]


def test_estimate_ofAsManyEpochsAsThereCanBe_takesNoLongerThanOfTwoBatches(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--models", "0", "--epochs", str(2**47), "--json"])
    lines = {line["operation"]["function"]: line for line in ran.document["data"]["bill"]["lines"]}
    assert lines["attest"]["count"] == 2**47 // 64
    two = {line.operation.function: line for line in estimate(Plan(models=0, epochs=128)).lines}
    assert lines["attest"]["largest"] == two["attest"].largest


def test_estimate_ofATaskWhoseSettlerPays_showsWhoPaysForNothing(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--models", "1", "--verifiers", "1", "--batched", "--pool", "2"])
    assert re.search(r"(?m)^contributor +1 +0 +0 +0 USD +0 +0 +0 USD$", ran.out)
    assert re.search(r"(?m)^verifier +2 +\d", ran.out.split("Once, for many tasks")[1])
    assert "Anyone: whoever sends the batches" in ran.out


def test_estimate_ofTooMany_saysTheLimit(quorate: Quorate) -> None:
    ran = quorate(["gas", "estimate", "--models", "22", "--json"])
    assert ran.document["error"]["code"] == "plan-impossible"
    assert "0 to 21" in ran.document["error"]["message"]


@pytest.fixture
def task(devnet: tuple[Anvil, str]) -> str:
    """A task that was opened and cancelled."""
    chain, key = _opened(devnet)
    chain.send("cancel", chain.quorate.call("taskCancel", key.astuple(), chain.address))
    return "0x" + chain.board.task_id(key).hex()


@pytest.fixture
def opened(devnet: tuple[Anvil, str]) -> str:
    """A task that was opened."""
    chain, key = _opened(devnet)
    return "0x" + chain.board.task_id(key).hex()


def _opened(devnet: tuple[Anvil, str]) -> tuple[Chain, TaskKey]:
    node, deployments = devnet
    chain = Chain(node.rpc(), load_deployment(31337, Path(deployments)), Signer.devnet(1))
    key = TaskKey(
        initiator=chain.address,
        spec=keccak(text="spec"),
        shards=keccak(text="shards"),
        contributors=bytes(32),
        pool=keccak(text="pool"),
        reward_wei=10**18,
        fee_wei=10**16,
        bond_wei=10**17,
        mafr_ppm=900_000,
        cap=8,
        committee=3,
        shard_count=10,
        shards_drawn=3,
        notice_s=60,
        submit_s=600,
        open_s=600,
        draw_s=600,
        vote_s=600,
        ballot_s=600,
        salt=chain.rpc.nonce(chain.address),
    )
    chain.send("open", chain.quorate.call("taskOpen", key.astuple()), key.pot_wei)
    return chain, key


def test_audit_ofATask_isWhatItsReceiptsSay(quorate: Quorate, options: list[str], task: str) -> None:
    data = quorate(["gas", "audit", task, *options]).document["data"]
    spent = data["transactions"]
    assert [one["function"] for one in spent] == ["taskOpen", "taskCancel"]
    assert {(one["role"], one["sender"]) for one in spent} == {("initiator", Signer.devnet(1).address)}
    assert data["sum"]["gas"] == sum(one["gas"] for one in spent) == data["roles"][0]["gas"]
    assert data["sum"]["fee_wei"] == sum(one["fee_wei"] for one in spent) > 0
    here = {point.operation.function: point.first for point in points_of(Scene("", exits, {}))}
    for one in spent:
        assert one["gas"] == pytest.approx(here[one["function"]].today, rel=0.05)
        assert one["announced"] == pytest.approx(here[one["function"]].announced, rel=0.05)


def test_audit_ofARun_namesRecorderAndBothSchedules(quorate: Quorate, options: list[str]) -> None:
    nodes = [part for number in (3, 4, 5) for part in ("--node", Signer.devnet(number).address)]
    started = quorate(["run", "start", *nodes, "--account", "1", "--yes", *options])
    run = started.document["data"]["run"]
    data = quorate(["gas", "audit", "--run", run, *options]).document["data"]
    (only,) = data["transactions"]
    assert (only["function"], only["role"]) == ("runStart", "recorder")
    (line,) = estimate(Plan(models=0, epochs=1, nodes=3)).lines[:1]
    assert only["gas"] == pytest.approx(line.gas.today, rel=0.05)
    assert only["announced"] == pytest.approx(line.gas.announced, rel=0.05)


def test_audit_ofATask_isMoneyToo_andSaysThatMoreWillCome(
    quorate: Quorate, options: list[str], opened: str
) -> None:
    plain = [option for option in options if option != "--json"]
    ran = quorate(["gas", "audit", opened, "--ether-price", "2500", "--currency", "EUR", *plain])
    assert ran.code == Exit.OK
    assert "2,500 EUR an ether" in ran.out and re.search(r"(?m)^initiator +1 .* EUR$", ran.out)
    assert "the task is not over (phase notice)" in ran.err


def test_audit_ofTheOtherKind_saysSo(quorate: Quorate, options: list[str], task: str) -> None:
    ran = quorate(["gas", "audit", "--run", task, *options])
    assert (ran.code, ran.document["error"]["fix"]) == (Exit.NOT_FOUND, "It is a task: leave out --run.")


def test_audit_ofNothing_isMissing(quorate: Quorate, options: list[str]) -> None:
    ran = quorate(["gas", "audit", "0x" + "11" * 32, *options])
    assert ran.code == Exit.NOT_FOUND
    assert quorate(["gas", "audit", *options]).code == Exit.USAGE
