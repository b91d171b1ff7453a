"""The world as a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.world import World, new_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fresh chain with the contracts on it, and nobody on it yet."""
    with new_world(tmp_path) as made:
        yield made
