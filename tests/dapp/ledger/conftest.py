"""A run as a fixture: a recorder and three nodes on a chain in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dapp.ledger.runs import Stage, new_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with new_stage(tmp_path) as made:
        yield made
