"""One step is at most one effective transaction, and no account stands still for ever, whatever one endpoint
says: what is sent are payments, which no contract refuses to take twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.errors import ChainError, ContractRefused, NonceTaken, NonceUnreachable, TransactionPending
from dapp.chain.outbox import SendSettings
from dapp.chain.rpc import Rpc, connect
from dapp.chain.signer import Signer
from dapp.journal import Journal
from tests.dapp.chain.hostile_rpc import HostileRpc, result

ME = Signer.devnet(11)
PAYEE = Signer.devnet(12).address
GWEI = 10**9
QUICK = SendSettings(poll_s=0.02, resend_s=0.1, bump_after_s=0.3, wait_s=5)
BRIEF = SendSettings(poll_s=0.02, resend_s=0.1, bump_after_s=60, wait_s=0.4)


@pytest.fixture
def lied_to(proxy: HostileRpc, journal: Journal) -> Chain:
    return Chain(connect(proxy.url, tries=1), None, ME, journal, QUICK)


@pytest.fixture
def honest(rpc: Rpc, journal: Journal) -> Chain:
    return Chain(rpc, None, ME, journal, QUICK)


def pay(chain: Chain, step: str) -> str:
    return chain.send_within(None, step, PAYEE, b"", 1).tx


def pay_where_reached(chain: Chain, *steps: str) -> None:
    """As `pay`, of each; what is given up is left."""
    for step in steps:
        with suppress(NonceUnreachable):
            pay(chain, step)


def brief(chain: Chain, journal: Journal, step: str) -> str:
    """As `pay`, without patience."""
    return pay(Chain(chain.rpc, None, ME, journal, BRIEF), step)


def paid_wei(rpc: Rpc) -> int:
    return rpc.balance_wei(PAYEE)


def nonce(rpc: Rpc) -> int:
    return rpc.nonce(ME.address)


def tell_nonce(proxy: HostileRpc, number: int) -> None:
    proxy.twists["eth_getTransactionCount"] = lambda request, real: result(request, hex(number))


def withhold_receipts(proxy: HostileRpc) -> None:
    proxy.twists["eth_getTransactionReceipt"] = lambda request, real: result(request, None)


def swallow(proxy: HostileRpc) -> list[str]:
    """What is sent from now on is kept here, and goes nowhere."""
    kept: list[str] = []

    def keep(request: dict[str, Any], real: Any) -> dict[str, Any]:
        kept.append(request["params"][0])
        return result(request, "0x" + "77" * 32)

    proxy.twists["eth_sendRawTransaction"] = keep
    return kept


def refuse(request: dict[str, Any], text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": text}}


def refuse_where(proxy: HostileRpc, is_refused: Callable[[dict[str, Any]], bool], text: str) -> None:
    """Refuse transactions with these fields, whatever they pay."""

    def check(request: dict[str, Any], real: Any) -> dict[str, Any]:
        raw = HexBytes(request["params"][0])
        answer: dict[str, Any] = (
            refuse(request, text) if is_refused(TypedTransaction.from_bytes(raw).as_dict()) else real()
        )
        return answer

    proxy.twists["eth_sendRawTransaction"] = check


@pytest.mark.parametrize("gap", [1, 17])
def test_attack_50_minedAndToldToBeUnreachable_isNotPaidTwice(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, gap: int
) -> None:
    rpc.raw("anvil_setNonce", ME.address, hex(100))
    before, number = paid_wei(rpc), nonce(rpc)
    withhold_receipts(proxy)

    def take(request: dict[str, Any], real: Any) -> dict[str, Any]:
        tell_nonce(proxy, number - gap)
        answer: dict[str, Any] = real()
        return answer

    proxy.twists["eth_sendRawTransaction"] = take
    with pytest.raises(NonceUnreachable):
        pay(lied_to, "pay")
    proxy.twists.pop("eth_getTransactionCount")
    proxy.twists.pop("eth_sendRawTransaction")
    with pytest.raises(ChainError):
        pay(lied_to, "pay")
    assert paid_wei(rpc) == before + 1
    pay(honest, "pay")
    assert paid_wei(rpc) == before + 1


def test_attack_50_voidedSwallowedAndReleased_isNotPaidTwice(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal
) -> None:
    before, number = paid_wei(rpc), nonce(rpc)
    kept = swallow(proxy)
    withhold_receipts(proxy)
    with pytest.raises(TransactionPending):
        brief(lied_to, journal, "pay")
    tell_nonce(proxy, number + 1)
    proxy.twists["eth_sendRawTransaction"] = lambda request, real: refuse(request, "nonce too low")
    with pytest.raises(NonceTaken):
        pay(lied_to, "pay")
    proxy.twists.clear()
    rpc.raw("anvil_setNextBlockBaseFeePerGas", hex(2 * GWEI))
    rpc.raw("evm_mine")
    swallow(proxy)
    with pytest.raises(TransactionPending):
        brief(lied_to, journal, "pay")
    rpc.send_raw(bytes.fromhex(kept[0][2:]))
    pay(honest, "pay")
    assert (paid_wei(rpc), nonce(rpc)) == (before + 1, number + 1)


@pytest.mark.parametrize("told", [2**64 - 2, 2**53 - 1, 10**6])
def test_attack_50_highestNonces_holdNobodyUpForEver(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal, told: int
) -> None:
    before = paid_wei(rpc)
    tell_nonce(proxy, told)
    for step in ("one", "two"):
        with pytest.raises(ChainError):
            brief(lied_to, journal, step)
    pay_where_reached(honest, "three", "two", "one", "three")
    assert paid_wei(rpc) == before + 3


@pytest.mark.parametrize("text", ["Nonce too high", "insufficient funds for gas", "gap"])
def test_attack_50_nodeThatRefusesGaps_holdsNobodyUpForEver(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, journal: Journal, text: str
) -> None:
    before = paid_wei(rpc)
    tell_nonce(proxy, 10**6)
    for step in ("one", "two"):
        with pytest.raises(TransactionPending):
            brief(lied_to, journal, step)
    proxy.twists.clear()
    refuse_where(proxy, lambda fields: fields["nonce"] > nonce(rpc), text)
    pay_where_reached(lied_to, "three", "two", "one", "three")
    assert paid_wei(rpc) == before + 3


def test_attack_50_nonceUsedByAnotherProgram_isToldOnceAndSignedAnew(
    rpc: Rpc, honest: Chain, journal: Journal
) -> None:
    before, number = paid_wei(rpc), nonce(rpc)
    rpc.raw("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        brief(honest, journal, "pay")
    rpc.raw("anvil_dropAllTransactions")
    rpc.raw("evm_setAutomine", True)
    Chain(rpc, None, ME, settings=QUICK).send_within(None, "other", ME.address, b"", 0)
    pay(honest, "meanwhile")
    with pytest.raises(NonceTaken, match=f"nonce {number} "):
        pay(honest, "pay")
    pay(honest, "pay")
    assert (paid_wei(rpc), nonce(rpc)) == (before + 2, number + 3)


@pytest.mark.parametrize("step", ["pay", "another"])
def test_attack_50_gasThatNoBlockHolds_holdsNobodyUpForEver(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal, step: str
) -> None:
    before, number = paid_wei(rpc), nonce(rpc)
    proxy.twists["eth_estimateGas"] = lambda request, real: result(request, hex(2**40))
    swallow(proxy)
    with pytest.raises(TransactionPending):
        brief(lied_to, journal, "pay")
    proxy.twists.clear()
    refuse_where(proxy, lambda fields: fields["gas"] > 1_000_000, "exceeds block gas limit")
    if step == "pay":
        with pytest.raises(ChainError, match="exceeds block gas limit"):
            pay(lied_to, "pay")
    pay(lied_to, step)
    assert (paid_wei(rpc), nonce(rpc)) == (before + 1, number + 1)
    pay(lied_to, "pay")
    assert paid_wei(rpc) == before + 1 + (step != "pay")


def test_attack_50_nonceTooHigh_isGivenUpByWhoeverIsNotPatient(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal
) -> None:
    before = paid_wei(rpc)
    tell_nonce(proxy, 10**6)
    with pytest.raises(TransactionPending):
        brief(lied_to, journal, "pay")
    with pytest.raises(NonceUnreachable):
        brief(honest, journal, "pay")
    brief(honest, journal, "pay")
    assert paid_wei(rpc) == before + 1


def test_attack_34_reorg_ofWhatFailed_isNotSignedTwice(
    rpc: Rpc, deployment: Deployment, journal: Journal
) -> None:
    rpc.raw("anvil_mine", hex(8))
    chain = Chain(rpc, deployment, ME, journal, QUICK)
    call = chain.membership.call("join", (bytes(32), (77).to_bytes(32)), [])
    rpc.raw("evm_setAutomine", False)
    for step in ("one", "two"):
        with pytest.raises(TransactionPending):
            Chain(rpc, deployment, ME, journal, BRIEF).send(step, call)
    rpc.raw("evm_mine")
    with pytest.raises(ContractRefused):
        chain.send("two", call)
    record = journal.get("tx", "two")
    assert record is not None and record["state"] == "failed"
    rpc.raw("anvil_reorg", 1, [])
    rpc.raw("anvil_dropAllTransactions")
    rpc.raw("evm_setAutomine", True)
    with_nothing = {"nonce": record["nonce"] - 1, "to": ME.address, "data": "0x", "value": 0}
    rpc.send_raw(ME.sign_transaction(record["fields"] | with_nothing)[1])
    assert chain.send("two", call).tx == "0x" + record["attempts"][-1]["tx"]


def test_attack_50_whatOneNodeRefusedForAWhile_leavesLaterOnesTheirNonces(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal
) -> None:
    before, number = paid_wei(rpc), nonce(rpc)
    rpc.raw("evm_setAutomine", False)
    for step in ("first", "second"):
        with pytest.raises(TransactionPending):
            brief(honest, journal, step)
    rpc.raw("anvil_dropTransaction", "0x" + _attempts(journal, "first")[0]["tx"])
    refuse_where(proxy, lambda fields: fields["nonce"] == number, "txpool is full")
    with pytest.raises(ChainError, match="is full"):
        pay(lied_to, "first")
    rpc.raw("evm_setAutomine", True)
    for step in ("first", "second"):
        pay(honest, step)
    assert paid_wei(rpc) == before + 2


def _attempts(journal: Journal, step: str) -> list[dict[str, str]]:
    record = journal.get("tx", step)
    assert record is not None
    attempts: list[dict[str, str]] = record["attempts"]
    return attempts


def test_attack_50_theFirstMinedAfterAll_leavesTheNonceOfTheSecondToOthers(
    proxy: HostileRpc, rpc: Rpc, lied_to: Chain, honest: Chain, journal: Journal
) -> None:
    before = paid_wei(rpc)
    withhold_receipts(proxy)
    with pytest.raises(NonceTaken):
        pay(lied_to, "pay")
    swallow(proxy)
    with pytest.raises(TransactionPending):
        brief(lied_to, journal, "pay")  # told of it, its owner has it signed anew
    for step in ("another", "pay", "a third"):
        pay(honest, step)
    assert paid_wei(rpc) == before + 3
