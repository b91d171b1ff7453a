"""What a real task or run did cost, from the receipts of every transaction that left an event of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.errors import EndpointConfused
from dapp.gas.diff import work_of
from dapp.gas.operations import Operation, Role, of
from dapp.gas.reprice import gas
from dapp.gas.schedules import announced


@dataclass(frozen=True)
class Spent:
    """One transaction that counted."""

    operation: Operation
    sender: str
    tx: str
    block: int
    gas: int
    announced: int | None  # None: the endpoint tells no traces
    fee_wei: int
    role: Role  # of who sent it


@dataclass(frozen=True)
class Sum:
    """What several of them come to."""

    name: str
    transactions: int
    senders: int
    gas: int
    announced: int | None
    fee_wei: int

    @classmethod
    def of(cls, name: str, spent: Sequence[Spent]) -> Sum:
        announced = [one.announced for one in spent if one.announced is not None]
        return cls(
            name=name,
            transactions=len(spent),
            senders=len({one.sender for one in spent}),
            gas=sum(one.gas for one in spent),
            announced=sum(announced) if len(announced) == len(spent) else None,
            fee_wei=sum(one.fee_wei for one in spent),
        )

    @property
    def each(self) -> int:
        """Gas of each who sent any."""
        return round(self.gas / self.senders) if self.senders else 0


@dataclass(frozen=True)
class Audit:
    """All that was spent, in order of blocks."""

    spent: tuple[Spent, ...]

    def by_role(self) -> list[Sum]:
        """In the order of Role."""
        groups = {role: [one for one in self.spent if one.role is role] for role in Role}
        return [Sum.of(role.value, group) for role, group in groups.items() if group]

    def by_operation(self) -> list[Sum]:
        """In order of their first transaction."""
        groups: dict[Operation, list[Spent]] = {}
        for one in self.spent:
            groups.setdefault(one.operation, []).append(one)
        return [Sum.of(operation.does, group) for operation, group in groups.items()]

    @property
    def sum(self) -> Sum:
        return Sum.of("all", self.spent)


def audit_task(chain: Chain, task: bytes) -> Audit:
    """Every transaction of a task, and of the round of a lineage that it may be.

    Raises EndpointConfused when one that left an event is not there.
    """
    said = [*events.of_task(chain, task), *events.of_round(chain, task)]
    return _audit(chain, events.in_order(said))


def audit_run(chain: Chain, run: bytes) -> Audit:
    """Every transaction of a run; endorsements, whose events name no run, are not among them."""
    return _audit(chain, list(events.of_run(chain, run)))


def _audit(chain: Chain, found: Sequence[events.Event]) -> Audit:
    roles = roles_of(found)
    places: dict[str, set[tuple[int, int]]] = {}
    for event in found:
        places.setdefault(event.at.tx, set()).add((event.at.block, event.at.index))
    every = (spent(chain, tx, at) for tx, at in places.items())
    return Audit(tuple(replace(one, role=_role(one, roles.get(one.sender, set()))) for one in every))


def roles_of(found: Iterable[events.Event]) -> dict[str, set[Role]]:
    """What each account is in a task or run, as its events tell."""
    roles: dict[str, set[Role]] = {}
    for event in found:
        match event:
            case events.TaskOpened():
                roles.setdefault(event.initiator, set()).add(Role.INITIATOR)
            case events.ModelSealed():
                roles.setdefault(event.contributor, set()).add(Role.CONTRIBUTOR)
            case events.BallotSealed():
                roles.setdefault(event.verifier, set()).add(Role.VERIFIER)
            case events.RunStarted():
                roles.setdefault(event.recorder, set()).add(Role.RECORDER)
                for node in event.nodes:
                    roles.setdefault(node, set()).add(Role.NODE)
    return roles


def _role(one: Spent, known: set[Role]) -> Role:
    """In which of its roles the sender sent it: the operation's own, where it has it or nobody else could."""
    role = one.operation.role
    if role in known or (not known and role in (Role.CONTRIBUTOR, Role.VERIFIER, Role.NODE)):
        return role
    return next((role for role in Role if role in known), Role.ANYONE)


def spent(chain: Chain, tx: str, at: Set[tuple[int, int]] = frozenset()) -> Spent:
    """What one transaction cost, in the role that usually sends it.

    at: where it left events (block, index). Raises EndpointConfused when it, or one of them, is not there.
    """
    hashed = bytes.fromhex(tx.removeprefix("0x"))
    sent, receipt = chain.rpc.transaction(hashed), chain.rpc.receipt(hashed)
    if sent is None or receipt is None:
        raise EndpointConfused(
            f"{chain.rpc.url} lists an event of {tx} and knows no such transaction", retryable=True
        )
    if not at <= {(receipt.block, log["logIndex"]) for log in receipt.logs}:
        raise EndpointConfused(
            f"{chain.rpc.url} lists an event of {tx} that its receipt does not have", retryable=True
        )
    fee_wei = receipt.gas_used * receipt.gas_price_wei
    work = work_of(chain.rpc, sent, receipt)
    operation = _operation(chain, sent.to, sent.data)
    return Spent(
        operation=operation,
        sender=sent.sender,
        tx=tx,
        block=receipt.block,
        gas=receipt.gas_used,
        announced=None if work is None else gas(work, announced()),
        fee_wei=fee_wei,
        role=operation.role,
    )


def _operation(chain: Chain, to: str | None, data: bytes) -> Operation:
    """What the transaction called; one that went through another contract (a wallet) is named so."""
    for contract in (chain.quorate, chain.membership, chain.ledger, chain.lineage):
        if to is not None and to.lower() == contract.address.lower():
            function = contract.function_of(data)
            if function is not None:
                return of(contract.name, function)
    return Operation("", "", "through another contract", Role.ANYONE)
