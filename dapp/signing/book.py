"""All that a page needs to decode by itself what it hands to a wallet: ABIs by address, and the phrases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dapp.chain.client import Chain
from dapp.chain.contracts import Contract
from dapp.signing.phrases import phrases


def contracts(chain: Chain) -> tuple[Contract, ...]:
    """Every contract of ours on this chain."""
    return (chain.membership, chain.quorate, chain.ledger, chain.lineage, chain.badges)


def writing(abi: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The functions that change a contract's state."""
    return [
        entry
        for entry in abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    ]


def book(chain: Chain) -> dict[str, Any]:
    """As JSON has it."""
    found = [
        {
            "name": contract.name,
            "address": contract.address,
            "functions": [
                {"name": entry["name"], "inputs": entry["inputs"]} for entry in writing(contract.abi)
            ],
        }
        for contract in contracts(chain)
    ]
    return {"chain_id": chain.chain_id, "contracts": found, "phrases": dict(phrases())}
