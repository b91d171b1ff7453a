"""Deploying the contracts and writing down where they stand."""

from __future__ import annotations

from pathlib import Path

from dapp.artifacts import DEPLOYMENTS, DeployedContract, Deployment, load_artifact, save_deployment
from dapp.chain.bounds import DRAW_DELAY_BLOCKS, MAX_DRAW_DELAY_BLOCKS, MIN_DRAW_DELAY_BLOCKS
from dapp.chain.client import Chain, Receipt
from dapp.chain.contracts import ArgumentOutOfRange, contract, creation
from dapp.chain.errors import ChainError


def deploy(
    chain: Chain,
    draw_delay_blocks: int = DRAW_DELAY_BLOCKS,
    folder: Path | None = DEPLOYMENTS,
    run: str = "1",
) -> Deployment:
    """Deploy all contracts from the chain's account; the record goes into `folder` (None: nowhere).

    run: a name for this deployment; with the same one a deployment that was cut short is taken up again.
    Raises ArgumentOutOfRange for a delay that no draw could work with, and what the chain raises.
    """
    if not MIN_DRAW_DELAY_BLOCKS <= draw_delay_blocks <= MAX_DRAW_DELAY_BLOCKS:
        raise ArgumentOutOfRange(
            f"a draw delay of {draw_delay_blocks} blocks; give between {MIN_DRAW_DELAY_BLOCKS}, so that"
            f" nobody knows the hash that decides, and {MAX_DRAW_DELAY_BLOCKS:,}, so that a window holds it"
        )
    membership = _create(chain, f"deploy.membership/{run}", creation("Membership"))
    board = _create(
        chain, f"deploy.quorate/{run}", creation("Quorate", membership.contract, draw_delay_blocks)
    )
    stands = chain.read(contract("Quorate", str(board.contract)).call("drawDelayBlocks"))[0]
    if stands != draw_delay_blocks:
        raise ChainError(
            f"the contracts of run {run!r} stand already, with a draw delay of {stands} blocks",
            fix="Give the new deployment a name of its own with --run, or leave the draw delay as it is.",
        )
    ledger = _create(chain, f"deploy.ledger/{run}", creation("ModelLedger"))
    lineage = _create(chain, f"deploy.lineage/{run}", creation("Lineage", board.contract))
    badges = _create(chain, f"deploy.badges/{run}", creation("Badges", board.contract, lineage.contract))
    created = {
        "Membership": membership,
        "Quorate": board,
        "ModelLedger": ledger,
        "Lineage": lineage,
        "Badges": badges,
    }
    deployment = Deployment(chain.chain_id, tuple(_deployed(name, made) for name, made in created.items()))
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
