"""`quorate badges` and `quorate claim`: what an account earned, and claiming it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.options import READS, SENDS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.chain.badges import Badge

app = typer.Typer()
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The account, as the wallet shows it.")]


@verb(app, "badges", READS)
def badges(
    session: Session,
    address: Address,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", help="Folder for the pictures, as the chain draws them.")
    ] = None,
) -> Reply:
    """List the badges of an account, what they add up to, and what it could claim."""
    from dapp.stages import badges as stage

    ctx = session.reader()
    held = stage.show(ctx, arguments.account(address))
    lines = [f"{badge.kind.name.lower():<9} task 0x{badge.task_start.hex()}…" for badge in held.badges]
    if not held.badges:
        session.output.say("This account has no badge.")
    session.output.say(f"reputation {held.reputation}; {len(held.due)} more to claim")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for badge in held.badges:
            (pictures / f"{badge.token:064x}.svg").write_bytes(stage.picture(ctx, badge))
    data = [_plain(badge) for badge in held.badges]
    return Reply(
        "\n".join(lines),
        {"account": held.account, "badges": data, "due": len(held.due), "reputation": held.reputation},
        next_steps=[f"quorate claim {held.account}"] if held.due else (),
    )


@verb(app, "claim", SENDS)
def claim(session: Session, address: Address) -> Reply:
    """Claim every badge that an account has earned. Anyone may, for anyone."""
    from dapp.stages import badges as stage

    claimed = stage.claim(session.context(), arguments.account(address))
    for each in claimed:
        session.output.say(f"{each.badge.kind.name.lower()} for task 0x{each.badge.task_start.hex()}…")
    return Reply(
        str(len(claimed)),
        {"account": address, "claimed": [_plain(each.badge) for each in claimed]},
    )


def _plain(badge: Badge) -> dict[str, object]:
    return {"kind": badge.kind.name.lower(), "task_start": badge.task_start, "token": hex(badge.token)}
