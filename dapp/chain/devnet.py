"""Development chains: anvil as a process of its own, and one inside this process that needs no port and no
Node.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from ctypes import CDLL
from pathlib import Path
from typing import IO, Any, Final, Self

from eth_utils import keccak
from web3 import EthereumTesterProvider, Web3

from dapp.chain.clock import TravelClock
from dapp.chain.errors import ChainError, EndpointDown
from dapp.chain.outbox import MAX_GAS
from dapp.chain.rpc import Rpc, connect
from dapp.chain.signer import DEVNET_MNEMONIC

PROJECT = Path(__file__).resolve().parent.parent.parent
START_S = 20.0
STOP_S = 5.0
LIBC: Final = CDLL(None)
PR_SET_PDEATHSIG: Final = 1


class DevnetFailed(ChainError):
    """anvil is missing or does not start."""

    code = "devnet-failed"
    default_fix = "Run `make setup`, which installs anvil; `quorate demo --quick` runs without it."


class Anvil:
    """An anvil of our own, in its own process group, stopped in any case when the `with` block ends.

    url       an IPC socket in a private folder
    http_url  the same chain over HTTP, on a free port of this machine only
    genesis_s: given, blocks start then and are a second apart, so the same transactions make the same blocks
    """

    def __init__(
        self,
        accounts: int = 30,
        port: int | None = None,
        chain_id: int = 31337,
        block_time_s: int | None = None,
        genesis_s: int | None = None,
    ) -> None:
        self._accounts = accounts
        self._port = port
        self._chain_id = chain_id
        self._block_time_s = block_time_s
        self._genesis_s = genesis_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._folder: Path | None = None
        self.url = ""
        self.http_url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start anvil and wait until it answers. Raises DevnetFailed."""
        program = _find("anvil")
        self._folder = Path(tempfile.mkdtemp(prefix="quorate-devnet-"))
        port = _free_port() if self._port is None else self._port
        self.url, self.http_url = str(self._folder / "anvil.ipc"), f"http://127.0.0.1:{port}"
        command = [program, "--quiet", "--host", "127.0.0.1", "--port", str(port), "--ipc", self.url]
        command += ["--mnemonic", DEVNET_MNEMONIC, "--accounts", str(self._accounts)]
        command += ["--balance", "1000000", "--chain-id", str(self._chain_id), "--hardfork", "prague"]
        command += [] if self._block_time_s is None else ["--block-time", str(self._block_time_s)]
        command += [] if self._genesis_s is None else ["--timestamp", str(self._genesis_s)]
        self._log = (self._folder / "anvil.log").open("wb")
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Sit by a started anvil for as long as it runs. Raises DevnetFailed: it ended by itself."""
        if self._process is not None:
            code = self._process.wait()
            raise DevnetFailed(f"anvil ended by itself with {code}: {self._said()}")

    def stop(self) -> None:
        """Stop anvil and everything it started; remove its folder."""
        if self._process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self._process.pid, number)
                except ProcessLookupError:
                    break
                try:
                    self._process.wait(STOP_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def rpc(self) -> Rpc:
        """A connection of its own."""
        return connect(self.url, self._chain_id)

    def clock(self, rpc: Rpc) -> TravelClock:
        """A clock that travels."""
        return anvil_clock(rpc)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                rpc = connect(self.url, self._chain_id, tries=1)
                if self._genesis_s is not None:
                    rpc.raw("anvil_setBlockTimestampInterval", 1)
                return
            except ChainError:
                time.sleep(0.05)
        said = self._said()
        if "already in use" in said:
            raise DevnetFailed(
                f"port {self._port} is taken: {said}",
                fix="Stop what listens there, or name a free port with --port.",
            )
        raise DevnetFailed(f"anvil does not start: {said}")

    def _said(self) -> str:
        """The end of its log."""
        log = b"" if self._folder is None else (self._folder / "anvil.log").read_bytes()
        return log.decode(errors="replace").strip()[-300:] or "no answer"


class InProcess:
    """A chain inside this process (eth-tester on py-evm): gone when the process ends.

    genesis_s: as for Anvil; take a time in the future, since a block is never younger than the wall clock
    """

    url = "tester"

    def __init__(self, accounts: int = 30, genesis_s: int | None = None) -> None:
        from eth_tester import EthereumTester, PyEVMBackend  # slow to import

        fields = {} if genesis_s is None else {"timestamp": genesis_s}
        backend = PyEVMBackend.from_mnemonic(
            DEVNET_MNEMONIC,
            num_accounts=accounts,
            hd_path="m/44'/60'/0'/0",
            genesis_parameters=PyEVMBackend.generate_genesis_params(fields),
        )
        backend.chain.gas_estimator = _gas_by_one_run
        if genesis_s is not None:
            _repeat_random_values(backend.chain)
        self.tester = EthereumTester(backend)
        _remember_receipts(self.tester)
        self._rpc = Rpc(Web3(EthereumTesterProvider(self.tester)), self.url)
        self._rpc.check_chain(None)
        self._rpc.reader = str(self.tester.get_accounts()[-1])  # eth-tester lets only the rich ask

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def rpc(self) -> Rpc:
        """The one connection."""
        return self._rpc

    def clock(self, rpc: Rpc) -> TravelClock:
        """A clock that travels."""
        return TravelClock(rpc, lambda at_s: self.tester.time_travel(at_s + 1), self.tester.mine_blocks)


def _gas_by_one_run(state: Any, transaction: Any) -> int:
    """Gas that a transaction uses when given plenty, and what calls within it hold back (1/64 each, EIP-150).

    py-evm's own estimate runs it fifteen times.
    """
    from eth.vm.spoof import SpoofTransaction

    snapshot = state.snapshot()
    try:
        computation = state.apply_transaction(SpoofTransaction(transaction, gas=MAX_GAS, gas_price=0))
        computation.raise_if_error()
        used = int(computation.get_gas_used() + transaction.intrinsic_gas)
    finally:
        state.revert(snapshot)
    return used + used // 24 + 5_000


def _remember_receipts(tester: Any) -> None:
    """Let each receipt be made once, while its block is new; eth-tester searches the chain for each.

    Transactions are mined as they come, so what is in no block is not known.
    """
    from eth_tester.exceptions import TransactionNotFound

    make, revert, normal = tester.get_transaction_receipt, tester.revert_to_snapshot, tester.normalizer
    receipts: dict[bytes, Any] = {}
    blocks: list[list[tuple[Any, Any]]] = []  # a block's logs as they are compared, and as they are shown

    def number(block: object) -> int:
        return (
            block if isinstance(block, int) else int(tester.get_block_by_number(block or "latest")["number"])
        )

    def enter_new() -> None:
        while len(blocks) <= number("latest"):
            logs = []
            for tx in tester.get_block_by_number(len(blocks))["transactions"]:
                receipt = receipts[normal.normalize_inbound_transaction_hash(tx)] = make(tx)
                logs += [normal.normalize_inbound_log_entry(log) for log in receipt["logs"]]
            blocks.append([(log, normal.normalize_outbound_log_entry(log)) for log in logs])

    def get_transaction_receipt(tx: Any) -> Any:
        enter_new()
        key = normal.normalize_inbound_transaction_hash(tx)
        if key not in receipts:
            raise TransactionNotFound(f"No transaction found for transaction hash: {tx}")
        return receipts[key]

    def get_logs(
        from_block: Any = None, to_block: Any = None, address: Any = None, topics: Any = None
    ) -> Any:
        given = {"from_block": from_block, "to_block": to_block, "address": address, "topics": topics}
        tester.validator.validate_inbound_filter_params(**given)
        first, last, place, wanted = normal.normalize_inbound_filter_params(**given)
        enter_new()
        places = place if isinstance(place, tuple) else (place,)
        return tuple(
            shown
            for logs in blocks[number(first) : number(last) + 1]
            for log, shown in logs
            if (place is None or log["address"] in places) and _has_topics(log["topics"], wanted or ())
        )

    def revert_to_snapshot(snapshot: object) -> None:
        receipts.clear()
        blocks.clear()
        revert(snapshot)

    tester.get_transaction_receipt, tester.get_logs = get_transaction_receipt, get_logs
    tester.revert_to_snapshot = revert_to_snapshot


def _has_topics(topics: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Whether every wanted topic is in its place; None: any, several: one of them."""
    return len(wanted) <= len(topics) and all(
        want is None or (topic in want if isinstance(want, tuple | list) else topic == want)
        for topic, want in zip(topics, wanted, strict=False)
    )


def _repeat_random_values(chain: Any) -> None:
    """Let a block's random value follow from its number; eth-tester takes it from the system."""
    mine_block = chain.mine_block

    def mine(**fields: Any) -> Any:
        value = keccak(text=f"quorate/devnet/{chain.header.block_number}")
        return mine_block(**fields | {"mix_hash": value})

    chain.mine_block = mine


Devnet = Anvil | InProcess


def anvil_clock(rpc: Rpc) -> TravelClock:
    """A travelling clock for an anvil at the other end. Raises EndpointDown for another kind of node."""

    def travel(at_s: int) -> None:
        rpc.raw("evm_setNextBlockTimestamp", at_s)
        rpc.raw("evm_mine")

    def mine(blocks: int) -> None:
        rpc.raw("anvil_mine", hex(blocks))

    if "anvil" not in str(rpc.raw("web3_clientVersion")).lower():
        raise EndpointDown(f"{rpc.url} is no anvil: its time cannot be moved")
    return TravelClock(rpc, travel, mine)


def end_with_parent() -> None:
    """In the child, before anvil: Linux ends it when its parent is gone, also by kill -9."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _find(program: str) -> str:
    own = PROJECT / ".tools" / "bin" / program
    found = str(own) if own.exists() else shutil.which(program)
    if found is None:
        raise DevnetFailed(f"{program} is not installed")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
