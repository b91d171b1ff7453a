"""A chain whose blocks can be taken back: anvil, with the contracts on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.ledger import RunTerms
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.index import Index
from dapp.index.tables import FACTS
from tests.dapp.index.postgres import Postgres, missing, running

QUICK = SendSettings(poll_s=0.01)


@dataclass
class Ground:
    """A devnet with an account that makes events."""

    node: Anvil
    chain: Chain
    started: int = 0

    def happen(self, times: int = 1) -> None:
        """So many events, each in a block of its own, unlike any before."""
        for _ in range(times):
            self.started += 1
            terms = RunTerms(bytes(32), salt=self.started.to_bytes(32, "big"))
            node = "0x" + self.started.to_bytes(20, "big").hex()
            call = self.chain.ledger.call("runStart", terms.astuple(), [node])
            self.chain.send(f"run/{self.started}", call)

    def mine(self, blocks: int) -> None:
        """Empty blocks."""
        self.chain.rpc.raw("anvil_mine", hex(blocks))


@pytest.fixture(scope="session")
def deployed() -> Iterator[Ground]:
    with Anvil() as node:
        deployment = deploy(Chain(node.rpc(), None, Signer.devnet(0), settings=QUICK), folder=None)
        yield Ground(node, Chain(node.rpc(), deployment, Signer.devnet(1), settings=QUICK))


@pytest.fixture
def ground(deployed: Ground) -> Iterator[Ground]:
    """Few blocks for each test: what it made is taken back."""
    rpc = deployed.node.rpc()
    before = rpc.raw("evm_snapshot")
    yield replace(deployed, chain=Chain(rpc, deployed.chain.deployment, Signer.devnet(1), settings=QUICK))
    assert rpc.raw("evm_revert", before)
    rpc.raw("anvil_dropAllTransactions")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if why := missing():
        pytest.skip(why)
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new()


def rows(index: Index) -> dict[str, list[tuple[Any, ...]]]:
    """All facts of an index."""
    with index.session() as session:
        return {
            table.__tablename__: sorted(
                map(tuple, session.execute(select(*table.__table__.columns))), key=lambda row: row[:3]
            )
            for table in FACTS
        }
