"""What a transaction did, from what a node tells of the states before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dapp.chain.rpc import TxReceipt, TxSent
from dapp.gas.diff import work_of

SENDER, TO, OTHER, MINER = ("0x" + str(digit) * 40 for digit in range(1, 5))
SLOT, ONE = "0x" + 64 * "0", "0x" + 63 * "0" + "1"
SENT = TxSent(SENDER, TO, b"call", 0)
RECEIPT = TxReceipt(b"\1" * 32, 7, b"\2" * 32, True, 60_000, 10, None, ())


class Node:
    """Tells of a transaction that set a slot and asked these accounts."""

    def __init__(self, *asked: str, miner: object = MINER) -> None:
        self.asked, self.miner = asked, miner

    def raw(self, method: str, *params: Any) -> Any:
        if method == "eth_getBlockByNumber":
            return {"miner": self.miner}
        if "tracerConfig" not in params[1]:
            return {account: {} for account in (SENDER, TO, MINER, *self.asked)}
        before = {SENDER: {"balance": hex(10**18)}, TO: {"storage": {}}}
        after = {SENDER: {"balance": hex(10**18 - 600_000)}, TO: {"storage": {SLOT: ONE}}}
        return {"pre": before, "post": after}


def test_work_ofAnAccountAsked_isOneColdAccount() -> None:
    work = work_of(Node(OTHER), SENT, RECEIPT)  # type: ignore[arg-type]
    assert work is not None
    assert (work.accounts_cold, work.slots_new, work.value_calls) == (1, 1, 0)


@pytest.mark.parametrize("number", [1, 2, 0x11, 0x100])  # ecrecover, sha256, BLS12-381, P-256
def test_work_ofAPrecompileAsked_isNoColdAccount(number: int) -> None:
    work = work_of(Node(OTHER, f"0x{number:040x}"), SENT, RECEIPT)  # type: ignore[arg-type]
    assert work is not None and work.accounts_cold == 1


@pytest.mark.parametrize("miner", ["", "\x1b[31m", "0x11", None, 7])
def test_work_inABlockOfNobody_isNotCounted(miner: object) -> None:
    assert work_of(Node(OTHER, miner=miner), SENT, RECEIPT) is None  # type: ignore[arg-type]


def test_work_ofManyPayments_isCounted_thoughAPaymentsStipendComesBack() -> None:
    payees = [f"0x{number:040x}" for number in range(0x10_000, 0x10_064)]

    class Payer(Node):
        def raw(self, method: str, *params: Any) -> Any:
            told = super().raw(method, *params)
            if "post" in told:
                told["pre"] |= {payee: {"balance": "0x1"} for payee in payees}
                told["post"] |= {payee: {"balance": "0x2"} for payee in payees}
            return told

    used = 45_000 + 9_400 * len(payees)  # 9,300 of each: less than is named
    receipt = replace(RECEIPT, gas_used=used, gas_price_wei=0)
    work = work_of(Payer(*payees), SENT, receipt)  # type: ignore[arg-type]
    assert work is not None
    assert (work.value_calls, work.accounts_cold, work.new_accounts) == (100, 100, 0)
