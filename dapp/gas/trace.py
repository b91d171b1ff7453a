"""What a transaction did that gas schedules price differently, counted by the EVM while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from eth.vm import mnemonics, opcode_values
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState

Log = tuple[str, tuple[bytes, ...], bytes]


@dataclass
class Work:
    """Counts of one transaction. A slot's kind follows from its value before the transaction, now and after
    (EIP-2200).
    """

    data_zero_bytes: int = 0
    data_other_bytes: int = 0
    creations: int = 0  # the transaction itself creates a contract
    value_transfers: int = 0  # the transaction itself moves ether
    slots_new: int = 0  # zero before and now, not after
    slots_updated: int = 0  # changed for the first time, not zero before
    slots_rewritten: int = 0  # changed before in this transaction, or not changed at all
    slots_written_cold: int = 0  # of these three, how many were not touched before
    slots_cleared: int = 0  # refunds for clearing, less those taken back
    slots_unmade: int = 0  # refunds: zero, changed, zero again
    slots_restored: int = 0  # refunds: changed and back
    slots_read_cold: int = 0
    accounts_cold: int = 0
    codes_read: int = 0  # EXTCODESIZE, EXTCODECOPY
    value_calls: int = 0
    new_accounts: int = 0  # called with ether while empty
    creates: int = 0  # CREATE and CREATE2
    code_bytes: int = 0  # stored by any creation
    code_words: int = 0
    logs: int = 0
    log_bytes: int = 0
    log_topics: int = 0
    executed_gas: int = 0  # under today's schedule, before refund and floor

    @property
    def data_bytes(self) -> int:
        return self.data_zero_bytes + self.data_other_bytes

    @property
    def data_tokens(self) -> int:
        """EIP-7623: a zero byte is one, another is four."""
        return self.data_zero_bytes + 4 * self.data_other_bytes

    def of_transaction(
        self, data: bytes, creates: bool, value_wei: int, executed_gas: int, logs: Sequence[Log]
    ) -> Work:
        """The same with what the transaction shows from outside."""
        zeros = data.count(0)
        return replace(
            self,
            data_zero_bytes=zeros,
            data_other_bytes=len(data) - zeros,
            creations=int(creates),
            value_transfers=int(value_wei > 0),
            executed_gas=executed_gas,
            logs=len(logs),
            log_bytes=sum(len(body) for _, _, body in logs),
            log_topics=sum(len(topics) for _, topics, _ in logs),
        )

    def __add__(self, other: Work) -> Work:
        return Work(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Work)})

    def to_json(self) -> dict[str, int]:
        """Counts that are not zero."""
        return {f.name: getattr(self, f.name) for f in fields(Work) if getattr(self, f.name)}


class TracedState(PragueState):
    """A state whose transactions write down their work."""

    work: Work


Watch = Callable[[Any, Work], None]


def _word(computation: Any, depth: int) -> int:
    """The stack's entry so deep (0: on top)."""
    found = computation._stack.values[-1 - depth]
    return found if isinstance(found, int) else int.from_bytes(found, "big")


def _account(computation: Any, depth: int) -> bytes:
    return _word(computation, depth).to_bytes(32, "big")[12:]


def _sstore(computation: Any, work: Work) -> None:
    slot, value = _word(computation, 0), _word(computation, 1)
    address, state = computation.msg.storage_address, computation.state
    now = state.get_storage(address=address, slot=slot)
    before = state.get_storage(address=address, slot=slot, from_journal=False)
    work.slots_written_cold += not state.is_storage_warm(address, slot)
    if now == value:
        work.slots_rewritten += 1
    elif before == now:
        work.slots_new += before == 0
        work.slots_updated += before != 0
        work.slots_cleared += before != 0 and value == 0
    else:
        work.slots_rewritten += 1
        work.slots_cleared += (before != 0 and value == 0) - (before != 0 and now == 0)
        work.slots_unmade += before == value == 0
        work.slots_restored += before == value != 0


def _sload(computation: Any, work: Work) -> None:
    warm = computation.state.is_storage_warm(computation.msg.storage_address, _word(computation, 0))
    work.slots_read_cold += not warm


def _looks_at(depth: int, code: bool = False) -> Watch:
    def watch(computation: Any, work: Work) -> None:
        work.accounts_cold += not computation.state.is_address_warm(_account(computation, depth))
        work.codes_read += code

    return watch


def _call(computation: Any, work: Work) -> None:
    _looks_at(1)(computation, work)
    if _word(computation, 2):
        work.value_calls += 1
        work.new_accounts += computation.state.account_is_empty(_account(computation, 1))


def _create(computation: Any, work: Work) -> None:
    work.creates += 1


WATCHED: Final[Mapping[str, Watch]] = {
    mnemonics.SSTORE: _sstore,
    mnemonics.SLOAD: _sload,
    mnemonics.BALANCE: _looks_at(0),
    mnemonics.EXTCODEHASH: _looks_at(0),
    mnemonics.EXTCODESIZE: _looks_at(0, code=True),
    mnemonics.EXTCODECOPY: _looks_at(0, code=True),
    mnemonics.CALL: _call,
    mnemonics.STATICCALL: _looks_at(1),
    mnemonics.DELEGATECALL: _looks_at(1),
    mnemonics.CREATE: _create,
    mnemonics.CREATE2: _create,
}


def _watched(opcode: Any, watch: Watch) -> Callable[..., None]:
    def run(computation: Any) -> None:
        watch(computation, computation.state.work)
        opcode(computation=computation)

    return run


class _Traced(PragueComputation):
    """Prague's computation, watched."""

    opcodes: dict[int, Any] = PragueComputation.opcodes | {
        getattr(opcode_values, name): _watched(PragueComputation.opcodes[getattr(opcode_values, name)], watch)
        for name, watch in WATCHED.items()
    }

    @classmethod
    def apply_create_message(cls, *args: Any, **options: Any) -> Any:
        done: Any = super().apply_create_message(*args, **options)
        if not done.is_error:
            done.state.work.code_bytes += len(done.output)
            done.state.work.code_words += -(-len(done.output) // 32)
        return done


TracedState.computation_class = _Traced
