"""Runs of the command line as a person or a program would make them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dapp.chain import rpc
from dapp.cli.main import run
from dapp.cli.options import ENVIRONMENT


@dataclass(frozen=True)
class Ran:
    """One finished command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """stdout as the one JSON document it has to be."""
        value: dict[str, Any] = json.loads(self.out)
        return value


Quorate = Callable[[Sequence[str]], Ran]


@pytest.fixture
def quorate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Quorate:
    """`quorate ARGUMENTS` with its streams captured, in an empty folder, without this machine's settings."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QUORATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rpc, "FIRST_PAUSE_S", 0.0)

    def perform(arguments: Sequence[str]) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        return Ran(code, *capsys.readouterr())

    return perform
