"""A run as a fixture: a recorder and three nodes on a chain in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dapp.ledger.runs import Ground, Stage, new_ground, new_stage


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with new_ground() as made:
        yield made


@pytest.fixture
def stage(ground: Ground, tmp_path: Path) -> Iterator[Stage]:
    with new_stage(ground, tmp_path) as made:
        yield made
