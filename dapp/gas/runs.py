"""Runs of the ledger for tests: nodes that sign, and a log of entries that grows as a recorder's would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from coincurve import PrivateKey
from eth_utils import keccak, to_checksum_address

from dapp.chain.ledger import (
    MAX_NODES,
    Ledger,
    Mountains,
    RunTerms,
    base_after,
    compact,
    history_proof,
    quorum,
    rollback_header,
)
from dapp.gas.evm import Receipt
from dapp.gas.world import World, account, key_of
from ml.history.header import NONE, Header, mine

RECORDER, SUBMITTER = account(0), account(901)
NODE_NUMBERS = range(101, 101 + MAX_NODES)
SPEC = keccak(text="spec")
TERMS = RunTerms(SPEC, window_s=600)


def sign(number: int, digest: bytes) -> bytes:
    """Compact signature of account `number`."""
    signature = PrivateKey(key_of(number)).sign_recoverable(digest, hasher=None)
    return compact(signature)


class Run:
    """A run on the chain, and its log as an honest node holds it."""

    def __init__(self, world: World, nodes: int = 5, terms: RunTerms = TERMS) -> None:
        self.world, self.terms = world, terms
        by_address = {account(number): number for number in NODE_NUMBERS[:nodes]}
        self.nodes = tuple(sorted(by_address, key=lambda node: int(node, 16)))
        self.numbers = [by_address[node] for node in self.nodes]
        self.ledger = Ledger(world.evm.chain_id, world.ledger.address)
        self.id = self.ledger.run_id(terms, RECORDER, self.nodes)
        self.started = world.send(RECORDER, world.ledger, "runStart", terms.astuple(), list(self.nodes))
        self.log: list[Header] = []

    # the log

    @property
    def head(self) -> bytes:
        """Id of the log's last entry, zero without one."""
        return self.log[-1].id if self.log else NONE

    @property
    def ids(self) -> list[bytes]:
        return [header.id for header in self.log]

    def epoch(self, accuracy_ppm: int = 500_000, **changes: object) -> Header:
        """The next epoch; it is not in the log yet."""
        name = f"epoch {len(self.log)} {accuracy_ppm}"
        header = Header(
            run=self.id,
            parent=self.head,
            base=base_after(self.log[-1] if self.log else None),
            history=Mountains(self.ids).root,
            weights=keccak(text="weights " + name),
            manifest=keccak(text="manifest " + name),
            height=len(self.log),
            step=len(self.log) + 1,
            loss_micro=700_000,
            accuracy_ppm=accuracy_ppm,
        )
        header = replace(header, **changes)  # type: ignore[arg-type]
        found = mine(header, self.terms.difficulty_bits)
        assert found is not None
        return found

    def grow(self, epochs: int) -> None:
        """So many more epochs in the log, none of them on chain."""
        mountains = Mountains(self.ids)
        for _ in range(epochs):
            last = self.log[-1] if self.log else None
            height = len(self.log)
            header = Header(
                run=self.id,
                parent=self.head,
                base=base_after(last),
                history=mountains.root,
                weights=keccak(text=f"weights {height}"),
                manifest=keccak(text=f"manifest {height}"),
                height=height,
                step=height + 1,
                loss_micro=700_000,
                accuracy_ppm=1_000,
            )
            self.log.append(header)
            mountains.append(header.id)

    # what nodes say

    def agree(self, digest: bytes, seats: Iterable[int]) -> tuple[int, int, bytes]:
        """Signatures of the nodes at these seats."""
        return quorum(self.nodes, {self.nodes[s]: sign(self.numbers[s], digest) for s in seats})

    def majority(self) -> range:
        return range(self.terms.needed(len(self.nodes)))

    def attestation(self, head: bytes, parent: bytes | None = None, attempt: int = 0) -> bytes:
        registered = self.registered if parent is None else parent
        return self.ledger.attestation(self.id, registered, head, attempt)

    @property
    def registered(self) -> bytes:
        """The head on chain."""
        return bytes(self.world.read(self.world.ledger, "runOf", self.id)[11])

    def view(self, name: str) -> Any:
        """A field of IModelLedger.Run."""
        entry = next(e for e in self.world.ledger.abi if e.get("name") == "runOf")
        names = [component["name"] for component in entry["outputs"][0]["components"]]
        return self.world.read(self.world.ledger, "runOf", self.id)[names.index(name)]

    def nodes_now(self) -> tuple[str, ...]:
        """The set that counts on chain."""
        nodes = self.world.read(self.world.ledger, "nodesOf", self.id)
        return tuple(to_checksum_address(node) for node in nodes)

    def includes(self, head: int, entry: bytes, height: int) -> bool:
        """What the contract says of an entry at `height`, proven against the header at `head`."""
        proof = history_proof(self.ids[:head], height)
        shown = self.log[head].to_bytes()
        return bool(self.world.read(self.world.ledger, "isIncluded", self.id, shown, entry, height, proof))

    # transactions

    def send(self, function: str, *args: object, sender: str = SUBMITTER) -> Receipt:
        return self.world.send(sender, self.world.ledger, function, self.id, *args)

    def attest(self, head: bytes, seats: Sequence[int] | None = None, attempt: int = 0) -> Receipt:
        digest = self.attestation(head, attempt=attempt)
        return self.send(
            "attest", head, attempt, self.agree(digest, self.majority() if seats is None else seats)
        )

    def attest_header(self, header: Header, seats: Sequence[int] | None = None) -> Receipt:
        """Register `header` and add it to the log."""
        parent = self.log[-1].to_bytes() if self.log else b""
        digest = self.attestation(header.id)
        agreed = self.agree(digest, self.majority() if seats is None else seats)
        receipt = self.send("attestHeader", parent, header.to_bytes(), 0, agreed)
        self.log.append(header)
        return receipt

    def open_vote(self, sender: str = RECORDER, seat: int = 0, reason: bytes = b"nan") -> Receipt:
        return self.send("rollbackOpen", seat, reason.ljust(32, b"\0"), sender=sender)

    def rolled_back_to(self, target: int) -> Header:
        """The entry that goes back to the one at this height."""
        return rollback_header(self.log[-1], self.log[target], Mountains(self.ids).root)

    def vote(self, target: int, nonce: int = 1) -> bytes:
        """Digest of a vote for the entry at this height."""
        entry = self.rolled_back_to(target)
        return self.ledger.rollback_vote(self.id, self.head, self.log[target].id, entry.id, nonce)

    def roll_back(self, target: int, seats: Sequence[int] | None = None, nonce: int = 1) -> Receipt:
        """Move the head to `target` by a new entry, which goes into the log."""
        agreed = self.agree(self.vote(target, nonce), self.majority() if seats is None else seats)
        entry = self.rolled_back_to(target)
        receipt = self.send(
            "rollback",
            self.log[-1].to_bytes(),
            self.log[target].id,
            target,
            entry.id,
            history_proof(self.ids[:-1], target),
            agreed,
        )
        self.log.append(entry)
        return receipt

    def refusal(self, function: str, *args: object, sender: str = SUBMITTER) -> str:
        """Name of the error that a call runs into."""
        return self.world.error(sender, self.world.ledger, function, self.id, *args).name
