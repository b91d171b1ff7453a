"""Deploying the two contracts and writing down where they stand."""

from __future__ import annotations

from pathlib import Path

from dapp.artifacts import DEPLOYMENTS, DeployedContract, Deployment, load_artifact, save_deployment
from dapp.chain.client import Chain, Receipt
from dapp.chain.contracts import creation
from dapp.chain.errors import ChainError

DRAW_DELAY_BLOCKS = 2  # between fixing a draw and the block that decides it


def deploy(
    chain: Chain,
    draw_delay_blocks: int = DRAW_DELAY_BLOCKS,
    folder: Path | None = DEPLOYMENTS,
    run: str = "1",
) -> Deployment:
    """Deploy Membership and Quorate from the chain's account; the record goes into `folder` (None: nowhere).

    run: a name for this deployment; with the same one a deployment that was cut short is taken up again.
    """
    membership = _create(chain, f"deploy.membership/{run}", creation("Membership"))
    board = _create(
        chain, f"deploy.quorate/{run}", creation("Quorate", membership.contract, draw_delay_blocks)
    )
    deployment = Deployment(
        chain.chain_id, (_deployed("Membership", membership), _deployed("Quorate", board))
    )
    if folder is not None:
        save_deployment(deployment, folder)
    return deployment


def _create(chain: Chain, step: str, data: bytes) -> Receipt:
    receipt = chain.create(step, data)
    if receipt.contract is None:
        raise ChainError(f"transaction {receipt.tx} created no contract")
    return receipt


def _deployed(name: str, receipt: Receipt) -> DeployedContract:
    artifact = load_artifact(name)
    return DeployedContract(
        name=name,
        address=str(receipt.contract),
        block=receipt.block,
        tx_hash=receipt.tx,
        abi_sha256="0x" + artifact.abi_sha256().hex(),
        compiler=artifact.compiler,
    )
