"""Fixtures of the contract tests that run under Brownie: the contracts on its development chain, and a
task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from brownie import Badges, Lineage, Membership, ModelLedger, Quorate, accounts, chain, web3
from brownie.exceptions import VirtualMachineError
from eth_utils import keccak
from web3.exceptions import TransactionNotFound

from dapp.chain import draws
from dapp.chain.errors import refusal
from dapp.chain.merkle import PlacedTree
from dapp.chain.seals import Board, TaskKey, pack_scores, pool_id, shard_leaf
from dapp.chain.words import DrawWord, Phase, TaskWord, phase_at, unpack_task

NO_LIST = b"\0" * 32
GOOD, BAD = 970_000, 940_000
WINDOW_S = 1_000
FOUND_WITHIN_S = 5.0
SHARDS = [(i, keccak(text=f"shard {i}"), keccak(text=f"salt {i}")) for i in range(10)]


@contextmanager
def reverts(name: str, *values: object) -> Iterator[None]:
    """The block ends with this custom error; values, where given, are its arguments in order."""
    try:
        yield
    except (VirtualMachineError, ValueError) as error:
        found = _refusal(error)
        assert found.name == name, f"{found.name} instead of {name}"
        if values:
            assert tuple(found.args_.values()) == values
        return
    raise AssertionError(f"no {name}")


def _refusal(error: Exception) -> Any:
    """The custom error behind what Brownie raises."""
    contracts = Quorate, Membership, ModelLedger, Lineage, Badges
    abi = [entry for contract in contracts for entry in contract.abi]
    data = getattr(error, "revert_data", None) or _data_in(error)
    return refusal(data, abi)


def _data_in(error: Exception) -> bytes:
    """Revert data, from the trace of the failed transaction."""
    txid = getattr(error, "txid", None)
    assert txid, f"no custom error in {error!r}"
    trace = web3.provider.make_request("debug_traceTransaction", [txid, {"disableStorage": True}])
    return bytes.fromhex(trace["result"]["returnValue"].removeprefix("0x"))


def mine_at(second: int) -> None:
    """Mine a block with this timestamp (chain.mine(timestamp=...) speaks Ganache's dialect, which anvil
    refuses).
    """
    web3.provider.make_request("evm_setNextBlockTimestamp", [second])
    chain.mine()


@pytest.fixture(scope="session", autouse=True)
def patient_reads() -> Iterator[None]:
    """anvil counts a transaction a moment before it and its receipt can be read, which Brownie takes for a
    dropped one.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("get_transaction", "get_transaction_receipt"):
            patch.setattr(web3.eth, name, _patient(getattr(web3.eth, name)))
        yield


def _patient(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, but what is not found is looked for again, for a while."""

    def patiently(txid: Any) -> Any:
        end = time.monotonic() + FOUND_WITHIN_S
        while time.monotonic() < end:
            with suppress(TransactionNotFound):
                return read(txid)
            time.sleep(0.01)
        return read(txid)

    return patiently


@pytest.fixture(scope="module")
def membership() -> Any:
    return accounts[0].deploy(Membership)


@pytest.fixture(scope="module")
def board(membership: Any) -> Any:
    return accounts[0].deploy(Quorate, membership, 2)


@pytest.fixture(scope="module")
def ledger() -> Any:
    return accounts[0].deploy(ModelLedger)


@pytest.fixture(scope="module")
def lineage(board: Any) -> Any:
    return accounts[0].deploy(Lineage, board)


@pytest.fixture(scope="module")
def badges(board: Any, lineage: Any) -> Any:
    return accounts[0].deploy(Badges, board, lineage)


@pytest.fixture(scope="module", autouse=True)
def shared_setup(board: Any, ledger: Any, badges: Any) -> None:
    chain.snapshot()


@pytest.fixture(autouse=True)
def fresh_chain(shared_setup: None) -> Iterator[None]:
    chain.revert()
    yield


@pytest.fixture
def task(board: Any, membership: Any) -> Task:
    return Task(board, membership)


class Task:
    """A task with two contributors and three verifiers; `to(phase)` plays it honestly up to a phase."""

    def __init__(self, board: Any, membership: Any, **terms: Any) -> None:
        self.board, self.membership = board, membership
        self.initiator, self.stranger = accounts[0], accounts[9]
        self.contributors, self.verifiers = accounts[1:3], accounts[4:7]
        self.seals = Board(web3.eth.chain_id, board.address)
        self.tree = PlacedTree([shard_leaf(*shard) for shard in SHARDS])
        self.pool_key = (NO_LIST, keccak(text="pool"))
        values: dict[str, Any] = {
            "initiator": self.initiator.address,
            "spec": keccak(text="spec"),
            "shards": self.tree.root,
            "contributors": NO_LIST,
            "pool": pool_id(*self.pool_key),
            "reward_wei": 2_001,
            "fee_wei": 10,
            "bond_wei": 100,
            "mafr_ppm": 950_000,
            "cap": 2,
            "committee": 3,
            "shard_count": 10,
            "shards_drawn": 3,
            "notice_s": WINDOW_S,
            "submit_s": WINDOW_S,
            "open_s": WINDOW_S,
            "draw_s": WINDOW_S,
            "vote_s": WINDOW_S,
            "ballot_s": WINDOW_S,
            "salt": 1,
        }
        self.key = TaskKey(**(values | terms))
        self.id = self.seals.task_id(self.key)

    def model(self, contributor: Any) -> tuple[bytes, bytes, int, int, bytes]:
        name = contributor.address
        return keccak(text=f"w{name}"), keccak(text=f"m{name}"), 1_000, 960_000, keccak(text=f"s{name}")

    def model_seal(self, contributor: Any) -> bytes:
        return self.seals.model_seal(self.id, contributor.address, *self.model(contributor))

    def salt(self, verifier: Any) -> bytes:
        return keccak(text=verifier.address)[:16]

    def ballot_seal(self, verifier: Any, scores: Sequence[int] = (GOOD, BAD)) -> bytes:
        return self.seals.ballot_seal(self.id, verifier.address, pack_scores(scores), self.salt(verifier))

    def word(self) -> TaskWord | DrawWord:
        return unpack_task(self.board.wordOf(self.id))

    def open(self) -> Any:
        return self.board.taskOpen(self.key.astuple(), {"from": self.initiator, "value": self.key.pot_wei})

    def seal(self, contributor: Any) -> Any:
        return self.board.commitSeal(self.id, self.model_seal(contributor), {"from": contributor})

    def open_model(self, contributor: Any) -> Any:
        return self.board.commitOpen(self.id, *self.model(contributor), {"from": contributor})

    def join(self) -> None:
        for verifier in self.verifiers:
            self.membership.join(self.pool_key, [], {"from": verifier})

    def shown(self) -> list[int]:
        return draws.drawn(self.board.seedOf(self.id), draws.SHARDS, 10, 3)

    def reveal(self, shown: Sequence[int] | None = None) -> Any:
        indices = self.shown() if shown is None else list(shown)
        shards, proof = [SHARDS[i] for i in indices], self.tree.multiproof(indices)
        return self.board.drawReveal(self.key.astuple(), shards, proof, {"from": self.initiator})

    def vote(self, verifier: Any, scores: Sequence[int] = (GOOD, BAD)) -> Any:
        seat = self.verifiers.index(verifier)
        return self.board.voteSeal(self.id, seat, self.ballot_seal(verifier, scores), {"from": verifier})

    def open_ballot(self, verifier: Any, scores: Sequence[int] = (GOOD, BAD)) -> Any:
        return self.board.voteOpen(self.id, pack_scores(scores), self.salt(verifier), {"from": verifier})

    def settle(self) -> Any:
        contributors = [c.address for c in self.contributors]
        return self.board.settle(self.key.astuple(), contributors, [0, 1, 2], {"from": self.stranger})

    def ends_s(self) -> int:
        """The first second of the next phase."""
        word = self.word()
        if isinstance(word, DrawWord):
            return word.vote_ends_at_s if self.phase() is Phase.VOTE else word.ballot_ends_at_s
        ends = (word.opens_at_s, word.submit_ends_at_s, word.open_ends_at_s, word.draw_ends_at_s)
        return ends[self.phase() - Phase.NOTICE]

    def phase(self) -> Phase:
        return phase_at(self.word(), chain[-1].timestamp)

    def at(self, second: int) -> None:
        """Calls find this timestamp."""
        mine_at(second)

    def next_at(self, second: int) -> None:
        """The block of the next transaction has this timestamp."""
        web3.provider.make_request("evm_setNextBlockTimestamp", [second])

    def next_phase(self) -> None:
        self.at(self.ends_s())

    def to(self, phase: Phase) -> Task:
        steps = [
            (Phase.NOTICE, lambda: (self.join(), self.open())),
            (Phase.SUBMIT, self.next_phase),
            (Phase.OPEN, lambda: ([self.seal(c) for c in self.contributors], self.next_phase())),
            (Phase.DRAW, lambda: ([self.open_model(c) for c in self.contributors], self.next_phase())),
            (Phase.VOTE, self._draw),
            (Phase.BALLOT, lambda: ([self.vote(v) for v in self.verifiers], self.next_phase())),
            (Phase.SETTLED, lambda: ([self.open_ballot(v) for v in self.verifiers], self.next_phase())),
        ]
        for reached, step in steps:
            step()
            if reached is phase:
                break
        return self

    def _draw(self) -> None:
        self.board.draw(self.key.astuple(), {"from": self.stranger})
        chain.mine(3)
        self.reveal()
