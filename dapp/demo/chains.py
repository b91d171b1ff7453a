"""The chain of a demo: anvil, or one within this process. The same steps give the same blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from dapp.chain.clock import Clock
from dapp.chain.devnet import Anvil, InProcess, anvil_clock
from dapp.chain.rpc import Rpc, connect

GENESIS_S = 4_000_000_000  # far ahead, so that no block's time is the wall clock's
ACCOUNTS = 30


@dataclass(frozen=True)
class DemoChain:
    """A running development chain."""

    rpc: Rpc
    clock: Clock
    url: str | None  # for connections of other processes; None: the chain is within this one


@contextlib.contextmanager
def open_chain(*, in_process: bool) -> Iterator[DemoChain]:
    """A chain that ends with the `with`. Raises DevnetFailed without anvil."""
    node = InProcess(ACCOUNTS, GENESIS_S) if in_process else Anvil(ACCOUNTS, genesis_s=GENESIS_S)
    with node:
        rpc = node.rpc()
        yield DemoChain(rpc, node.clock(rpc), None if isinstance(node, InProcess) else node.http_url)


@contextlib.contextmanager
def existing_chain(url: str) -> Iterator[DemoChain]:
    """An anvil that somebody else started and ends. Raises EndpointDown."""
    rpc = connect(url)
    yield DemoChain(rpc, anvil_clock(rpc), url)
