"""The contracts as Python calls them: one Call per Solidity function, encoded by the compiled ABI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_abi import decode, encode  # type: ignore[attr-defined]
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple

from dapp.artifacts import load_artifact
from dapp.chain.errors import Abi, ChainError, EndpointConfused


class ArgumentOutOfRange(ChainError):
    """A value that does not fit the type the contract takes."""

    code = "argument-out-of-range"
    default_fix = "Give a value within the range that the message names."


@dataclass(frozen=True)
class Call:
    """A call of one function of one contract, encoded."""

    contract: str
    function: str
    to: str
    data: bytes
    returns: tuple[str, ...]
    named: Mapping[str, Any] = field(default_factory=dict, compare=False)  # its arguments

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """What the call returned. Raises EndpointConfused."""
        try:
            return tuple(decode(self.returns, data))
        except (DecodingError, OverflowError) as error:
            raise EndpointConfused(
                f"{self.contract}.{self.function} returned {len(data)} bytes that do not fit its ABI",
                retryable=True,
            ) from error


class Contract:
    """A deployed contract."""

    def __init__(self, name: str, address: str, abi: Abi) -> None:
        self.name = name
        self.address = address
        self.abi = tuple(abi)
        self._functions = {entry["name"]: entry for entry in self.abi if entry["type"] == "function"}

    def call(self, function: str, *args: object) -> Call:
        """The call of `function`, by its Solidity name. Raises ArgumentOutOfRange."""
        entry = self._functions[function]
        types = [collapse_if_tuple(given) for given in entry["inputs"]]
        try:
            body = encode(types, args)
        except (EncodingError, OverflowError) as error:
            raise ArgumentOutOfRange(f"{self.name}.{function}: {str(error)[:300]}") from error
        returns = tuple(collapse_if_tuple(given) for given in entry["outputs"])
        named = {given["name"]: value for given, value in zip(entry["inputs"], args, strict=True)}
        return Call(self.name, function, self.address, selector(entry) + body, returns, named)

    def function_of(self, data: bytes) -> str | None:
        """The name of the function that calldata calls, None for one that is not in the ABI."""
        return next((name for name, entry in self._functions.items() if selector(entry) == data[:4]), None)


def selector(entry: Mapping[str, Any]) -> bytes:
    """The first four bytes of a call of the function with this ABI entry."""
    types = [collapse_if_tuple(given) for given in entry["inputs"]]
    return bytes(keccak(text=f"{entry['name']}({','.join(types)})")[:4])


def contract(name: str, address: str) -> Contract:
    """The contract `name` of this project at `address`."""
    return Contract(name, address, load_artifact(name).abi)


def creation(name: str, *args: object) -> bytes:
    """The data of the transaction that deploys the contract `name`."""
    artifact = load_artifact(name)
    constructor: Mapping[str, Any] = next(
        (entry for entry in artifact.abi if entry["type"] == "constructor"), {"inputs": []}
    )
    types = [collapse_if_tuple(given) for given in constructor["inputs"]]
    return artifact.deployable_code() + bytes(encode(types, args))
