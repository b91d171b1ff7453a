"""`quorate commit`: seal a model, open it, strike a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.options import SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

app = typer.Typer(no_args_is_help=True, help="Seal a model, open it, strike a copy.")


@verb(app, "seal", SENDS)
def seal(
    session: Session,
    task: arguments.Task,
    model: Annotated[Path, typer.Option("--model", help="Folder that `quorate train` wrote.")] = Path(
        "out/model"
    ),
) -> Reply:
    """Seal a model: nobody learns anything about it until it is opened."""
    from dapp.cli.model_folder import read
    from dapp.stages import commit

    manifest, weights = read(model)
    sealed = commit.seal(session.context(), arguments.task_id(task), manifest, weights)
    return Reply(task, {"task": task, "sealed": plain(sealed)}, next_steps=[f"quorate commit open {task}"])


@verb(app, "open", SENDS)
def open_(session: Session, task: arguments.Task) -> Reply:
    """Open the sealed model: put it into the store and its digests on chain."""
    from dapp.stages import commit

    opened = commit.open_model(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "opened": plain(opened)})


@verb(app, "strike", SENDS)
def strike(session: Session, task: arguments.Task) -> Reply:
    """Strike every model whose weights equal those that someone else sealed before."""
    from dapp.stages import commit

    struck = commit.strike(session.context(), arguments.task_id(task))
    return Reply(f"{len(struck)} struck", {"task": task, "struck": plain(struck)})
