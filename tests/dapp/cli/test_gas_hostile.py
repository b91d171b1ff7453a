"""`quorate gas audit` by endpoints that lie or break: a clear error, or the figure that the rest tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dapp.artifacts import load_deployment
from dapp.chain.client import Chain
from dapp.chain.devnet import Anvil
from dapp.chain.seals import TaskKey
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from tests.dapp.chain.hostile_rpc import HostileRpc, Twist, hostile, result
from tests.dapp.cli.conftest import Quorate, Ran

Audit = Callable[..., Ran]
GONE = object()  # instead of a field's value: the field is left out
OTHER = "0x" + "11" * 32
HUGE = "0x" + "f" * 10_000  # more digits than Python writes of a number


@pytest.fixture(scope="module")
def task(devnet: tuple[Anvil, str]) -> str:
    """A task that was opened and cancelled."""
    node, deployments = devnet
    chain, word, minute = (
        Chain(node.rpc(), load_deployment(31337, Path(deployments)), Signer.devnet(6)),
        b"h",
        60,
    )
    key = TaskKey(
        chain.address, word * 32, word * 32, bytes(32), word * 32, 10, 2, 1, 950_000, 5, 3, 10, 3, minute,
        minute, minute, minute, minute, minute, 1
    )  # fmt: skip
    chain.send("open", chain.quorate.call("taskOpen", key.astuple()), key.pot_wei)
    chain.send("cancel", chain.quorate.call("taskCancel", key.astuple(), chain.address))
    return "0x" + chain.board.task_id(key).hex()


@pytest.fixture(scope="module")
def liar(devnet: tuple[Anvil, str]) -> Iterator[HostileRpc]:
    with hostile(devnet[0].http_url) as made:
        yield made


@pytest.fixture
def audit(
    quorate: Quorate, devnet: tuple[Anvil, str], liar: HostileRpc, task: str, monkeypatch: pytest.MonkeyPatch
) -> Audit:
    """Audits the task by an endpoint that twists these methods."""
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])

    def perform(*more: str, **twists: Twist) -> Ran:
        liar.twists = dict(twists)
        return quorate(["gas", "audit", task, "--rpc", liar.url, *more])

    return perform


def pieces(told: dict[str, Any]) -> list[dict[str, Any]]:
    """A trace's account states: of a diff those before and after."""
    return [told["pre"], told["post"]] if "pre" in told else [told]


@pytest.mark.parametrize("wrong", [None, 7, "\x1b[31m", [[]]])
@pytest.mark.parametrize("at", ["whole", "states", "account", "storage"])
def test_audit_ofATraceThatIsNone_saysNoTrace(audit: Audit, at: str, wrong: object) -> None:
    def twist(request: dict[str, Any], real: Any) -> dict[str, Any]:
        told = real()["result"]
        if at == "whole":
            return result(request, wrong)
        if at == "states":
            return result(request, {"pre": wrong, "post": wrong} if "pre" in told else wrong)
        for states in pieces(told):
            for account in states:
                states[account] = wrong if at == "account" else {**states[account], "storage": wrong}
        return result(request, told)

    ran = audit("--json", debug_traceTransaction=twist)
    assert (ran.code, ran.document["error"]) == (Exit.OK, None)
    assert {one["announced"] for one in ran.document["data"]["transactions"]} == {None}
    assert ran.document["data"]["sum"]["gas"] > 0


@pytest.mark.parametrize("says", ["nothing", "too much"])
def test_audit_ofATraceOfAnotherTransaction_saysNoTrace(audit: Audit, says: str) -> None:
    def twist(request: dict[str, Any], real: Any) -> dict[str, Any]:
        told = real()["result"]
        if says == "nothing":
            return result(request, {"pre": {}, "post": {}} if "pre" in told else told)
        for states in pieces(told)[1:]:
            states["0x" + "11" * 20] = {"balance": "0x1", "code": "0x" + "00" * 1_000}
        return result(request, told)

    data = audit("--json", debug_traceTransaction=twist).document["data"]
    assert {one["announced"] for one in data["transactions"]} == {None}


def changed(told: dict[str, Any], field: str, wrong: object) -> dict[str, Any]:
    """What was told, with another value of a field, or without it."""
    return {name: value for name, value in {**told, field: wrong}.items() if value is not GONE}


@pytest.mark.parametrize(
    ("method", "field", "wrong"),
    [
        *(
            ("eth_getTransactionReceipt", field, wrong)
            for field in ("gasUsed", "effectiveGasPrice", "blockNumber")
            for wrong in (HUGE, "-0x1", True, "much", GONE)
        ),
        *(("eth_chainId", "", wrong) for wrong in (HUGE, -1, None)),
        ("eth_getTransactionReceipt", "transactionHash", OTHER),
        *(("eth_getTransactionReceipt", "logs", wrong) for wrong in (None, [{}], [None], {"a": 1}, GONE)),
        *(("eth_getTransactionByHash", "value", wrong) for wrong in (HUGE, -1, 1.5, None, GONE)),
        *(("eth_getTransactionByHash", "hash", wrong) for wrong in (OTHER, None, GONE)),
        *(("eth_getTransactionByHash", "from", wrong) for wrong in ("\x1b[31m", None, GONE)),
        *(("eth_getTransactionByHash", "to", wrong) for wrong in ("\x1b[31m", 7, {"a": 1}, GONE)),
        *(("eth_getTransactionByHash", "input", wrong) for wrong in ("\x1b[31m", None, GONE)),
    ],
)
def test_audit_ofAnAnswerThatCannotBe_isConfused(
    audit: Audit, method: str, field: str, wrong: object
) -> None:
    def twist(request: dict[str, Any], real: Any) -> dict[str, Any]:
        return result(request, changed(real()["result"], field, wrong) if field else wrong)

    ran = audit("--json", **{method: twist})
    assert (ran.code, ran.document["error"]["code"]) == (Exit.UNREACHABLE, "endpoint-confused")
    assert (ran.out + ran.err).rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *((field, wrong) for field in ("blockNumber", "logIndex") for wrong in (HUGE, -1, [], GONE)),
        *(("transactionHash", wrong) for wrong in ("0x11", None, GONE)),
        *(("topics", wrong) for wrong in ("0x", {}, [], [None], [OTHER], [[]], None, GONE)),
        *(("data", wrong) for wrong in (None, [], GONE)),
        *(("address", wrong) for wrong in ("0x" + "11" * 20, None, GONE)),
    ],
)
def test_audit_ofALogThatWasNotAskedFor_isConfused(audit: Audit, field: str, wrong: object) -> None:
    def twist(request: dict[str, Any], real: Any) -> dict[str, Any]:
        return result(request, [changed(log, field, wrong) for log in real()["result"]])

    ran = audit("--json", eth_getLogs=twist)
    assert (ran.code, ran.document["error"]["code"]) == (Exit.UNREACHABLE, "endpoint-confused")


@pytest.mark.parametrize("wrong", ["transactionHash", "logIndex"])
def test_audit_ofAnEventThatItsTransactionDidNotLeave_isConfused(audit: Audit, wrong: str) -> None:
    def twist(request: dict[str, Any], real: Any) -> dict[str, Any]:
        logs = real()["result"]
        other = {"transactionHash": logs[-1]["transactionHash"], "logIndex": "0x63"} if logs else {}
        return result(request, [changed(log, wrong, other[wrong]) for log in logs])

    ran = audit("--json", eth_getLogs=twist)
    assert (ran.code, ran.document["error"]["code"]) == (Exit.UNREACHABLE, "endpoint-confused")
    assert "its receipt does not have" in ran.document["error"]["message"]


@pytest.mark.parametrize(
    "method",
    [
        "eth_chainId", "eth_getCode", "eth_getBlockByNumber", "eth_getLogs", "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
    ],
)  # fmt: skip
def test_audit_byANodeThatRefuses_saysWhatItSaid(audit: Audit, method: str) -> None:
    error = {"code": -32005, "message": "not \x1b[31mso fast"}
    ran = audit(**{method: lambda request, real: {"jsonrpc": "2.0", "id": request["id"], "error": error}})
    assert ran.code == Exit.UNREACHABLE
    assert "endpoint-confused" in ran.err and "so fast" in ran.err
    assert "\x1b" not in ran.err
