"""What `brownie run` leaves behind."""

from __future__ import annotations

from typing import Any

from dapp.artifacts import DEPLOYMENTS
from scripts import deploy


def records() -> dict[str, bytes]:
    """Where contracts stand, by file."""
    return {file.name: file.read_bytes() for file in DEPLOYMENTS.glob("*.json")}


def test_deploy_onTheChainThatEndsWithTheScript_writesNothingDown(capsys: Any) -> None:
    before = records()
    deploy.main("2")
    assert "Quorate 0x" in capsys.readouterr().out
    assert records() == before
