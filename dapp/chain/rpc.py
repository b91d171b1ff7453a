"""One JSON-RPC endpoint: what it says, with every failure as one of our errors and a bounded number of
tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError, Web3ValueError
from web3.providers import BaseProvider, IPCProvider, LegacyWebSocketProvider

from dapp.causes import innermost
from dapp.chain.bounded_http import BoundedHttp
from dapp.chain.errors import ChainError, EndpointConfused, EndpointDown, WrongChain, revert_bytes

T = TypeVar("T")
Sleep = Callable[[float], None]

TIMEOUT_S: Final = 20.0
TRIES: Final = 4
MAX_NUMBER: Final = 2**53
MAX_BLOCK: Final = 2**32  # after 34 years of four blocks a second
MAX_WORD: Final = 2**256 - 1
END_OF_TIME_S: Final = 2**36  # in the year 4147: beyond it, no calendar tells when a window ends
NOBODY: Final = "0x" + 40 * "0"
FIRST_PAUSE_S: Final = 0.25  # doubled after each try


class Reverted(Exception):
    """A call was reverted; `data` is what the contract returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


class Refused(Exception):
    """The node refused a request, with its own message: for example 'nonce too low'."""


@dataclass(frozen=True)
class Block:
    """What we need of a block."""

    number: int
    hash: bytes
    timestamp_s: int
    base_fee_wei: int


@dataclass(frozen=True)
class TxReceipt:
    """What we need of a receipt."""

    tx: bytes
    block: int
    block_hash: bytes
    ok: bool
    gas_used: int
    gas_price_wei: int
    contract: str | None
    logs: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class TxSent:
    """What we need of a transaction in a block."""

    sender: str
    to: str | None  # None: it created a contract
    data: bytes
    value_wei: int


class Rpc:
    """Requests to one node. Every method raises EndpointDown or EndpointConfused when it cannot answer."""

    def __init__(self, w3: Web3, url: str, sleep: Sleep = time.sleep, tries: int = TRIES) -> None:
        self.w3 = w3
        self.url = shown(url)  # as it may be printed
        self._whole_url = url
        self._sleep = sleep
        self._tries = tries
        self.chain_id = 0
        self.reader = NOBODY  # in whose name calls are made that need no name

    def check_chain(self, expected: int | None) -> None:
        """Learn the chain's id. Raises WrongChain when it is not the expected one."""
        self.chain_id = self._read(lambda: self._number("chain id", self.w3.eth.chain_id, MAX_WORD))
        if expected is not None and self.chain_id != expected:
            raise WrongChain(
                f"{self.url} serves chain {self.chain_id}, expected was {expected}", chain_id=self.chain_id
            )

    def block(self, which: int | str = "latest") -> Block:
        """A block by number or name."""

        def ask() -> Block:
            found = self.w3.eth.get_block(which)  # type: ignore[arg-type]
            number, at_s = int(found["number"]), int(found["timestamp"])
            if not (0 <= number <= MAX_BLOCK and 0 <= at_s < END_OF_TIME_S):
                raise EndpointConfused(f"{self.url} tells of block {number:#x} at {at_s:#x} seconds")
            base_wei = self._number("base fee", found.get("baseFeePerGas", 0))
            return Block(number, bytes(found["hash"]), at_s, base_wei)

        return self._read(ask)

    def code(self, address: str) -> bytes:
        """Code of a contract, empty when there is none."""
        return self._read(lambda: bytes(self.w3.eth.get_code(_address(address))))

    def balance_wei(self, address: str) -> int:
        """Balance of an account."""
        return self._read(
            lambda: self._number("balance", self.w3.eth.get_balance(_address(address)), MAX_WORD)
        )

    def nonce(self, address: str) -> int:
        """Transactions of `address` that are in blocks."""

        def ask() -> int:
            return self._number("nonce", self.w3.eth.get_transaction_count(_address(address), "latest"))

        return self._read(ask)

    def priority_fee_wei(self) -> int:
        """What the node suggests to pay on top of the base fee."""
        return self._read(lambda: self._number("priority fee", self.w3.eth.max_priority_fee))

    def call(self, transaction: Mapping[str, Any], block: int | str = "latest") -> bytes:
        """Return data of a call. Raises Reverted."""
        return self._ask(lambda: bytes(self.w3.eth.call(dict(transaction), block)))  # type: ignore[arg-type]

    def estimate_gas(self, transaction: Mapping[str, Any]) -> int:
        """Gas that a transaction would use. Raises Reverted."""
        return self._ask(lambda: self._number("gas", self.w3.eth.estimate_gas(dict(transaction))))  # type: ignore[arg-type]

    def send_raw(self, raw: bytes) -> None:
        """Hand over a signed transaction. What the node returns is ignored: the hash is known. Raises
        Refused.
        """
        self._ask(lambda: self.w3.eth.send_raw_transaction(HexBytes(raw)))

    def receipt(self, tx: bytes) -> TxReceipt | None:
        """The receipt of a transaction in a block, else None."""

        def ask() -> TxReceipt | None:
            try:
                found = self.w3.eth.get_transaction_receipt(HexBytes(tx))
            except TransactionNotFound:
                return None
            if bytes(found["transactionHash"]) != tx:
                raise EndpointConfused(f"{self.url} sent the receipt of another transaction")
            if not all(map(_is_whole, found["logs"])):
                raise EndpointConfused(f"{self.url} sent a receipt of logs that are none", retryable=True)
            return TxReceipt(
                tx,
                self._number("blockNumber", found["blockNumber"], MAX_BLOCK),
                bytes(found["blockHash"]),
                int(found["status"]) == 1,
                self._number("gasUsed", found["gasUsed"]),
                self._number("effectiveGasPrice", found["effectiveGasPrice"]),
                found.get("contractAddress"),
                tuple(found["logs"]),
            )

        return self._read(ask)

    def transaction(self, tx: bytes) -> TxSent | None:
        """A transaction in a block, else None."""

        def ask() -> TxSent | None:
            try:
                found = self.w3.eth.get_transaction(HexBytes(tx))
            except TransactionNotFound:
                return None
            if bytes(found["hash"]) != tx:
                raise EndpointConfused(f"{self.url} sent another transaction")
            if found.get("blockNumber") is None:
                return None
            to, value_wei = found["to"], self._number("value", found["value"], MAX_WORD)
            data = HexBytes(found["input"] if "input" in found else found["data"])
            return TxSent(_address(found["from"]), _address(to) if to else None, bytes(data), value_wei)

        return self._read(ask)

    def logs(self, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Logs that fit the filter. Raises Refused when the range is too large for the node."""

        def ask() -> list[Mapping[str, Any]]:
            found = list(self.w3.eth.get_logs(dict(query)))  # type: ignore[arg-type]
            if not all(_is_whole(log) and _fits(log, query) for log in found):
                raise EndpointConfused(f"{self.url} lists logs that were not asked for", retryable=True)
            return found  # type: ignore[return-value]

        return self._ask(ask)

    def raw(self, method: str, *params: object) -> Any:
        """A request that web3 has no name for (development nodes)."""
        return self._ask(lambda: self.w3.manager.request_blocking(method, list(params)))  # type: ignore[arg-type]

    def _number(self, name: str, value: object, most: int = MAX_NUMBER) -> int:
        """A whole number that the node told. Raises EndpointConfused when it is none, or too large."""
        if type(value) is not int or not 0 <= value <= most:
            raise EndpointConfused(f"{self.url} tells of a {name} that no chain has", retryable=True)
        return value

    def _read(self, ask: Callable[[], T]) -> T:
        """As `_ask`, of what no node refuses to tell."""
        try:
            return self._ask(ask)
        except (Refused, Reverted) as refused:
            raise EndpointConfused(f"{self.url} refuses to answer: {refused}", retryable=True) from refused

    def _ask(self, ask: Callable[[], T]) -> T:
        pause_s = FIRST_PAUSE_S
        for left in range(self._tries - 1, -1, -1):
            try:
                return ask()
            except ChainError:
                raise
            except Exception as error:
                failure = self._classified(error)
                if not isinstance(failure, EndpointDown) or left == 0:
                    raise failure from None
            self._sleep(pause_s)
            pause_s *= 2
        raise AssertionError("unreachable")

    def _classified(self, error: Exception) -> Exception:
        data = revert_bytes(error)
        if data is not None:
            return Reverted(data)
        text = _hidden(str(error).replace("\n", " "), self._whole_url)[:200]
        if isinstance(error, BlockNotFound):
            return EndpointConfused(f"{self.url}: {text}", retryable=True)
        if (
            isinstance(error, Web3RPCError) or type(error).__name__ == "ValidationError"
        ):  # eth_utils, by eth-tester
            return Refused(text)
        if isinstance(error, RequestException | OSError | TimeoutError) and not isinstance(error, ValueError):
            why = _hidden(innermost(error), self._whole_url)
            return EndpointDown(f"{self.url} does not answer: {why}", retryable=True)
        if type(error).__module__.startswith("websockets") or isinstance(error, Web3ValueError):
            return EndpointDown(f"{self.url} does not answer: {text}", retryable=True)
        return EndpointConfused(
            f"{self.url} answered something else than JSON-RPC ({type(error).__name__}: {text})",
            retryable=True,
        )


def connect(url: str, expected_chain_id: int | None = None, tries: int = TRIES) -> Rpc:
    """The endpoint at `url`: http(s)://, ws(s)://, or the path of an IPC socket. Raises EndpointDown,
    WrongChain.
    """
    rpc = Rpc(Web3(_provider(url)), url, tries=tries)
    rpc.check_chain(expected_chain_id)
    return rpc


def shown(url: str) -> str:
    """An endpoint without what may be secret: scheme, host and port; a path of this machine as it is."""
    if "://" not in url:
        return url
    parts = _parts(url)
    if parts is None:
        return url.split("://", 1)[0] + "://…"
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL, None when it is malformed."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check
        return parts
    except ValueError:
        return None


def _hidden(text: str, url: str) -> str:
    """`text` without the parts of `url` that `shown` leaves out: libraries quote whole addresses."""
    if "://" not in url:
        return text
    parts = urlsplit(url)
    for secret in (url, parts.netloc.rpartition("@")[0], parts.username, parts.password, parts.query):
        text = text.replace(secret, "…") if secret else text
    return text.replace(parts.path, "/…") if len(parts.path) > 1 else text


def _provider(url: str) -> BaseProvider:
    if "://" in url and _parts(url) is None:
        raise EndpointDown(f"{shown(url)} is not the URL of an endpoint")
    if url.startswith(("http://", "https://")):
        return BoundedHttp(url, TIMEOUT_S)
    if url.startswith(("ws://", "wss://")):
        return LegacyWebSocketProvider(url, websocket_timeout=int(TIMEOUT_S))
    path = Path(url).expanduser()
    if not path.is_socket():
        raise EndpointDown(f"{shown(url)} is neither a URL nor the socket of a running node")
    return IPCProvider(str(path), timeout=int(TIMEOUT_S))


def _is_whole(log: Mapping[str, Any]) -> bool:
    """Whether a log holds what every log does. Raises KeyError, TypeError."""
    block, index = log["blockNumber"], log["logIndex"]
    return (
        (type(block), type(index)) == (int, int)
        and 0 <= min(block, index) <= max(block, index) <= MAX_NUMBER
        and len(bytes(log["transactionHash"])) == len(bytes(log["blockHash"])) == 32
        and all(len(bytes(topic)) == 32 for topic in log["topics"])
        and isinstance(log["data"], bytes)
        and isinstance(log["address"], str)
    )


def _fits(log: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a whole log is one that the filter asks for."""
    addresses = [query["address"]] if isinstance(query["address"], str) else query["address"]
    asked = [None if word is None else bytes.fromhex(word[2:]) for word in query.get("topics", ())]
    topics = [bytes(topic) for topic in log["topics"]]
    return (
        query["fromBlock"] <= log["blockNumber"] <= query["toBlock"]
        and log["address"].lower() in [address.lower() for address in addresses]
        and len(asked) <= len(topics)
        and all(word in (None, topic) for word, topic in zip(asked, topics, strict=False))
    )


def _address(address: Any) -> Any:
    return Web3.to_checksum_address(address)
