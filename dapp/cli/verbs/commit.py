"""`quorate commit`: seal a model, open it, strike a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli import account_list
from dapp.cli.options import SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import Contributors

if TYPE_CHECKING:
    from dapp.stages.context import Context

app = typer.Typer(no_args_is_help=True, help="Seal a model, open it, strike a copy.")


@verb(app, "seal", SENDS)
def seal(
    session: Session,
    task: arguments.Task,
    model: Annotated[Path, typer.Option("--model", help="Folder that `quorate train` wrote.")] = Path(
        "out/model"
    ),
    contributors: Contributors = None,
) -> Reply:
    """Seal a model: nobody learns anything about it until it is opened."""
    from dapp.cli.model_folder import read
    from dapp.stages import commit

    manifest, weights = read(model)
    ctx, task_id = session.context(), arguments.task_id(task)
    proof_for(ctx, task_id, contributors)  # who could not open it should not seal it
    sealed = commit.seal(ctx, task_id, manifest, weights)
    opening = f"quorate commit open {task}" + (f" --contributors {contributors}" if contributors else "")
    return Reply(task, {"task": task, "sealed": plain(sealed)}, next_steps=[opening])


@verb(app, "open", SENDS)
def open_(session: Session, task: arguments.Task, contributors: Contributors = None) -> Reply:
    """Open the sealed model: put it into the store and its digests on chain; in a round, declare it too."""
    from dapp.stages import commit
    from dapp.stages import round as rounds
    from dapp.stages.task import spec_of
    from ml.spec import FUSE

    ctx, task_id = session.context(), arguments.task_id(task)
    opened = commit.open_model(ctx, task_id, proof_for(ctx, task_id, contributors))
    declared = None if spec_of(ctx, task_id).kind == FUSE else rounds.declare(ctx, task_id)
    return Reply(task, {"task": task, "opened": plain(opened), "declared": plain(declared)})


@verb(app, "strike", SENDS)
def strike(session: Session, task: arguments.Task) -> Reply:
    """Strike every model whose weights equal those that someone else sealed before."""
    from dapp.stages import commit

    struck = commit.strike(session.context(), arguments.task_id(task))
    return Reply(f"{len(struck)} struck", {"task": task, "struck": plain(struck)})


def proof_for(ctx: Context, task: bytes, contributors: Path | None) -> tuple[bytes, ...]:
    """That the signer may contribute; empty where anyone may. Raises Missing, Usage, TaskUnknown."""
    from dapp.stages import task as stage

    key = stage.show(ctx, task).key
    return account_list.proof(contributors, key.contributors, ctx.chain.address, "--contributors")
