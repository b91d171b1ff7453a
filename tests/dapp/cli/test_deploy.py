"""The draw delay, from the command line to the board and into `task open`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapp.artifacts import load_deployment
from dapp.chain.client import Chain
from dapp.chain.devnet import Anvil
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate


@pytest.fixture
def signed(devnet: tuple[Anvil, str], quorate: Quorate, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", str(Path("deployments").resolve()))
    Path("deployments").mkdir()
    return ["--account", "9", "--yes", "--json", "--rpc", devnet[0].http_url]


def test_deploy_withDrawDelay_boardHasIt(
    devnet: tuple[Anvil, str], quorate: Quorate, signed: list[str]
) -> None:
    ran = quorate(["deploy", "--draw-delay", "50", *signed]).document["data"]
    assert ran["draw_delay_blocks"] == 50
    chain = Chain(devnet[0].rpc(), load_deployment(31337, Path("deployments")))
    assert chain.read(chain.quorate.call("drawDelayBlocks")) == (50,)


@pytest.mark.parametrize("blocks", ["0", "216001", "soon"])
@pytest.mark.parametrize("verb", ["deploy", "devnet"])
def test_drawDelay_outOfRange_isUsage(quorate: Quorate, verb: str, blocks: str) -> None:
    ran = quorate([verb, "--draw-delay", blocks, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "usage")
    assert "--draw-delay" in ran.document["error"]["message"]


def test_taskOpen_windowTooShortForTheDraw_saysWhatToSet(
    devnet: tuple[Anvil, str], quorate: Quorate, signed: list[str]
) -> None:
    rpc = devnet[0].rpc()
    quorate(["deploy", "--draw-delay", "50", *signed])
    rpc.raw("anvil_setBlockTimestampInterval", 12)
    try:
        for _ in range(20):
            rpc.raw("evm_mine")
        ran = quorate(["task", "open", "--dataset", "digits", "--draw", "600", *signed])
    finally:
        rpc.raw("anvil_removeBlockTimestampInterval")
    error = ran.document["error"]
    assert (ran.code, error["code"]) == (Exit.FAILED, "terms-refused")
    assert "648 s or more (--draw)" in error["fix"]
