"""Gas: the stored snapshot is exact, and the figures keep within what was promised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_utils import to_checksum_address

from dapp.chain.contracts import contract, creation
from dapp.chain.devnet import InProcess
from dapp.gas.evm import Evm
from dapp.gas.snapshot import PATH, measure

CODE_LIMIT = 24_576  # EIP-170


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return measure()


def test_gas_measuredNow_equalsSnapshot(measured: dict[str, Any]) -> None:
    """After a change of the contracts: `python -m dapp.gas.snapshot --write`, and say why in the commit."""
    assert measured == json.loads(PATH.read_text())


@pytest.mark.parametrize(
    ("operation", "target"),
    [
        ("open a task", 75_000),
        ("seal a model, first in task", 50_000),
        ("seal a model, third in task", 50_000),
        ("open a model, first in task", 45_000),
        ("open a model, third in task", 45_000),
        ("vote per verifier, direct, both steps (mean of three)", 95_000),
        ("vote per verifier, batched, at 10 verifiers", 15_000),
        ("whole 3x3 round, everyone sends their own transactions (fees taken on opening)", 1_000_000),
        ("whole 3x3 round, batched models and votes", 650_000),
        ("register one header, 51 of 100 nodes", 300_000),
        ("record, each epoch of 64", 500),
        ("record, each epoch of 1,024", 50),
        ("roll back past 16,384 entries, beside the agreement", 50_000),
        ("declare an improvement (above a fuse round, per contributor)", 60_000),
        ("overturn an extension of 10 tensors", 150_000),
        ("overturn an extension of 1,000 tensors", 150_000),
    ],
)
def test_gas_ofOperation_keepsTarget(measured: dict[str, Any], operation: str, target: int) -> None:
    assert measured["gas"][operation] <= target


def test_code_ofContracts_leavesRoom(measured: dict[str, Any]) -> None:
    assert all(size < CODE_LIMIT * 9 // 10 for size in measured["bytecode"].values())


def test_gas_onTheEvm_equalsThatOfSealedBlocks() -> None:
    """The Evm seals no blocks; a chain that does charges the same for creation and for a first and a
    second join.
    """
    evm, chain = Evm(), InProcess(accounts=3)
    senders = [to_checksum_address(sender) for sender in chain.tester.get_accounts()]

    def sealed(sender: str, to: str, data: bytes) -> dict[str, Any]:
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": 5_000_000}
        sent = chain.tester.send_transaction(transaction | {"gas_price": 10**10, "value": 0})
        return dict(chain.tester.get_transaction_receipt(sent))

    direct = evm.send(senders[0], None, creation("Membership"))
    mined = sealed(senders[0], "", creation("Membership"))
    pool_key = (bytes(32), bytes(32))
    figures = [(direct.gas_used, mined["gas_used"])]
    for sender in senders[1:]:
        call = contract("Membership", str(direct.created)).call("join", pool_key, [])
        figures.append(
            (
                evm.send(sender, call.to, call.data).gas_used,
                sealed(sender, str(mined["contract_address"]), call.data)["gas_used"],
            )
        )
    assert [on_evm for on_evm, _ in figures] == [on_chain for _, on_chain in figures]
