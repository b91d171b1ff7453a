"""The sheet that a user reads before signing: one sentence, every field, the digests, what becomes final.

Everything on it is decoded from what is handed to the wallet, never from what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi import decode  # type: ignore[attr-defined]
from eth_abi.exceptions import DecodingError
from eth_utils import to_checksum_address
from eth_utils.abi import collapse_if_tuple

from dapp.chain.contracts import Contract, selector
from dapp.signing.digests import calldata_digest, typed_digests
from dapp.signing.phrases import phrases
from dapp.signing.shown import abridged, label, shown
from ml.errors import QuorateError

_PLACE: Final = re.compile(r"\{(\w+)\}")


class NotUnderstood(QuorateError):
    """Something to sign that cannot be decoded: no call of our contracts, or no EIP-712 message."""

    code = "not-understood"
    default_fix = "Do not sign it, unless you know from elsewhere what it does."


@dataclass(frozen=True)
class Field:
    """One value, by its place (`key.rewardWei`), as the machine has it and as people read it."""

    place: str
    label: str
    type: str
    value: str  # whole numbers in decimal, bytes and addresses in hexadecimal
    shown: str


@dataclass(frozen=True)
class Sheet:
    """What a signature would mean."""

    name: str  # of the function or of the message's type
    says: str
    then: str
    fields: tuple[Field, ...]
    digests: Mapping[str, bytes]


def of_call(contracts: Sequence[Contract], to: str, data: bytes, value_wei: int) -> Sheet:
    """The sheet of a transaction. Raises NotUnderstood."""
    entry = _function(contracts, to, data)
    types = [collapse_if_tuple(given) for given in entry["inputs"]]
    try:
        values = decode(types, data[4:])
    except (DecodingError, OverflowError) as error:
        raise NotUnderstood(f"the arguments of {entry['name']} cannot be decoded: {error}") from error
    fields = [
        field
        for given, value in zip(entry["inputs"], values, strict=True)
        for field in _fields(given, value, given["name"])
    ]
    fields.append(_field("value", "value", "uint256", value_wei))
    return _sheet(entry["name"], fields, {"calldata": calldata_digest(data)})


def of_message(message: Mapping[str, Any]) -> Sheet:
    """The sheet of an EIP-712 message, in the form that wallets take. Raises NotUnderstood."""
    try:
        name = str(message["primaryType"])
        fields = [
            field
            for given in message["types"][name]
            for field in _fields(given, _native(given, message["message"]), given["name"])
        ]
        found = typed_digests(message)
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"this is no EIP-712 message: {error!r}"[:300]) from error
    return _sheet(name, fields, {"digest": found.digest, "domain": found.domain, "message": found.message})


def _function(contracts: Sequence[Contract], to: str, data: bytes) -> Mapping[str, Any]:
    for contract in contracts:
        if contract.address == to_checksum_address(to):
            for entry in contract.abi:
                if entry["type"] == "function" and selector(entry) == data[:4]:
                    return entry
            raise NotUnderstood(f"{contract.name} has no function 0x{data[:4].hex()}")
    raise NotUnderstood(f"there is no contract of ours at {to}")


def _sheet(name: str, fields: Sequence[Field], digests: Mapping[str, bytes]) -> Sheet:
    phrase = phrases().get(name, {"says": f"Call {name}.", "then": ""})
    known = {field.place.rsplit(".", 1)[-1]: field.shown for field in fields}
    says = _PLACE.sub(lambda place: abridged(known.get(place[1], place[0])), phrase["says"])
    return Sheet(name, says, phrase["then"], tuple(fields), digests)


def _fields(given: Mapping[str, Any], value: Any, place: str) -> Iterator[Field]:
    """The leaves of one argument, in order; `given` is its ABI entry."""
    type_ = given["type"]
    if type_.endswith("]"):
        inner = dict(given) | {"type": type_[: type_.rindex("[")]}
        yield _field(place, f"{place}.length", "uint256", len(value))
        for index, each in enumerate(value):
            yield from _fields(inner, each, f"{place}[{index}]")
    elif type_ == "tuple":
        for part, each in zip(given["components"], value, strict=True):
            yield from _fields(part, each, f"{place}.{part['name']}")
    else:
        yield _field(given["name"], place, type_, value)


def _field(name: str, place: str, type_: str, value: Any) -> Field:
    if isinstance(value, bytes):
        raw = "0x" + value.hex()
    elif type_ == "address":
        raw = str(to_checksum_address(value))
    else:
        raw = str(value).lower() if isinstance(value, bool) else str(value)
    last = place.rsplit(".", 1)[-1]
    text = f"{value:,} entries" if last == "length" else shown(name, type_, value)
    return Field(place, label(name if last == "length" else last), type_, raw, text)


def _native(given: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A value of a typed message, which may be hexadecimal text, as the ABI decoder would give it."""
    type_, value = given["type"], values[given["name"]]
    if type_.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    if type_.startswith(("uint", "int")):
        return int(value, 0) if isinstance(value, str) else int(value)
    return value
