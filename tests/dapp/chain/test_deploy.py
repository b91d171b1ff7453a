"""Deployment: written down whole, taken up again after a cut, refused when it is another version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dapp.artifacts import Deployment, DeploymentStale, load_deployment
from dapp.chain.client import Chain
from dapp.chain.contracts import ArgumentOutOfRange
from dapp.chain.deploy import deploy
from dapp.chain.errors import ChainError
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.journal import Journal
from tests.dapp.chain.conftest import FAST


def test_deploy_isWrittenDownAndUsable(rpc: Rpc, tmp_path: Path) -> None:
    made = deploy(Chain(rpc, None, Signer.devnet(5), settings=FAST), draw_delay_blocks=5, folder=tmp_path)
    assert load_deployment(31337, tmp_path) == made
    chain = Chain(rpc, made)
    assert chain.read(chain.quorate.call("drawDelayBlocks")) == (5,)
    pools = chain.read(chain.quorate.call("membership"))[0]
    assert pools == made.contract("Membership").address.lower()
    board, lineage = (made.contract(name).address.lower() for name in ("Quorate", "Lineage"))
    assert chain.read(chain.lineage.call("board")) == (board,)
    assert chain.read(chain.badges.call("board")) == (board,)
    assert chain.read(chain.badges.call("lineage")) == (lineage,)


def test_deploy_sameRunAgain_isTheSameContracts(rpc: Rpc, tmp_path: Path) -> None:
    journal = Journal.in_memory()
    chain = Chain(rpc, None, Signer.devnet(5), journal, FAST)
    first = deploy(chain, folder=tmp_path)
    assert deploy(chain, folder=tmp_path) == first
    assert deploy(chain, folder=tmp_path, run="2") != first


def test_chain_deploymentOfAnotherVersion_isRefused(rpc: Rpc, deployment: Deployment) -> None:
    board, pools = deployment.contract("Quorate"), deployment.contract("Membership")
    old = replace(deployment, contracts=(replace(board, abi_sha256="0x" + "00" * 32), pools))
    with pytest.raises(DeploymentStale, match="Quorate"):
        Chain(rpc, old)


@pytest.mark.parametrize("blocks", [-1, 0, 216_001])
def test_deploy_drawDelayOutOfRange_isRefusedAndNothingIsSent(rpc: Rpc, blocks: int) -> None:
    signer = Signer.devnet(5)
    before = rpc.nonce(signer.address)
    with pytest.raises(ArgumentOutOfRange, match=f"a draw delay of {blocks} blocks; give between 1"):
        deploy(Chain(rpc, None, signer, settings=FAST), blocks, None)
    assert rpc.nonce(signer.address) == before


def test_deploy_sameRunWithAnotherDrawDelay_saysThatItStands(rpc: Rpc, tmp_path: Path) -> None:
    chain = Chain(rpc, None, Signer.devnet(5), Journal.in_memory(), FAST)
    deploy(chain, 5, tmp_path)
    with pytest.raises(ChainError, match="run '1' stand already, with a draw delay of 5") as error:
        deploy(chain, 7, tmp_path)
    assert "--run" in error.value.fix
    other = deploy(chain, 7, tmp_path, run="2")
    reader = Chain(rpc, other)
    assert reader.read(reader.quorate.call("drawDelayBlocks")) == (7,)
