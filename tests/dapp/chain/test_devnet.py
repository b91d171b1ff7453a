"""Development chains start by themselves, travel in time, and leave nothing running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dapp.chain import devnet
from dapp.chain.devnet import Anvil, DevnetFailed, InProcess
from dapp.chain.errors import EndpointDown
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer


def test_anvil_afterItsBlock_isGoneWithItsFolder() -> None:
    with Anvil(accounts=2) as node:
        assert node._process is not None
        pid, folder = node._process.pid, Path(node.url).parent
        assert connect(node.url).chain_id == connect(node.http_url).chain_id == 31337
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EndpointDown):
        connect(node.url)


def test_anvil_bodyFails_isStoppedToo() -> None:
    with pytest.raises(ZeroDivisionError), Anvil(accounts=1) as node:
        assert node._process is not None
        pid = node._process.pid
        _ = 1 // 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_anvil_notInstalled_saysWhatToDo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devnet, "PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevnetFailed, match="anvil is not installed") as error:
        Anvil().start()
    assert "make setup" in error.value.fix


def test_anvil_portTaken_saysWhy() -> None:
    with Anvil(accounts=1) as node:
        port = int(node.http_url.rsplit(":", 1)[1])
        with pytest.raises(DevnetFailed, match=f"port {port} is taken") as error:
            Anvil(accounts=1, port=port).start()
        assert "--port" in error.value.fix


@pytest.mark.parametrize("kind", [Anvil, InProcess])
def test_clock_travelsAndMines(kind: type[Anvil] | type[InProcess]) -> None:
    with kind(accounts=2) as node:
        rpc = node.rpc()
        clock = node.clock(rpc)
        start_s, start_block = clock.now_s(), rpc.block().number
        clock.wait_until(start_s + 3_600)
        assert clock.now_s() == start_s + 3_600
        clock.wait_until(start_s)  # long past
        clock.wait_block(start_block + 7)
        assert rpc.block().number == start_block + 7


@pytest.mark.parametrize("kind", [Anvil, InProcess])
def test_accounts_areTheMnemonics(kind: type[Anvil] | type[InProcess]) -> None:
    with kind(accounts=3) as node:
        assert node.rpc().balance_wei(Signer.devnet(2).address) == 10**24
