"""One deployment for all tests of the contracts; each test starts from it anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dapp.gas.world import World


@pytest.fixture(scope="session")
def deployed() -> World:
    return World()


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    before = deployed.evm.snapshot()
    yield deployed
    deployed.evm.revert(before)
