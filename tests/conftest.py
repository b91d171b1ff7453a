"""Shared by every test; knows neither Brownie nor torch. Brownie's own fixtures are in tests/contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The root of the repository."""
    return ROOT
