"""The gas of a measured transaction under another schedule, from the work it did."""

from __future__ import annotations

from dapp.gas.schedules import Schedule, today
from dapp.gas.trace import Work

PPM = 1_000_000
SLOT_READ = 2_100  # cold: EIP-2929; this and what follows no schedule changes
LOG, LOG_TOPIC, LOG_BYTE = 375, 375, 8
STIPEND = 2_300  # that a payment gives its payee, and gets back from an account without code
SIGNATURE = 3_100  # ecrecover and the call of it


def gas(work: Work, schedule: Schedule) -> int:
    """What the transaction uses under `schedule`. Under today's it is the receipt's figure."""
    used = work.executed_gas - named(work, today()) + named(work, schedule)
    refunded = used - min(refund(work, schedule), used * schedule.refund_cap_ppm // PPM)
    return max(refunded, floor(work, schedule))


def named(work: Work, schedule: Schedule) -> int:
    """Gas of all work that schedules price differently, without refunds."""
    return (
        _base(work, schedule)
        + schedule.data_token * work.data_tokens
        + schedule.transaction_creates * work.creations
        + schedule.slot_cold * work.slots_written_cold
        + schedule.slot_new * work.slots_new
        + schedule.slot_updated * work.slots_updated
        + schedule.slot_rewritten * work.slots_rewritten
        + schedule.account_cold * work.accounts_cold
        + schedule.code_read * work.codes_read
        + schedule.value_call * work.value_calls
        + schedule.new_account * work.new_accounts
        + schedule.create * work.creates
        + schedule.code_byte * work.code_bytes
        + schedule.code_word * work.code_words
    )


def refund(work: Work, schedule: Schedule) -> int:
    """Gas given back for slots, before the cap."""
    return (
        schedule.refund_cleared * work.slots_cleared
        + schedule.refund_unmade * work.slots_unmade
        + schedule.refund_restored * work.slots_restored
    )


def without_computing(work: Work, signatures: int = 0) -> int:
    """What the transaction's data, state, events, payments and signatures alone take today."""
    logs = LOG * work.logs + LOG_TOPIC * work.log_topics + LOG_BYTE * work.log_bytes
    reads_and_calls = SLOT_READ * work.slots_read_cold - STIPEND * work.value_calls + SIGNATURE * signatures
    return named(work, today()) + logs + reads_and_calls


def floor(work: Work, schedule: Schedule) -> int:
    """The least a transaction costs for its calldata (EIP-7623, EIP-7976)."""
    bytes_gas = (
        schedule.floor_zero_byte * work.data_zero_bytes + schedule.floor_other_byte * work.data_other_bytes
    )
    return _base(work, schedule) + bytes_gas


def _base(work: Work, schedule: Schedule) -> int:
    """Of every transaction."""
    to = 0 if work.creations else schedule.transaction_to
    value = schedule.transaction_value * work.value_transfers
    return schedule.transaction + to + value
