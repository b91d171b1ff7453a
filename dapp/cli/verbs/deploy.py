"""`quorate deploy`: put the contracts on a chain."""

from __future__ import annotations

from typing import Annotated

import typer

from dapp.chain.bounds import DRAW_DELAY_BLOCKS
from dapp.cli.options import SENDS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs.arguments import DrawDelay

app = typer.Typer()


@verb(app, "deploy", SENDS)
def deploy(
    session: Session,
    run: Annotated[
        str, typer.Option("--run", help="Name of this deployment; the same one is taken up again.")
    ] = "1",
    draw_delay: DrawDelay = DRAW_DELAY_BLOCKS,
) -> Reply:
    """Deploy all contracts, and write where they stand to deployments/<chain id>.json."""
    from dapp.chain.deploy import deploy as deploy_contracts

    deployment = deploy_contracts(
        session.chain_before_deployment(), draw_delay, session.settings.deployments, run
    )
    addresses = {contract.name: contract.address for contract in deployment.contracts}
    return Reply(
        "\n".join(f"{name} {address}" for name, address in addresses.items()),
        {
            "chain_id": deployment.chain_id,
            "contracts": addresses,
            "draw_delay_blocks": draw_delay,
            "record": str(session.settings.deployments / f"{deployment.chain_id}.json"),
        },
        next_steps=["quorate pool join", "quorate task open"],
    )
