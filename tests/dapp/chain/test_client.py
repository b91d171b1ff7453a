"""The chain client: what it refuses to talk to, and that one step is one transaction whatever the node
does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.contracts import ArgumentOutOfRange, Call
from dapp.chain.devnet import Anvil
from dapp.chain.errors import (
    ContractMissing,
    ContractRefused,
    CostRose,
    EndpointConfused,
    EndpointDown,
    FeeTooHigh,
    InsufficientFunds,
    KeyRefused,
    NonceUnreachable,
    NoSigner,
    NotDeployed,
    TransactionPending,
    WrongChain,
)
from dapp.chain.outbox import Agreed
from dapp.chain.rpc import Rpc, connect
from dapp.chain.signer import Signer
from dapp.journal import Journal, JournalFull
from tests.dapp.chain.conftest import FAST
from tests.dapp.chain.hostile_rpc import HostileRpc, result

ME = 7
GWEI = 10**9


def chain_at(rpc: Rpc, deployment: Deployment, journal: Journal, **changes: Any) -> Chain:
    return Chain(rpc, deployment, Signer.devnet(ME), journal, replace(FAST, **changes))


def join(chain: Chain, number: int = 1) -> Call:
    return chain.membership.call("join", (bytes(32), number.to_bytes(32)), [])


def nonce(rpc: Rpc) -> int:
    return rpc.nonce(Signer.devnet(ME).address)


def test_connect_nobodyThere_saysSo() -> None:
    with pytest.raises(EndpointDown, match="does not answer") as error:
        connect("http://127.0.0.1:9", tries=1)
    assert error.value.retryable
    with pytest.raises(EndpointDown, match="neither a URL nor the socket"):
        connect("/no/such/socket.ipc")


def test_connect_otherChainThanExpected_isRefused(node: Anvil) -> None:
    with pytest.raises(WrongChain, match="serves chain 31337, expected was 1"):
        connect(node.http_url, expected_chain_id=1)


def test_chain_deploymentOfAnotherChain_isRefused(rpc: Rpc, deployment: Deployment) -> None:
    with pytest.raises(WrongChain, match="the contracts are on 1"):
        Chain(rpc, replace(deployment, chain_id=1))


def test_chain_noCodeAtTheAddress_isRefused(rpc: Rpc, deployment: Deployment) -> None:
    board, pools = deployment.contract("Quorate"), deployment.contract("Membership")
    moved = replace(deployment, contracts=(replace(board, address="0x" + "11" * 20), pools))
    with pytest.raises(ContractMissing, match="0x1111"):
        Chain(rpc, moved)


def test_chain_withoutDeploymentOrAccount_saysWhatIsMissing(rpc: Rpc, deployment: Deployment) -> None:
    with pytest.raises(NotDeployed):
        _ = Chain(rpc, None).quorate
    reader = Chain(rpc, deployment)
    with pytest.raises(NoSigner):
        reader.send("x", join(reader))


def test_chain_testKeyOnAChainThatCallsItselfMainnet_isRefused(proxy: HostileRpc) -> None:
    proxy.twists["eth_chainId"] = lambda request, real: result(request, "0x1")
    with pytest.raises(KeyRefused, match="chain 1"):
        Chain(connect(proxy.url), None, Signer.devnet(0))


def test_send_again_isTheSameTransaction(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal)
    before = nonce(rpc)
    first = chain.send("join", join(chain))
    assert chain.send("join", join(chain)) == first
    assert nonce(rpc) == before + 1


def test_send_refusedByTheContract_costsNothing(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal)
    before = nonce(rpc)
    with pytest.raises(ContractRefused) as refused:
        chain.send("leave", chain.membership.call("leave", bytes(32)))
    assert (refused.value.name, refused.value.tx) == ("NotMember", None)
    assert nonce(rpc) == before


def test_send_refusedOnlyOnceMined_isNamedToo(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal, wait_s=0.3)
    rpc.raw("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.send("one", join(chain))
    with pytest.raises(TransactionPending):
        chain.send("two", join(chain))  # the same call as another step: fine until the first is mined
    rpc.raw("evm_mine")
    with pytest.raises(ContractRefused) as refused:
        chain.send("two", join(chain))
    assert refused.value.name == "AlreadyMember"
    assert refused.value.tx is not None


def test_call_valueThatDoesNotFit_isRefused(rpc: Rpc, deployment: Deployment) -> None:
    with pytest.raises(ArgumentOutOfRange, match=r"Quorate\.commitStrike"):
        Chain(rpc, deployment).quorate.call("commitStrike", b"x" * 33, "nobody", "0x")


def test_send_poorAccount_saysHowMuchIsMissing(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    rpc.raw("anvil_setBalance", Signer.devnet(ME).address, "0x64")
    chain = chain_at(rpc, deployment, journal)
    with pytest.raises(InsufficientFunds):
        chain.send("join", join(chain))


def test_send_feesAboveTheLimit_sendsNothing(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    rpc.raw("anvil_setNextBlockBaseFeePerGas", hex(400 * GWEI))
    rpc.raw("evm_mine")
    chain = chain_at(rpc, deployment, journal)
    with pytest.raises(FeeTooHigh, match=r"401\.00 gwei"):
        chain.send("join", join(chain))
    assert journal.get("tx", "join") is None


def test_attack_50_staleNonce_journalKnowsBetter(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    stale = hex(nonce(rpc))
    proxy.twists["eth_getTransactionCount"] = lambda request, real: result(request, stale)
    chain = chain_at(connect(proxy.url), deployment, journal)
    for number in (1, 2, 3):
        chain.send(f"join {number}", join(chain, number))
    assert nonce(rpc) == int(stale, 16) + 3


def test_attack_50_swallowedTransaction_isSentAgainUntilMined(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    swallowed = []

    def swallow(request: dict[str, Any], real: Any) -> dict[str, Any]:
        if len(swallowed) < 2:
            swallowed.append(request["params"][0])
            return result(request, "0x" + "77" * 32)  # a hash of its own invention
        answer: dict[str, Any] = real()
        return answer

    proxy.twists["eth_sendRawTransaction"] = swallow
    before = nonce(rpc)
    receipt = chain_at(connect(proxy.url), deployment, journal).send("join", _join_at(rpc, deployment))
    assert receipt.tx != "0x" + "77" * 32
    assert (len(swallowed), swallowed[0]) == (2, swallowed[1])
    assert nonce(rpc) == before + 1


def test_attack_50_receiptOfAnotherTransaction_isNotBelieved(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    other = chain_at(rpc, deployment, Journal.in_memory()).send("other", _join_at(rpc, deployment, 9))

    def lie(request: dict[str, Any], real: Any) -> dict[str, Any]:
        answer: dict[str, Any] = real()
        if answer["result"] is None:
            request = request | {"params": [other.tx]}
            return result(request, rpc_receipt(rpc, other.tx))
        return answer

    proxy.twists["eth_getTransactionReceipt"] = lie
    chain = chain_at(connect(proxy.url), deployment, journal)
    with pytest.raises(EndpointConfused, match="another transaction"):
        chain.send("join", join(chain))


def test_attack_50_nonceTooHigh_isGivenUpAndSignedAnew(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    before, quick = nonce(rpc), {"bump_after_s": 0.5, "wait_s": 5}
    proxy.twists["eth_getTransactionCount"] = lambda request, real: result(request, "0xf4240")
    lied_to = chain_at(connect(proxy.url), deployment, journal, wait_s=0.3)
    for number in (1, 2):
        with pytest.raises(TransactionPending):
            lied_to.send(f"join {number}", _join_at(rpc, deployment, number))
    honest = chain_at(rpc, deployment, journal, **quick)
    with pytest.raises(NonceUnreachable, match=f"nonce {before} ") as error:
        honest.send("join 2", join(honest, 2))  # which stands behind the other
    assert error.value.retryable
    for number in (3, 1, 2):
        honest.send(f"join {number}", join(honest, number))
    assert nonce(rpc) == before + 3


def test_attack_50_givenUpAndMinedAfterAll_isNotSentTwice(
    rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain, before = chain_at(rpc, deployment, journal), nonce(rpc)
    first = chain.send("join", join(chain))
    record = journal.get("tx", "join")
    assert record is not None
    journal.put("tx", "join", record | {"state": "void"})
    assert chain.send("join", join(chain)).tx == first.tx
    assert nonce(rpc) == before + 1


def test_attack_50_staleNode_neverMakesWhatFollowsOursUnreachable(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain_at(rpc, deployment, journal).send("join", _join_at(rpc, deployment))
    stale = nonce(rpc) - 1
    rpc.raw("evm_setAutomine", False)
    proxy.twists["eth_getTransactionCount"] = lambda request, real: result(request, hex(stale))
    chain = chain_at(connect(proxy.url), deployment, journal, wait_s=1.5, bump_after_s=0.2)
    with pytest.raises(TransactionPending):
        chain.send("join another", _join_at(rpc, deployment, 2))
    record = journal.get("tx", "join another")
    assert record is not None and (record["state"], record["nonce"]) == ("sent", stale + 1)


@pytest.mark.parametrize(
    ("method", "ask"),
    [
        ("eth_getTransactionCount", lambda rpc: rpc.nonce(Signer.devnet(ME).address)),
        ("eth_getBalance", lambda rpc: rpc.balance_wei(Signer.devnet(ME).address)),
        ("eth_maxPriorityFeePerGas", lambda rpc: rpc.priority_fee_wei()),
        ("eth_estimateGas", lambda rpc: rpc.estimate_gas({"to": Signer.devnet(ME).address})),
    ],
)
@pytest.mark.parametrize("told", [hex(2**256), "-0x1"])
def test_attack_50_numberThatNoChainHas_isConfused(
    proxy: HostileRpc, method: str, ask: Callable[[Rpc], int], told: str
) -> None:
    client = connect(proxy.url, tries=1)
    assert ask(client) >= 0
    proxy.twists[method] = lambda request, real: result(request, told)
    with pytest.raises(EndpointConfused):
        ask(client)


@pytest.mark.parametrize(
    "twist",
    [
        lambda request, real: 503,
        lambda request, real: b"<html>login please</html>",
        lambda request, real: b'{"jsonrpc": "2.0", "id": 1, "resu',
        lambda request, real: result(request, "garbage"),
        lambda request, real: result(request, None),
        lambda request, real: [],
    ],
    ids=["503", "html", "truncated", "garbage", "null", "list"],
)
def test_attack_50_nonsenseFromTheNode_isACleanErrorAndTheStepResumes(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal, twist: Any
) -> None:
    client = connect(proxy.url, tries=2)
    chain = chain_at(client, deployment, journal)
    before = nonce(rpc)
    proxy.twists["*"] = twist
    with pytest.raises((EndpointDown, EndpointConfused)) as error:
        chain.send("join", _join_at(rpc, deployment))
    assert error.value.retryable
    proxy.twists.clear()
    chain.send("join", join(chain))
    assert nonce(rpc) == before + 1


def test_send_nodeGoesAwayAfterTakingIt_resumesTheSameTransaction(
    proxy: HostileRpc, rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain = chain_at(connect(proxy.url, tries=1), deployment, journal)
    before = nonce(rpc)

    def take_and_die(request: dict[str, Any], real: Any) -> int:
        real()
        return 503

    proxy.twists["eth_sendRawTransaction"] = take_and_die
    with pytest.raises(EndpointDown):
        chain.send("join", join(chain))
    proxy.twists.clear()
    assert chain.send("join", join(chain)).tx == "0x" + journal.get("tx", "join")["attempts"][0]["tx"]  # type: ignore[index]
    assert nonce(rpc) == before + 1


def test_send_droppedFromThePool_isSentAgain(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal, wait_s=0.3)
    rpc.raw("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.send("join", join(chain))
    rpc.raw("anvil_dropAllTransactions")
    rpc.raw("evm_setAutomine", True)
    assert chain.send("join", join(chain)).block > 0


def test_send_baseFeeRises_isReplacedWithTheSameNonce(
    rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain = chain_at(rpc, deployment, journal, wait_s=0.5, bump_after_s=0.1)
    before = nonce(rpc)
    rpc.raw("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.send("join", join(chain))
    record = journal.get("tx", "join")
    assert record is not None
    assert len(record["attempts"]) > 1
    assert record["nonce"] == before
    rpc.raw("evm_setAutomine", True)
    rpc.raw("evm_mine")
    receipt = chain.send("join", join(chain))
    assert receipt.tx[2:] in [attempt["tx"] for attempt in record["attempts"]]
    assert nonce(rpc) == before + 1


def test_send_notMined_isReplacedUpToWhatWasAgreedTo(
    rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain = chain_at(rpc, deployment, journal, wait_s=1.5, bump_after_s=0.1, resend_s=0.1)
    call = join(chain)
    rpc.raw("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.send_within(Agreed(200_000, 4 * GWEI), "join", call.to, call.data, 0)
    record = journal.get("tx", "join")
    assert record is not None
    assert len(record["attempts"]) > 1
    assert 3 * GWEI < record["fields"]["maxFeePerGas"] <= 4 * GWEI
    again = replace(chain.settings, wait_s=0.5)
    with pytest.raises(TransactionPending):  # after a restart as well
        Chain(rpc, deployment, Signer.devnet(ME), journal, again).send("join", join(chain))
    known = journal.get("tx", "join")
    assert known is not None and known["fields"]["maxFeePerGas"] <= 4 * GWEI


@pytest.mark.parametrize("agreed", [Agreed(200_000, GWEI // 2), Agreed(30_000, 9 * GWEI)])
def test_send_dearerThanAgreedTo_sendsNothing(
    rpc: Rpc, deployment: Deployment, journal: Journal, agreed: Agreed
) -> None:
    chain, before = chain_at(rpc, deployment, journal), nonce(rpc)
    call = join(chain)
    with pytest.raises(CostRose, match="nothing was sent") as error:
        chain.send_within(agreed, "join", call.to, call.data, 0)
    assert (error.value.retryable, nonce(rpc), journal.get("tx", "join")) == (True, before, None)


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_attack_34_reorg_stepIsSentAgain(
    rpc: Rpc, deployment: Deployment, journal: Journal, depth: int
) -> None:
    chain = chain_at(rpc, deployment, journal)
    rpc.raw("anvil_mine", hex(8))
    receipt = chain.send("join", join(chain))
    rpc.raw("anvil_mine", hex(depth - 1)) if depth > 1 else None
    rpc.raw("anvil_reorg", depth, [])
    rpc.raw("anvil_dropAllTransactions")
    assert rpc.receipt(bytes.fromhex(receipt.tx[2:])) is None
    assert chain.send("join", join(chain)).tx == receipt.tx
    assert rpc.receipt(bytes.fromhex(receipt.tx[2:])) is not None


def test_attack_34_reorg_takesBackWhatIsDone_laterStepsDoNotWaitForEver(
    rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    chain = chain_at(rpc, deployment, journal)
    rpc.raw("anvil_mine", hex(8))
    first = chain.send("join", join(chain))
    rpc.raw("anvil_reorg", 2, [])
    rpc.raw("anvil_dropAllTransactions")
    assert rpc.receipt(bytes.fromhex(first.tx[2:])) is None
    chain.send("join another", join(chain, 2))
    assert rpc.receipt(bytes.fromhex(first.tx[2:])) is not None


@pytest.mark.parametrize("is_late", [False, True])
def test_attack_34_reorg_takesBackWhatPaysTooLittleByNow_isReplaced(
    rpc: Rpc, deployment: Deployment, journal: Journal, is_late: bool
) -> None:
    chain = chain_at(rpc, deployment, journal, bump_after_s=0.5)
    rpc.raw("anvil_mine", hex(8))
    first = chain.send("join", join(chain))
    rpc.raw("anvil_reorg", 2, [])
    rpc.raw("anvil_dropAllTransactions")
    rpc.raw("evm_setAutomine", False)
    if is_late:  # the node keeps it, and mines nothing at its price
        rpc.send_raw(bytes.fromhex(_attempts(journal, "join")[0]["raw"]))
    rpc.raw("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
    rpc.raw("evm_setAutomine", True)
    second = chain.send("join another", join(chain, 2))
    attempts = _attempts(journal, "join")
    assert first.tx == "0x" + attempts[0]["tx"]
    mined = [attempt["tx"] for attempt in attempts if rpc.receipt(bytes.fromhex(attempt["tx"])) is not None]
    assert mined == [attempts[-1]["tx"]] and len(attempts) > 1
    assert rpc.receipt(bytes.fromhex(second.tx[2:])) is not None


def _attempts(journal: Journal, step: str) -> list[dict[str, str]]:
    record = journal.get("tx", step)
    assert record is not None
    attempts: list[dict[str, str]] = record["attempts"]
    return attempts


def test_attack_34_confirmations_areWaitedFor(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal, confirmations=3, wait_s=0.3)
    with pytest.raises(TransactionPending):
        chain.send("join", join(chain))
    rpc.raw("anvil_mine", "0x2")
    assert chain.send("join", join(chain)).block == rpc.block().number - 2


def test_journal_fullDisk_sendsNothing(rpc: Rpc, deployment: Deployment, tmp_path: Path) -> None:
    account = Signer.devnet(ME).address
    with Journal.open(tmp_path, 31337, bytes(32), account) as journal:
        journal._database.run("PRAGMA max_page_count = 8")
        with pytest.raises(JournalFull):
            for number in range(1_000):
                journal.put("filler", str(number), {"raw": "ab" * 50})
        chain = chain_at(rpc, deployment, journal)
        before = nonce(rpc)
        with pytest.raises(JournalFull):
            chain.send("join", join(chain))
        assert nonce(rpc) == before
        assert rpc.raw("txpool_status")["pending"] == "0x0"


def test_plan_signsNothing(rpc: Rpc, deployment: Deployment, journal: Journal) -> None:
    chain = chain_at(rpc, deployment, journal)
    before = rpc.balance_wei(chain.address), nonce(rpc)
    plan = chain.plan(join(chain))
    assert 50_000 < plan.gas < 200_000
    assert plan.worst_case_wei == plan.gas * plan.max_fee_wei
    assert (rpc.balance_wei(chain.address), nonce(rpc)) == before
    assert journal.get("tx", "join") is None


def rpc_receipt(rpc: Rpc, tx: str) -> Any:
    from web3.types import RPCEndpoint

    return rpc.w3.provider.make_request(RPCEndpoint("eth_getTransactionReceipt"), [tx])["result"]


def _join_at(rpc: Rpc, deployment: Deployment, number: int = 1) -> Call:
    return join(Chain(rpc, deployment), number)
