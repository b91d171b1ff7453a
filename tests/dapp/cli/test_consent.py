"""What is sent, and what is not, on a real devnet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dapp.artifacts import load_deployment
from dapp.chain.devnet import Anvil
from dapp.chain.errors import CostRose
from dapp.chain.outbox import GWEI, SendSettings
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.cli.consent import ConsentingChain
from dapp.cli.exits import Exit
from dapp.cli.plan import Plan
from dapp.journal import Journal
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


def test_dryRun_ofWhatWasSentButNotMined_neitherSendsNorSigns(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rpc, member = devnet[0].rpc(), Signer.devnet(MEMBER + 5).address
    monkeypatch.setenv("QUORATE_WAIT_S", "1")
    salted = [str(MEMBER + 5) if word == str(MEMBER) else word for word in [*join, "--pool-salt", "6"]]
    rpc.raw("evm_setAutomine", False)
    try:
        assert quorate([*salted, "--yes"]).code == Exit.UNREACHABLE
    finally:
        rpc.raw("anvil_dropAllTransactions")
        rpc.raw("evm_setAutomine", True)
    before = rpc.nonce(member), rpc.balance_wei(member)
    ran = quorate([*salted, "--dry-run", "--json"])
    assert (ran.code, ran.document["data"]["dry_run"]) == (Exit.OK, True)
    assert "join" in ran.document["data"]["sent_before"]
    assert (rpc.nonce(member), rpc.balance_wei(member)) == before
    assert quorate([*salted, "--yes"]).code == Exit.OK
    assert rpc.nonce(member) == before[0] + 1


def test_join_thenAgain_sendsOnce(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    rpc, member = devnet[0].rpc(), Signer.devnet(MEMBER).address
    first, again = (
        quorate([*join, "--yes", "--pool-salt", "5"]),
        quorate([*join, "--yes", "--pool-salt", "5"]),
    )
    assert (first.code, again.code, rpc.nonce(member)) == (Exit.OK, Exit.OK, 1)
    assert "has a seat already" in again.err and "already" not in first.err
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


def test_list_withNothingToShow_saysSo(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    ran = quorate(["task", "list", "--phase", "empty", "--rpc", devnet[0].http_url])
    assert (ran.code, ran.out.strip(), ran.err) == (Exit.OK, "", "There is no task in phase empty.\n")


def test_showPool_withoutMembers_saysSo(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    ran = quorate(["pool", "show", "--pool-salt", "99", "--rpc", devnet[0].http_url])
    assert (ran.code, ran.out.strip(), ran.err) == (Exit.OK, "", "This pool has no member.\n")


def test_reveal_byAnotherThanTheInitiator_namesTheInitiator(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]
) -> None:
    where = ["--yes", "--rpc", devnet[0].http_url]
    opening = ["task", "open", "--dataset", "digits", "--seed", "6", "--account", "1", *where]
    task = quorate(opening).out.strip()
    ran = quorate(["draw", "reveal", task, "--account", "4", *where])
    assert ran.code != Exit.OK and f"Run this as {Signer.devnet(1).address}" in ran.err


def test_openTask_withDigits_escrowsPot(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    node = devnet[0]
    signer = ["--account", "1", "--rpc", node.http_url]
    opened = quorate(["task", "open", "--dataset", "digits", "--yes", *signer])
    listed = quorate(["task", "list", "--rpc", node.http_url, "--json"])
    assert opened.code == Exit.OK
    shown = listed.document["data"]["tasks"][-1]  # the newest
    assert (shown["task"], shown["phase"]) == (opened.out.strip(), "notice")
    assert f"--role initiator {' '.join(['--account', '1', '--yes', '--rpc', node.http_url])}" in opened.err
    again = quorate(["task", "open", "--dataset", "digits", "--yes", *signer])
    assert again.out == opened.out
    assert "stands already (notice); nothing was sent. Another one like it: --number 1" in again.err
    cancelled = quorate(["task", "cancel", opened.out.strip(), "--yes", *signer, "--json"])
    assert (cancelled.code, json.loads(cancelled.out)["ok"]) == (Exit.OK, True)


def test_show_saysWhatTheTaskIsAbout_andThatNobodyVotedYet(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]
) -> None:
    where = ["--rpc", devnet[0].http_url]
    opening = ["task", "open", "--dataset", "digits", "--name", "Ours", "--seed", "4", "--account", "1"]
    task = quorate([*opening, "--yes", *where]).out.strip()
    ran = quorate(["task", "show", task, *where])
    assert "name       Ours\ndata       digits\n" in ran.out
    assert "models     0 sealed, 0 opened, at most 5" in ran.out
    assert re.search(r"notice     ends \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+, in \d", ran.out)
    elsewhere = quorate(["task", "show", task, "--store", "embedded:empty", *where])
    assert elsewhere.code == Exit.OK and "name " not in elsewhere.out
    assert "specification cannot be read" in elsewhere.err


def test_train_withoutADataSet_takesTheTasksOwn(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]
) -> None:
    where = ["--rpc", devnet[0].http_url]
    opening = ["task", "open", "--dataset", "digits", "--seed", "5", "--account", "1", "--yes", *where]
    task = quorate(opening).out.strip()
    training = ["train", task, "--steps", "1", "--seed", "5", *where]
    own = quorate(training)
    assert (own.code, "Warning" in own.err) == (Exit.OK, False)
    named = quorate([*training, "--dataset", "digits"])
    assert named.out == own.out
    other = quorate([*training, "--dataset", "nowhere"])
    assert other.code != Exit.OK
    assert "the task is about digits, and --dataset says nowhere" in other.err


def test_cancel_plan_namesWhoGetsTheEther(
    devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]
) -> None:
    signer, other = ["--account", "1", "--rpc", devnet[0].http_url], Signer.devnet(9).address
    opening = ["task", "open", "--dataset", "digits", "--seed", "3", *signer]
    board = quorate([*opening, "--dry-run", "--json"]).document["data"]["plan"]
    assert board["receivers"] == [board["to"]]
    task = quorate([*opening, "--yes"]).out.strip()
    ran = quorate(["task", "cancel", task, "--to", other, "--dry-run", *signer])
    assert f"goes to       {other}\n" in ran.out


class Raising:
    """A person who agrees to a plan after the price of gas has risen."""

    def __init__(self, rpc: Rpc, base_fee_wei: int) -> None:
        self._rpc, self._base_fee_wei = rpc, base_fee_wei
        self.plan: Plan | None = None

    def take_up(self, step: str) -> None:
        raise AssertionError(f"{step} was not sent before")

    def ask(self, plan: Plan) -> None:
        self.plan = plan
        self._rpc.raw("anvil_setNextBlockBaseFeePerGas", hex(self._base_fee_wei))
        self._rpc.raw("evm_mine")


@pytest.mark.parametrize("sends", [True, False])
def test_send_afterAPriceRise_staysWithinWhatWasAgreedTo(devnet: tuple[Anvil, str], sends: bool) -> None:
    node, folder = devnet
    rpc, signer = node.rpc(), Signer.devnet(8)
    rpc.raw("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    rpc.raw("evm_mine")
    person = Raising(rpc, 3 * GWEI if sends else 30 * GWEI)
    chain = ConsentingChain(
        rpc,
        load_deployment(rpc.chain_id, Path(folder)),
        signer,
        Journal.in_memory(),
        SendSettings(poll_s=0.02),
        person,  # type: ignore[arg-type]
    )
    call = chain.membership.call("join", (bytes(32), (40 + sends).to_bytes(32)), [])
    before, nonce = rpc.balance_wei(signer.address), rpc.nonce(signer.address)
    if sends:
        chain.send("join", call)
        assert person.plan is not None
        sent = rpc.w3.eth.get_block("latest", full_transactions=True)["transactions"][0]
        assert sent["maxFeePerGas"] <= person.plan.max_price_wei and sent["gas"] <= person.plan.gas
        assert before - rpc.balance_wei(signer.address) <= person.plan.worst_wei
    else:
        with pytest.raises(CostRose, match="nothing was sent") as error:
            chain.send("join", call)
        assert error.value.retryable
        assert (rpc.balance_wei(signer.address), rpc.nonce(signer.address)) == (before, nonce)


def test_settleTooEarly_isRefusedByName(devnet: tuple[Anvil, str], quorate: Quorate, join: list[str]) -> None:
    signer = ["--account", "1", "--rpc", devnet[0].http_url]
    task = quorate(["task", "open", "--dataset", "digits", "--seed", "2", "--yes", *signer]).out.strip()
    ran = quorate(["settle", task, "--yes", *signer, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.REFUSED, "contract-refused")
    assert ran.document["error"]["name"] == "NotOver"
