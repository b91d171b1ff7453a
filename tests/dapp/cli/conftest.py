"""Runs of the command line as a person or a program would make them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dapp.artifacts import PROJECT
from dapp.chain import rpc
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.signer import Signer
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


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anvil, str]]:
    """A chain with the contracts on it, and the folder of its deployment record."""
    if not (PROJECT / ".tools/bin/anvil").exists() and shutil.which("anvil") is None:
        pytest.skip("anvil is not installed")
    folder = tmp_path_factory.mktemp("deployments")
    with Anvil() as node:
        deploy(Chain(node.rpc(), None, Signer.devnet(0)), folder=folder)
        yield node, str(folder)
