"""One py-evm state (Prague) that transactions are applied to directly: no blocks are sealed, so a
transaction takes milliseconds, snapshots are cheap, and time, block numbers and the chain id are
arguments. Gas is free of charge, so balances move only by what the contracts pay. What a transaction did
that another gas schedule prices differently is counted while it runs (dapp.gas.trace).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth.constants import BLANK_ROOT_HASH, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.constants import HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address, BlockNumber, Hash32
from eth_utils import keccak, to_canonical_address, to_checksum_address

from dapp.chain.errors import Abi, refusal
from dapp.gas.trace import TracedState, Work

BLOCK_GAS = 30_000_000
TRANSACTION_GAS = 16_777_216  # EIP-7825: no transaction may take more
HISTORY_BLOCKS = 8_191  # EIP-2935
START_S = 1_750_000_000
COINBASE = b"\xc0" * 20  # holds a wei: an empty account would be deleted after each transaction


class OutOfGas(Exception):
    """The transaction ran out of gas, or failed without a reason."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction did; logs are (address, topics, data)."""

    gas_used: int
    logs: tuple[tuple[str, tuple[bytes, ...], bytes], ...]
    output: bytes
    created: str | None
    work: Work


@dataclass(frozen=True)
class Snapshot:
    """A state to come back to."""

    root: bytes
    now_s: int
    number: int


def block_hash(number: int) -> bytes:
    """The hash that block `number` has on this chain."""
    return keccak(b"block" + number.to_bytes(8, "big"))


class _Ancestors:
    """Hashes of the last blocks, the parent's first."""

    def __init__(self, evm: Evm) -> None:
        self._evm = evm

    def __iter__(self) -> Iterator[bytes]:
        return (block_hash(number) for number in range(self._evm.number - 1, -1, -1))


class Evm:
    """The chain. `now_s` and `number` are those of the block that the next transaction lands in."""

    def __init__(self, chain_id: int = 31337) -> None:
        self.chain_id = chain_id
        self.now_s = START_S
        self.number = 1_000
        self.errors: Abi = ()
        self._branches = 0
        self._db = AtomicDB()
        self._builder = PragueVM.get_transaction_builder()
        self._load(BLANK_ROOT_HASH)
        self._state.set_code(HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE)
        self._state.set_nonce(HISTORY_STORAGE_ADDRESS, 1)
        self._state.set_balance(Address(COINBASE), 1)
        self._seal()

    def _load(self, root: bytes) -> None:
        zero = BlockNumber(0)
        context = ExecutionContext(
            Address(COINBASE), 0, zero, 0, ZERO_HASH32, BLOCK_GAS, (), self.chain_id, 0, 0
        )
        context._prev_hashes = _Ancestors(self)  # type: ignore[assignment]
        self._state = TracedState(self._db, context, Hash32(root))
        self._state.work = Work()

    def _seal(self) -> None:
        """End a transaction: what it wrote is what the next one finds (journals keep it apart in a
        branch).
        """
        if self._branches == 0:
            self._state.lock_changes()

    def _enter_block(self) -> None:
        context: Any = self._state.execution_context
        context._timestamp, context._block_number = self.now_s, self.number

    # time

    def travel_to(self, at_s: int) -> None:
        """The next transaction's block has this timestamp."""
        if at_s < self.now_s:
            raise ValueError("time runs forwards")
        self.now_s = at_s
        self.mine()

    def travel(self, seconds: int) -> None:
        self.travel_to(self.now_s + seconds)

    def mine(self, blocks: int = 1) -> None:
        """Go on by so many blocks; each writes its parent's hash where EIP-2935 keeps it."""
        self.number += blocks
        for number in range(self.number - min(blocks, HISTORY_BLOCKS), self.number):
            self._state.set_storage(
                HISTORY_STORAGE_ADDRESS, number % HISTORY_BLOCKS, int.from_bytes(block_hash(number), "big")
            )
        self._seal()

    # snapshots

    def snapshot(self) -> Snapshot:
        self._state.persist()
        return Snapshot(self._state.make_state_root(), self.now_s, self.number)

    def revert(self, to: Snapshot) -> None:
        self.now_s, self.number = to.now_s, to.number
        self._load(to.root)

    @contextmanager
    def branch(self) -> Iterator[None]:
        """Undo at the end all that happens inside. Cheap; gas figures from inside do not count."""
        before, now_s, number = self._state.snapshot(), self.now_s, self.number
        self._branches += 1
        try:
            yield
        finally:
            self._branches -= 1
            self._state.revert(before)
            self.now_s, self.number = now_s, number

    # accounts

    def balance(self, account: str) -> int:
        return self._state.get_balance(to_canonical_address(account))

    def fund(self, account: str, amount_wei: int) -> None:
        """Give ether from nowhere."""
        self._state.delta_balance(to_canonical_address(account), amount_wei)
        self._seal()

    def code(self, account: str) -> bytes:
        return self._state.get_code(to_canonical_address(account))

    def set_code(self, account: str, code: bytes) -> None:
        self._state.set_code(to_canonical_address(account), code)
        self._seal()

    # transactions

    def _transaction(self, sender: str, to: str | None, data: bytes, value_wei: int, gas: int) -> Any:
        account = to_canonical_address(sender)
        unsigned = self._builder.create_unsigned_transaction(
            nonce=self._state.get_nonce(account),
            gas_price=0,
            gas=gas,
            to=Address(b"") if to is None else to_canonical_address(to),
            value=value_wei,
            data=data,
        )
        return SpoofTransaction(unsigned, from_=account)

    def send(
        self,
        sender: str,
        to: str | None,
        data: bytes,
        value_wei: int = 0,
        gas: int = TRANSACTION_GAS,
        mine: bool = True,
    ) -> Receipt:
        """Apply a transaction in a block of its own, or (mine False) leave the block open for the next one.

        Raises ContractRefused with the Solidity error's name, OutOfGas.
        """
        self._enter_block()
        transaction = self._transaction(sender, to, data, value_wei, gas)
        executor: Any = self._state.get_transaction_executor()
        self._state.work = Work()
        done = executor(transaction)
        self._seal()
        if mine:
            self.mine()
        self._check(done)
        executed = gas - done.get_gas_remaining()
        used = executed + done.data_floor_gas - executor.calculate_gas_refund(done, executed)
        logs = tuple(
            (to_checksum_address(address), tuple(topic.to_bytes(32, "big") for topic in topics), bytes(body))
            for address, topics, body in done.get_log_entries()
        )
        created = to_checksum_address(done.msg.storage_address) if to is None else None
        work = self._state.work.of_transaction(
            data, creates=to is None, value_wei=value_wei, executed_gas=executed, logs=logs
        )
        return Receipt(used, logs, bytes(done.output), created, work)

    def call(self, to: str, data: bytes, sender: str = "0x" + "00" * 20) -> bytes:
        """What a transaction would return, without doing it."""
        self._enter_block()
        before = self._state.snapshot()
        done = self._state.apply_transaction(self._transaction(sender, to, data, 0, BLOCK_GAS))
        self._state.revert(before)
        self._check(done)
        return bytes(done.output)

    def _check(self, done: Any) -> None:
        if not done.is_error:
            return
        if isinstance(done.error, Revert) and done.output:
            raise refusal(bytes(done.output), self.errors)
        raise OutOfGas(repr(done.error))
