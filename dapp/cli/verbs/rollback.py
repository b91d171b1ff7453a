"""`quorate rollback`: ask the nodes of a run where to go back to."""

from __future__ import annotations

from typing import Annotated

import typer

from dapp.cli.options import SENDS
from dapp.cli.output import Reply
from dapp.cli.progress import duration
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

app = typer.Typer()
POLL_S = 2


@verb(app, "rollback", SENDS)
def rollback(
    session: Session,
    run: arguments.Run,
    reason: Annotated[
        str, typer.Option("--reason", help="Short: nan, loss-spike, accuracy-collapse, by-hand.")
    ] = "by-hand",
    to: Annotated[
        str,
        typer.Option(
            "--to", help="best, or the id of an entry: nodes with --follow-wishes then name that one."
        ),
    ] = "best",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the nodes have decided.")] = True,
) -> Reply:
    """Open a vote: each node names the best earlier entry of its own copy, a quorum moves the head."""
    from dapp.stages import rollback as stage

    ctx = session.context()
    run_id = arguments.run_id(run)
    wish = None if to == "best" else arguments.bytes32(to, "entry's id")
    opened = stage.open_vote(ctx, run_id, reason, wish)
    left_s = max(0, opened.ends_at_s - ctx.clock.now_s())
    session.output.say(f"vote {opened.vote} is open for {duration(left_s)}: nodes answer while they run")
    result = stage.result_of(ctx, run_id, opened.vote)
    while wait and result.entry is None and ctx.clock.now_s() <= opened.ends_at_s:
        ctx.clock.wait_until(ctx.clock.now_s() + POLL_S)
        result = stage.result_of(ctx, run_id, opened.vote)
    if wait and result.entry is None:
        session.output.warn(f"vote {opened.vote} ended without a quorum for one target: nothing has moved")
    shown = "" if result.target is None else f"0x{result.target.hex()}"
    return Reply(shown, {"run": run_id, "vote": opened.vote, "head": opened.head, "target": result.target,
                         "entry": result.entry, "ends_at_s": opened.ends_at_s})  # fmt: skip
