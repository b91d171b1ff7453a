"""`quorate pool`: the verifiers that committees are drawn from."""

from __future__ import annotations

import typer

from dapp.cli.options import READS, SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs.arguments import AllowList, PoolSalt, pool_of

app = typer.Typer(no_args_is_help=True, help="Join, leave and show a pool of verifiers.")


@verb(app, "join", SENDS)
def join(session: Session, allow_list: AllowList = None, pool_salt: PoolSalt = 0) -> Reply:
    """Take a seat: the account can be drawn from the next draw on."""
    from dapp.stages import pool

    chosen = pool_of(allow_list, pool_salt)
    ctx = session.context()
    joined = pool.join(ctx, chosen.key, chosen.proof(ctx.chain.address))
    if joined.before:
        session.output.say("This account has a seat already; nothing was sent.")
    shown = "0x" + chosen.key.pool.hex()
    return Reply(shown, {"pool": chosen.key.pool, "account": ctx.chain.address, "joined": plain(joined)})


@verb(app, "leave", SENDS)
def leave(session: Session, allow_list: AllowList = None, pool_salt: PoolSalt = 0) -> Reply:
    """Give the seat up: the account is not drawn from the next draw on."""
    from dapp.stages import pool

    key = pool_of(allow_list, pool_salt).key
    ctx = session.context()
    left = pool.leave(ctx, key.pool)
    return Reply("0x" + key.pool.hex(), {"pool": key.pool, "account": ctx.chain.address, "left": plain(left)})


@verb(app, "show", READS)
def show(session: Session, allow_list: AllowList = None, pool_salt: PoolSalt = 0) -> Reply:
    """List the members of a pool, in order of their seats."""
    from dapp.stages import pool

    key = pool_of(allow_list, pool_salt).key
    view = pool.show(session.reader(), key.pool)
    if not view.members:
        session.output.say("This pool has no member.")
    return Reply("\n".join(view.members), {"pool": key.pool, "members": list(view.members)})
