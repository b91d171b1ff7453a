"""`quorate verify`: evaluate every opened model on the drawn shards."""

from __future__ import annotations

import typer

from dapp.cli.options import READS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.round import measured

app = typer.Typer()


@verb(app, "verify", READS)
def verify(session: Session, task: arguments.Task) -> Reply:
    """Score every opened model in order; one that cannot be used scores 0, with the reason."""
    from dapp.stages import verify as stage

    verified = stage.verify(session.reader(), arguments.task_id(task))
    if verified.shards_unusable:
        session.output.warn(
            "judged on the development test images, since the drawn shards cannot be used:"
            f" {verified.shards_unusable}"
        )
    for score in verified.scores:
        if score.reason:
            shown = f"model {score.index} of {score.contributor} scores {score.score_ppm}"
            session.output.warn(f"{shown}: {score.reason}")
    if verified.head is not None:
        head = verified.head
        session.output.say(measured(head))
        if head.doubtful:
            session.output.warn(f"head {head.number} is not what was recorded: `quorate round doubt {task}`")
    scores = ",".join(str(score.score_ppm) for score in verified.scores)
    return Reply(
        scores, {"verified": plain(verified)}, next_steps=[f"quorate vote seal {task} --scores {scores}"]
    )
