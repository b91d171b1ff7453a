"""Who plays in a demo: each with an account of the devnet and a journal, all with one store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dapp.artifacts import Deployment
from dapp.chain.client import Chain, Receipt
from dapp.chain.clock import Clock
from dapp.chain.contracts import Call
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.demo.budget import VERIFIERS
from dapp.journal import Journal
from dapp.stages.context import Context
from dapp.store import Store

DEPLOYER, INITIATOR, FIRST_CONTRIBUTOR, CONTRIBUTORS = 0, 1, 2, 5
FIRST_VERIFIER = FIRST_CONTRIBUTOR + CONTRIBUTORS
ACCOUNTS = FIRST_VERIFIER + VERIFIERS  # of the devnet that take part

Progress = Callable[[str, int, int], None]


@dataclass
class GasBook:
    """What every transaction used, by operation (the name of the contract's function)."""

    dearest: dict[str, int] = field(default_factory=dict)
    together: dict[str, int] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.together.values())

    def enter(self, operation: str, gas: int) -> None:
        """Note one transaction."""
        self.dearest[operation] = max(gas, self.dearest.get(operation, 0))
        self.together[operation] = self.together.get(operation, 0) + gas
        self.times[operation] = self.times.get(operation, 0) + 1


class BookedChain(Chain):
    """A chain that notes the gas of what it sends."""

    def __init__(self, rpc: Rpc, deployment: Deployment | None, signer: Signer, book: GasBook) -> None:
        super().__init__(rpc, deployment, signer, Journal.in_memory())
        self._book = book

    def send(self, step: str, call: Call, value_wei: int = 0) -> Receipt:
        """As Chain.send."""
        receipt = super().send(step, call, value_wei)
        self._book.enter(call.function, receipt.gas_used)
        return receipt

    def create(self, step: str, data: bytes) -> Receipt:
        """As Chain.create."""
        receipt = super().create(step, data)
        self._book.enter(step.split("/")[0], receipt.gas_used)
        return receipt


@dataclass(frozen=True)
class Actor:
    """One participant."""

    name: str
    ctx: Context

    @property
    def address(self) -> str:
        """The participant's account."""
        return self.ctx.chain.address


@dataclass(frozen=True)
class Cast:
    """All participants of one task."""

    initiator: Actor
    contributors: tuple[Actor, ...]
    verifiers: tuple[Actor, ...]  # the pool


@dataclass(frozen=True)
class Stage:
    """What the participants share: a chain, its clock, a store, and a place for progress."""

    rpc: Rpc
    clock: Clock
    store: Store
    progress: Progress

    def chain(self, account: int, deployment: Deployment | None, book: GasBook) -> BookedChain:
        """The chain as devnet account number `account` sees it."""
        return BookedChain(self.rpc, deployment, Signer.devnet(account), book)

    def actor(self, name: str, account: int, deployment: Deployment, book: GasBook) -> Actor:
        """A participant."""

        def progress(what: str, done: int, total: int) -> None:
            self.progress(f"{name}: {what}", done, total)

        chain = self.chain(account, deployment, book)
        return Actor(name, Context(chain, self.store, Journal.in_memory(), self.clock, progress))

    def cast(self, deployment: Deployment, book: GasBook) -> Cast:
        """Initiator, five contributors, and the verifiers."""
        return Cast(
            self.actor("initiator", INITIATOR, deployment, book),
            tuple(
                self.actor(f"contributor {n + 1}", FIRST_CONTRIBUTOR + n, deployment, book)
                for n in range(CONTRIBUTORS)
            ),
            tuple(
                self.actor(f"verifier {n + 1}", FIRST_VERIFIER + n, deployment, book)
                for n in range(VERIFIERS)
            ),
        )
