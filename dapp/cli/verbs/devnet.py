"""`quorate devnet`: a local chain with the contracts on it, until Ctrl-C."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from dapp.chain.bounds import DRAW_DELAY_BLOCKS
from dapp.cli.options import LOCAL
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs.arguments import DrawDelay

app = typer.Typer()


@verb(app, "devnet", LOCAL)
def devnet(
    session: Session,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Of this machine only.")] = 8545,
    block_time: Annotated[int, typer.Option("--block-time", min=1, help="Seconds from block to block.")] = 1,
    accounts: Annotated[int, typer.Option("--accounts", min=1, max=200, help="Accounts with ether.")] = 30,
    draw_delay: DrawDelay = DRAW_DELAY_BLOCKS,
) -> None:
    """Start a local chain (anvil), deploy the contracts, print its URL; Ctrl-C ends it."""
    from dapp.chain.client import Chain
    from dapp.chain.deploy import deploy
    from dapp.chain.devnet import Anvil
    from dapp.chain.signer import Signer

    with Anvil(accounts=accounts, port=port, block_time_s=block_time) as node:
        deployer = Chain(node.rpc(), None, Signer.devnet(0))
        deployment = deploy(deployer, draw_delay, session.settings.deployments)
        data = {
            "rpc": node.http_url,
            "chain_id": deployment.chain_id,
            "draw_delay_blocks": draw_delay,
            "contracts": {contract.name: contract.address for contract in deployment.contracts},
        }
        url = node.http_url
        reply = Reply(
            url,
            data,
            next_steps=[
                f"quorate pool join --account 1 --rpc {url}",
                f"quorate task open --account 0 --rpc {url}",
                "Ctrl-C ends the chain and everything on it",
            ],
        )
        with contextlib.suppress(KeyboardInterrupt):  # from now on Ctrl-C is how it is meant to end
            session.output.succeed(reply)
            node.wait()
