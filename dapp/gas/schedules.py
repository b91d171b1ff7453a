"""Gas schedules: what each counted piece of work costs, from data/schedules.json, with status and date.

Only what differs between schedules is named; all other gas (arithmetic, hashing, precompiles, logs, warm
reads) is the same under each and is carried over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Schedule:
    """Gas for one of each. The slot's are for a warm slot; `slot_cold` is what a cold one costs more."""

    name: str
    status: str
    as_of: str
    sources: str
    notes: str
    transaction: int
    transaction_to: int  # more, when it goes to an account
    transaction_value: int  # more, when it moves ether
    transaction_creates: int  # more, when it creates a contract
    data_token: int  # EIP-7623: a zero byte is one token, another four
    floor_zero_byte: int
    floor_other_byte: int
    slot_cold: int
    slot_new: int
    slot_updated: int
    slot_rewritten: int
    refund_cleared: int
    refund_unmade: int
    refund_restored: int
    account_cold: int
    code_read: int
    value_call: int  # of which 2,300 come back as stipend
    new_account: int
    create: int
    code_byte: int
    code_word: int
    refund_cap_ppm: int  # of the gas used


@cache
def schedules() -> dict[str, Schedule]:
    """All schedules by key: today, glamsterdam."""
    stored = json.loads((DATA / "schedules.json").read_text(encoding="utf-8"))
    return {key: Schedule(**values) for key, values in stored.items()}


def today() -> Schedule:
    """The chain's own."""
    return schedules()["today"]


def announced() -> Schedule:
    """The one that is coming."""
    return schedules()["glamsterdam"]
