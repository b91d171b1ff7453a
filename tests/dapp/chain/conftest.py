"""One anvil for all tests of the chain client; every test starts from the same state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.outbox import SendSettings
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.journal import Journal
from tests.dapp.chain.hostile_rpc import HostileRpc, hostile

FAST = SendSettings(poll_s=0.02, resend_s=0.2, bump_after_s=60, wait_s=10)


@pytest.fixture(scope="session")
def node() -> Iterator[Anvil]:
    with Anvil() as running:
        yield running


@pytest.fixture(scope="session")
def deployment(node: Anvil) -> Deployment:
    return deploy(Chain(node.rpc(), None, Signer.devnet(29), settings=FAST), folder=None)


@pytest.fixture
def rpc(node: Anvil, deployment: Deployment) -> Iterator[Rpc]:
    connection = node.rpc()
    connection.raw("anvil_setNextBlockBaseFeePerGas", hex(10**9))  # a revert leaves this as it was
    connection.raw("evm_mine")
    snapshot = connection.raw("evm_snapshot")
    yield connection
    connection.raw("evm_setAutomine", True)
    assert connection.raw("evm_revert", snapshot)
    connection.raw("anvil_dropAllTransactions")


@pytest.fixture
def journal() -> Journal:
    return Journal.in_memory()


@pytest.fixture
def proxy(node: Anvil, rpc: Rpc) -> Iterator[HostileRpc]:
    with hostile(node.http_url) as made:
        yield made
