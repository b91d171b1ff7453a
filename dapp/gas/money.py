"""Gas as money, on layer 1 and as an estimate on a rollup that keeps its calldata in blobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from typing import Final

from dapp.gas.reprice import floor
from dapp.gas.schedules import DATA, Schedule
from dapp.gas.trace import Work

GWEI_PER_ETHER: Final = Decimal(10**9)
WEI_PER_ETHER: Final = Decimal(10**18)
BLOB_BYTES: Final = 131_072  # EIP-4844; a byte costs one gas of blobs
RESERVE: Final = 16  # EIP-7918: a blob costs at least 8,192 times the base fee, a sixteenth of its bytes
SIGNED_BYTES: Final = 110  # of a transaction beside its calldata: signature, nonce, fees, to
DIGITS: Final = 2  # of a sum below one
LEAST: Final = Decimal("0.0001")  # a smaller sum is below it, however small
FORMULA: Final = (
    "L2 fee = gas × L2 gas price + (calldata + 110 bytes) × blob gas price;"
    " the blob's price is at least a sixteenth of L1's gas price (EIP-7918); nothing is compressed"
)


@dataclass(frozen=True)
class Prices:
    """What a gas and an ether cost. Prices are given, never fetched."""

    name: str
    source: str
    as_of: str
    currency: str
    ether_price: Decimal
    gas_price_gwei: Decimal
    blob_gas_price_gwei: Decimal

    def ether(self, gas: int) -> Decimal:
        """Ether for so much gas."""
        return gas * self.gas_price_gwei / GWEI_PER_ETHER

    def money(self, gas: int) -> Decimal:
        """The currency for so much gas."""
        return self.ether(gas) * self.ether_price

    def shown(self, gas: int) -> str:
        """As `12.34 USD`."""
        return amount(self.money(gas), self.currency)

    @property
    def terms(self) -> str:
        """What was given."""
        return f"{self.gas_price_gwei:,f} gwei a gas, {self.ether_price:,f} {self.currency} an ether"

    def rollup(self, gas: int, data_bytes: int, l2_gas_price_gwei: Decimal) -> Decimal:
        """The currency for a transaction on a rollup: see FORMULA."""
        blob_gwei = max(self.blob_gas_price_gwei, self.gas_price_gwei / RESERVE)
        gwei = gas * l2_gas_price_gwei + (data_bytes + SIGNED_BYTES) * blob_gwei
        return gwei / GWEI_PER_ETHER * self.ether_price


@dataclass(frozen=True)
class Calldata:
    """What a transaction's calldata costs: as part of it, and as the least that it pays (EIP-7623, 7976)."""

    data_bytes: int
    standard: int
    floor: int
    decides: bool  # the floor, not the execution

    @classmethod
    def of(cls, work: Work, gas: int, schedule: Schedule) -> Calldata:
        least = floor(work, schedule)
        return cls(work.data_bytes, schedule.data_token * work.data_tokens, least, least == gas)


@cache
def presets() -> dict[str, Prices]:
    """Price sets by name: the paper's, and a stated recent one."""
    stored = json.loads((DATA / "prices.json").read_text(encoding="utf-8"), parse_float=Decimal)
    numbers = ("ether_price", "gas_price_gwei", "blob_gas_price_gwei")
    return {
        key: Prices(**{**values, **{name: Decimal(values[name]) for name in numbers}})
        for key, values in stored.items()
    }


def amount(value: Decimal, currency: str) -> str:
    """A sum of money as people read it: below one with as many digits as any other, zeros among them."""
    if value == 0:
        return f"0 {currency}"
    if value < LEAST:
        return f"below {LEAST} {currency}"
    if value >= 100:
        return f"{value:,.0f} {currency}"
    places = max(2, DIGITS - 1 - Context(prec=DIGITS).plus(value).adjusted())
    return f"{value:,.{places}f} {currency}"
