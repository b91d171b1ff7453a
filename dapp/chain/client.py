"""The chain as one account sees it: contracts checked once, reads decoded, transactions sent exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dapp.artifacts import Deployment, load_artifact
from dapp.chain.contracts import Call, Contract, contract
from dapp.chain.errors import ChainError, ContractMissing, NoSigner, NotDeployed, WrongChain, refusal
from dapp.chain.outbox import Agreed, Failpoint, Outbox, SendSettings, no_failpoint
from dapp.chain.rpc import Refused, Reverted, Rpc, TxReceipt
from dapp.chain.seals import Board
from dapp.chain.signer import Signer
from dapp.journal import Journal

CONTRACTS = ("Membership", "Quorate", "ModelLedger", "Lineage", "Badges")


@dataclass(frozen=True)
class Receipt:
    """A step that is done on chain."""

    step: str
    tx: str
    block: int
    gas_used: int
    fee_wei: int
    contract: str | None
    logs: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Plan:
    """What sending a call would cost; made by running it without sending it."""

    contract: str
    function: str
    to: str
    value_wei: int
    gas: int
    max_fee_wei: int

    @property
    def worst_case_wei(self) -> int:
        """Most that leaves the account."""
        return self.value_wei + self.gas * self.max_fee_wei


class Chain:
    """One chain, its contracts, and an account on it (or none: then it only reads).

    Raises WrongChain, ContractMissing, KeyRefused, and dapp.artifacts.DeploymentStale when made.
    """

    def __init__(
        self,
        rpc: Rpc,
        deployment: Deployment | None,
        signer: Signer | None = None,
        journal: Journal | None = None,
        settings: SendSettings | None = None,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.signer = signer
        self.settings = SendSettings() if settings is None else settings
        self._contracts = {} if deployment is None else _checked(rpc, deployment)
        self._abi = tuple(entry for c in self._contracts.values() for entry in c.abi)
        self._outbox: Outbox | None = None
        if signer is not None:
            signer.allow_on(rpc.chain_id)
            self._outbox = Outbox(
                rpc, signer, journal or Journal.in_memory(), self._abi, self.settings, failpoint
            )

    @property
    def chain_id(self) -> int:
        return self.rpc.chain_id

    @property
    def address(self) -> str:
        """Our account. Raises NoSigner."""
        return self._signing().address

    @property
    def quorate(self) -> Contract:
        """The board. Raises NotDeployed."""
        return self._contract("Quorate")

    @property
    def membership(self) -> Contract:
        """The pools. Raises NotDeployed."""
        return self._contract("Membership")

    @property
    def ledger(self) -> Contract:
        """The ledger of runs. Raises NotDeployed."""
        return self._contract("ModelLedger")

    @property
    def lineage(self) -> Contract:
        """The lineages. Raises NotDeployed."""
        return self._contract("Lineage")

    @property
    def badges(self) -> Contract:
        """The badges. Raises NotDeployed."""
        return self._contract("Badges")

    @property
    def board(self) -> Board:
        """What ids and seals are bound to."""
        return Board(self.chain_id, self.quorate.address)

    @property
    def first_block(self) -> int:
        """Block of the deployment: nothing happened before it."""
        if self.deployment is None:
            raise NotDeployed(f"no contracts are known on chain {self.chain_id}")
        return min(c.block for c in self.deployment.contracts)

    def read(self, call: Call, sender: str | None = None) -> tuple[Any, ...]:
        """What a call returns. Raises ContractRefused."""
        request = {"from": sender or self.rpc.reader, "to": call.to, "data": "0x" + call.data.hex()}
        try:
            return call.decode(self.rpc.call(request))
        except Reverted as reverted:
            raise refusal(reverted.data, self._abi) from None
        except Refused as refused:
            raise ChainError(f"{self.rpc.url} refuses to read: {refused}") from refused

    def plan(self, call: Call, value_wei: int = 0) -> Plan:
        """Cost of a call, worked out without sending it. Raises ContractRefused when it would fail."""
        fields = self._sender().prepared(call.to, call.data, value_wei)
        return Plan(call.contract, call.function, call.to, value_wei, fields["gas"], fields["maxFeePerGas"])

    def send(self, step: str, call: Call, value_wei: int = 0) -> Receipt:
        """Carry out `step` by this call, once however often it is asked. Raises ContractRefused and
        ChainErrors.

        step: a name that stands for this one transaction for ever, as 'commit.seal/<task>'.
        """
        return self.send_within(None, step, call.to, call.data, value_wei)

    def create(self, step: str, data: bytes) -> Receipt:
        """As `send`, for a transaction that creates a contract."""
        return self.send_within(None, step, None, data, 0)

    def send_within(
        self, agreed: Agreed | None, step: str, to: str | None, data: bytes, value_wei: int
    ) -> Receipt:
        """As `send`, at no more than was agreed to (None: the settings). Raises CostRose, nothing sent."""
        return _receipt(step, self._sender().send(step, to, data, value_wei, agreed))

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """EIP-712 signature of our account. Raises NoSigner."""
        return self._signing().sign_typed_data(message)

    def derive(self, label: bytes) -> bytes:
        """A secret of our account (dapp.chain.signer). Raises NoSigner."""
        return self._signing().derive(label)

    def _signing(self) -> Signer:
        if self.signer is None:
            raise NoSigner("this needs an account to act for")
        return self.signer

    def _sender(self) -> Outbox:
        if self._outbox is None:
            raise NoSigner("this sends a transaction and needs an account to sign it")
        return self._outbox

    def _contract(self, name: str) -> Contract:
        if name not in self._contracts:
            raise NotDeployed(f"no contracts are known on chain {self.chain_id}")
        return self._contracts[name]


def _checked(rpc: Rpc, deployment: Deployment) -> dict[str, Contract]:
    if deployment.chain_id != rpc.chain_id:
        raise WrongChain(f"{rpc.url} serves chain {rpc.chain_id}, the contracts are on {deployment.chain_id}")
    for name in CONTRACTS:
        deployed = deployment.contract(name)
        if not rpc.code(deployed.address):
            raise ContractMissing(
                f"there is no contract at {deployed.address} on chain {rpc.chain_id}, where {name} should be"
            )
        deployed.check(load_artifact(name))
    return {name: contract(name, deployment.contract(name).address) for name in CONTRACTS}


def _receipt(step: str, receipt: TxReceipt) -> Receipt:
    return Receipt(
        step,
        "0x" + receipt.tx.hex(),
        receipt.block,
        receipt.gas_used,
        receipt.gas_used * receipt.gas_price_wei,
        receipt.contract,
        receipt.logs,
    )
