"""The world of the flow tests, for tests of single stages."""

from __future__ import annotations

from tests.flow.conftest import world

__all__ = ["world"]
