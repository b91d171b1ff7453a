"""`quorate fuse`: one model out of the accepted ones."""

from __future__ import annotations

from typing import Annotated

import typer

from dapp.cli.money import percent
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

app = typer.Typer()


@verb(app, "fuse", READS)
def fuse(
    session: Session,
    task: arguments.Task,
    rule: Annotated[str | None, typer.Option("--rule", help="Fusion rule. Default: the task's.")] = None,
) -> Reply:
    """Fuse the accepted models of a settled task and put the result into the store."""
    from dapp import fused_here
    from dapp.stages import fuse as stage

    ctx = session.reader()
    fused = stage.fuse(ctx, arguments.task_id(task), rule)
    fused_here.keep(session.settings.data_dir, ctx.chain, fused.task, fused.manifest)
    session.output.say(f"Accuracy on the development test data: {percent(fused.manifest.score_ppm)}")
    return Reply(
        fused.manifest_cid,
        {
            "task": task,
            "manifest_cid": fused.manifest_cid,
            "weights_cid": fused.manifest.weights.cid,
            "rule": fused.manifest.rule,
            "members": list(fused.manifest.members),
            "score_ppm": fused.manifest.score_ppm,
        },
    )
