"""The chain for an account whose key is in the user's wallet: stages run as ever, up to what is to be signed.

Whatever a stage makes durable before it sends, salts above all, is durable before the wallet is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dapp.chain.client import Chain, Plan, Receipt
from dapp.chain.contracts import Call
from dapp.chain.errors import ChainError, refusal
from dapp.chain.outbox import MAX_GAS
from dapp.chain.rpc import Refused, Reverted
from dapp.journal import Journal

SECRET = "secret"


@dataclass
class TransactionWanted(Exception):
    """Carries a transaction from where a stage would send it to whoever asks the wallet."""

    step: str
    call: Call
    value_wei: int
    gas: int


@dataclass
class SignatureWanted(Exception):
    """The same for an EIP-712 message."""

    message: Mapping[str, Any]


class WalletChain(Chain):
    """A chain with an account, and without its key."""

    def __init__(self, reader: Chain, account: str, journal: Journal) -> None:
        super().__init__(reader.rpc, reader.deployment, settings=reader.settings)
        self._account = account
        self._journal = journal

    @property
    def address(self) -> str:
        return self._account

    def derive(self, label: bytes) -> bytes:
        """A random secret, on the disk when this returns, and the same for the same label ever after."""
        fresh = {"value": secrets.token_hex(32)}
        return bytes.fromhex(self._journal.put_once(SECRET, label.hex(), fresh)["value"])

    def plan(self, call: Call, value_wei: int = 0) -> Plan:
        block = self.rpc.block()
        gas = self._gas(call, value_wei)
        return Plan(call.contract, call.function, call.to, value_wei, gas, 2 * block.base_fee_wei)

    def send(self, step: str, call: Call, value_wei: int = 0) -> Receipt:
        """Never sends: raises TransactionWanted, or ContractRefused where it would fail."""
        raise TransactionWanted(step, call, value_wei, self._gas(call, value_wei))

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """Never signs: raises SignatureWanted."""
        raise SignatureWanted(message)

    def _gas(self, call: Call, value_wei: int) -> int:
        """An estimate. Raises ContractRefused."""
        request = {
            "from": self._account,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "value": value_wei,
        }
        try:
            return min(self.rpc.estimate_gas(request), MAX_GAS)
        except Reverted as reverted:
            raise refusal(reverted.data, self._abi) from None
        except Refused as refused:
            raise ChainError(f"{self.rpc.url} refuses the transaction: {refused}") from refused
