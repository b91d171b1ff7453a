"""Everything that can go wrong between us and the chain, each with what to do about it.

A call that a contract refuses arrives as ContractRefused under its Solidity name, with the values of the
error
decoded by the ABI; docs/errors.md says the same in prose.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi import decode  # type: ignore[attr-defined]
from eth_abi.exceptions import DecodingError
from eth_utils import keccak

from dapp.chain.refusals import FIXES, RETRYABLE
from dapp.chain.words import Phase
from dapp.moments import moment
from ml.errors import QuorateError

Abi = Iterable[Mapping[str, Any]]
FIRST_TIME_S, LAST_TIME_S = 10**9, 10**11  # seconds since 1970 that stand for a time: no duration is as long


class ChainError(QuorateError):
    """The base of all chain errors."""

    code = "chain-failed"
    default_fix = "Read the message; `quorate doctor` checks endpoint, chain id and contracts."


class EndpointDown(ChainError):
    """Nobody answers at the endpoint, or only with server errors."""

    code = "endpoint-down"
    default_fix = "Start the node (`quorate devnet` for a local one) or name another endpoint with --rpc."


class EndpointConfused(ChainError):
    """The endpoint answers, but not with what was asked for."""

    code = "endpoint-confused"
    default_fix = "Check that --rpc names an Ethereum JSON-RPC endpoint; use another node if it does."


class WrongChain(ChainError):
    """The endpoint serves another chain than the one that was asked for."""

    code = "wrong-chain"
    default_fix = "Name an endpoint of the right chain with --rpc, or the right chain with --chain-id."


class ContractMissing(ChainError):
    """No code, or other code, at the address where a contract should be."""

    code = "contract-missing"
    default_fix = "Deploy with `quorate deploy`, or name the chain on which the contracts stand with --rpc."


class NotDeployed(ChainError):
    """No deployment is known for this chain."""

    code = "not-deployed"
    default_fix = "Deploy with `quorate deploy`, or copy deployments/<chain id>.json from whoever did."


class NoSigner(ChainError):
    """A transaction was asked for, but no account to sign it."""

    code = "no-signer"
    default_fix = "Name an account with --keystore FILE, or with --account N on a devnet."


class KeyRefused(ChainError):
    """A key that cannot be opened or must not be used here."""

    code = "key-refused"
    default_fix = "Use a keystore file (version 3) that only you can read, and its passphrase."


class InsufficientFunds(ChainError):
    """The account cannot pay for the transaction."""

    code = "insufficient-funds"
    default_fix = "Send ether to the account, then run the command again: it takes up where it stopped."


class FeeTooHigh(ChainError):
    """The chain asks for more per gas than the settings allow."""

    code = "fee-too-high"
    default_fix = "Wait for lower fees, or raise --max-fee-gwei; the transaction keeps its place."


class CostRose(ChainError):
    """Sending would cost more by now than was agreed to. Nothing was sent."""

    code = "cost-rose"
    default_fix = "Run the command again: it shows what it costs now."


class TransactionPending(ChainError):
    """A transaction was sent and is not in a block yet."""

    code = "transaction-pending"
    default_fix = "Run the command again: it waits for the same transaction and sends no second one."


class NonceTaken(ChainError):
    """The nonce of a journaled transaction was used, and the endpoint knows no receipt of that one."""

    code = "nonce-taken"
    default_fix = (
        "Stop the other program that uses this account; if there is none, name another endpoint with --rpc. "
        "Then run the command again: it signs anew what no receipt is known of."
    )


class NonceUnreachable(ChainError):
    """A journaled transaction waits for one that nobody sent: an endpoint told too high a nonce."""

    code = "nonce-unreachable"
    default_fix = (
        "Run the command again, best with another endpoint: the transaction is signed anew. If a wallet of "
        "yours holds unsent transactions of this account, send them first."
    )


class OutOfGas(ChainError):
    """A transaction ran out of gas, or failed without a reason."""

    code = "transaction-failed"
    default_fix = "Run the command again; it estimates the gas anew."


class HistoryIncomplete(ChainError):
    """The endpoint's events do not add up to what the contract stores."""

    code = "history-incomplete"
    default_fix = "The node may still be catching up: try again, or use another endpoint."


class TaskUnknown(ChainError):
    """No such task on this board."""

    code = "task-unknown"
    default_fix = "`quorate task list` shows the tasks of this board."


class ContractRefused(ChainError):
    """A contract reverted. `name` and `args_` are the Solidity error's; `tx` is set when it cost gas."""

    code = "contract-refused"

    def __init__(self, name: str, args: Mapping[str, object], tx: str | None = None) -> None:
        shown = ", ".join(f"{key}={_told(key, value)}" for key, value in args.items())
        super().__init__(
            f"the contract refused: {name}({shown})",
            fix=FIXES.get(
                name, "Read the contract's interface for this error; the call cannot succeed as it is."
            ),
            retryable=name in RETRYABLE,
            name=name,
            **{f"arg_{key}": value for key, value in args.items()},
        )
        self.name = name
        self.args_ = dict(args)
        self.tx = tx

    def to_dict(self) -> dict[str, object]:
        """The four fields, and the Solidity name and values."""
        return super().to_dict() | {
            "name": self.name,
            "args": {key: _shown(value) for key, value in self.args_.items()},
            "tx": self.tx,
        }


def refusal(data: bytes, abi: Abi, tx: str | None = None) -> ContractRefused:
    """The error that the revert bytes `data` stand for; unknown ones keep their selector as the name."""
    selector, body = data[:4], data[4:]
    if selector == keccak(text="Error(string)")[:4]:
        return ContractRefused("Error", _decoded(["reason"], ["string"], body), tx)
    if selector == keccak(text="Panic(uint256)")[:4]:
        return ContractRefused("Panic", _decoded(["code"], ["uint256"], body), tx)
    known = _selectors(abi).get(selector)
    if known is None:
        return ContractRefused("0x" + selector.hex() if selector else "NoReason", {}, tx)
    return ContractRefused(known.name, known.values(body), tx)


def revert_bytes(error: BaseException) -> bytes | None:
    """The revert data that a provider's exception carries, None when it is no revert.

    eth-tester puts the repr of the bytes into the message; a node sends hexadecimal `data`, which web3 keeps.
    """
    if type(error).__name__ == "TransactionFailed" and error.args:  # eth_tester.exceptions
        text = str(error.args[0]).removeprefix("execution reverted: ")
        if text[:2] in ("b'", 'b"'):
            return bytes(ast.literal_eval(text))
        return keccak(text="Error(string)")[:4] + _abi_string(text)
    data = getattr(error, "data", None)
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    return b"" if type(error).__name__ == "ContractLogicError" else None


def _abi_string(text: str) -> bytes:
    from eth_abi import encode  # type: ignore[attr-defined]

    return bytes(encode(["string"], [text]))


def _decoded(names: list[str], types: list[str], body: bytes) -> dict[str, object]:
    try:
        return dict(zip(names, decode(types, body), strict=True))
    except DecodingError:
        return {"undecodable": "0x" + body[:64].hex()}


@dataclass(frozen=True)
class _Declared:
    """An error as the ABI declares it."""

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    phases: frozenset[str]  # arguments of type Phase

    def values(self, body: bytes) -> dict[str, object]:
        """Its arguments; phases by their name: `phase=SUBMIT` says more than `phase=2`."""
        values = _decoded(list(self.names), list(self.types), body)
        named = {phase.value: phase.name for phase in Phase}
        return {key: named.get(v, v) if key in self.phases else v for key, v in values.items()}  # type: ignore[call-overload]


def _selectors(abi: Abi) -> dict[bytes, _Declared]:
    return _table(
        tuple(
            (e["name"], tuple((i["name"], i["type"], i.get("internalType", "")) for i in e["inputs"]))
            for e in abi
            if e["type"] == "error"
        )
    )


@lru_cache(maxsize=8)
def _table(
    errors: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...],
) -> dict[bytes, _Declared]:
    table = {}
    for name, inputs in errors:
        names = tuple(given or f"value{i}" for i, (given, _, _) in enumerate(inputs))
        types = tuple(kind for _, kind, _ in inputs)
        phases = frozenset(given for given, _, internal in inputs if internal == "enum Phase")
        table[keccak(text=f"{name}({','.join(types)})")[:4]] = _Declared(name, names, types, phases)
    return table


def _told(key: str, value: object) -> str:
    """For people: a point in time (a name in seconds whose number is no duration) also as a time of day."""
    is_time = key.endswith("S") and isinstance(value, int) and FIRST_TIME_S <= value < LAST_TIME_S
    return f"{_shown(value)} ({moment(value)})" if is_time and isinstance(value, int) else _shown(value)


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
