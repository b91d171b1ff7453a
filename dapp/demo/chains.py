"""The chain of a demo: anvil, or one within this process. The same steps give the same blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_utils import keccak

from dapp.chain.clock import Clock
from dapp.chain.devnet import Anvil, InProcess
from dapp.chain.rpc import Rpc
from dapp.chain.signer import DEVNET_MNEMONIC

GENESIS_S = 4_000_000_000  # far ahead, so that no block's time is the wall clock's
ACCOUNTS = 30


@dataclass(frozen=True)
class DemoChain:
    """A running development chain."""

    rpc: Rpc
    clock: Clock
    in_process: bool


@contextlib.contextmanager
def open_chain(*, in_process: bool) -> Iterator[DemoChain]:
    """A chain that ends with the `with`. Raises DevnetFailed without anvil."""
    node = RepeatableInProcess() if in_process else Anvil(ACCOUNTS, genesis_s=GENESIS_S)
    with node:
        rpc = node.rpc()
        yield DemoChain(rpc, node.clock(rpc), in_process)


class RepeatableInProcess(InProcess):
    """Its blocks' times and random values repeat; eth-tester takes them from clock and system."""

    def __init__(self) -> None:
        from eth_tester import EthereumTester, PyEVMBackend  # slow to import
        from web3 import EthereumTesterProvider, Web3

        backend = PyEVMBackend.from_mnemonic(
            DEVNET_MNEMONIC,
            num_accounts=ACCOUNTS,
            hd_path="m/44'/60'/0'/0",
            genesis_parameters=PyEVMBackend.generate_genesis_params({"timestamp": GENESIS_S}),
        )
        self.tester = EthereumTester(backend)
        self._rpc = Rpc(Web3(EthereumTesterProvider(self.tester)), self.url)
        self._rpc.check_chain(None)
        chain: Any = backend.chain
        mine_block = chain.mine_block

        def mine(**fields: Any) -> Any:
            number = chain.header.block_number
            return mine_block(**fields | {"mix_hash": keccak(text=f"quorate/demo/{number}")})

        chain.mine_block = mine
