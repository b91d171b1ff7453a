"""`quorate draw`: fix the draw, then show the drawn shards."""

from __future__ import annotations

import typer

from dapp.cli.options import SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

app = typer.Typer(no_args_is_help=True, help="Fix the draw of committee and shards, then show the shards.")


@verb(app, "fix", SENDS)
def fix(session: Session, task: arguments.Task) -> Reply:
    """Freeze the pool as a roster and name the future block whose hash decides. Anyone may."""
    from dapp.stages import draw

    fixed = draw.fix(session.context(), arguments.task_id(task))
    return Reply(
        task,
        {"task": task, "fixed": plain(fixed)},
        next_steps=[f"quorate draw reveal {task}{session.likewise()}"],
    )


@verb(app, "reveal", SENDS)
def reveal(session: Session, task: arguments.Task) -> Reply:
    """Show the drawn shards with their proof; needs the journal of whoever opened the task."""
    from dapp.stages import draw

    revealed = draw.reveal(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "revealed": plain(revealed)})
