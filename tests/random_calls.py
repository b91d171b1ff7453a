"""Calls of every function that writes, with any values that fit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from eth_utils import to_checksum_address

from dapp.chain.contracts import Contract
from dapp.signing.book import writing

NAMES = ("Membership", "Quorate", "ModelLedger", "Lineage", "Badges")
REFUSED_BY_BADGES = {"approve", "safeTransferFrom", "setApprovalForAll", "transferFrom"}


def random_value(given: Mapping[str, Any], rng: random.Random) -> Any:
    """Any value that fits an ABI entry; edges as often as the middle."""
    type_ = given["type"]
    if type_.endswith("]"):
        inner = {**given, "type": type_[: type_.rindex("[")]}
        size = type_[type_.rindex("[") + 1 : -1]
        return [random_value(inner, rng) for _ in range(int(size) if size else rng.randrange(4))]
    if type_ == "tuple":
        return tuple(random_value(part, rng) for part in given["components"])
    if type_ == "address":
        return to_checksum_address(rng.randbytes(20))
    if type_ == "bool":
        return rng.random() < 0.5
    if type_ == "bytes":
        return rng.randbytes(rng.choice((0, 1, 3, 31, 32, 33, 63, 200)))
    if type_ == "string":
        return rng.choice(("", "nan", "<script>alert(1)</script>", "ä→" * 20))
    if type_.startswith("bytes"):
        return rng.randbytes(int(type_[5:]))
    bits = int(type_.removeprefix("uint") or 256)
    return rng.choice((0, 1, 2**bits - 1, rng.getrandbits(bits), rng.getrandbits(min(bits, 20))))


def functions(contracts: tuple[Contract, ...]) -> list[tuple[Contract, Mapping[str, Any]]]:
    """Every function that writes, with its contract."""
    return [
        (each, entry)
        for each in contracts
        for entry in writing(each.abi)
        if entry["name"] not in REFUSED_BY_BADGES
    ]


def random_calls(contracts: tuple[Contract, ...], count: int) -> list[tuple[str, bytes, int]]:
    """Every writing function at least once, with values that fit its types."""
    rng = random.Random(6)
    every = functions(contracts)
    chosen = every + [rng.choice(every) for _ in range(count - len(every))]
    made = []
    for each, entry in chosen:
        call = each.call(entry["name"], *(random_value(given, rng) for given in entry["inputs"]))
        made.append((call.to, call.data, rng.choice((0, rng.getrandbits(90)))))
    return made
