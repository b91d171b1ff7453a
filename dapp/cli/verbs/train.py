"""`quorate train`: fit a model to private samples; nothing leaves this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.money import percent
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import Dataset, Seed

app = typer.Typer()


@verb(app, "train", READS)
def train(
    session: Session,
    task: arguments.Task,
    share: Annotated[int, typer.Option("--share", min=1, max=5, help="Contributor's share of Table II.")] = 1,
    dataset: Dataset = "mnist",
    seed: Seed = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of the optimizer.")] = 600,
    out: Annotated[Path, typer.Option("--out", help="Folder for the model.")] = Path("out/model"),
) -> Reply:
    """Train the design of Table I (Scenario II: the task's own) on a share of Table II."""
    from dapp.cli.model_folder import write
    from dapp.demo.materials import share_out
    from dapp.stages import task as tasks
    from dapp.stages import train as stage
    from ml.train import Recipe

    ctx = session.reader()
    spec = tasks.spec_of(ctx, arguments.task_id(task))
    material = share_out(session.dataset(dataset), seed)
    mine = material.contributor(share)
    architecture = material.architecture(share, spec.architecture)
    trained = stage.train(ctx, spec, mine.train, mine.test, architecture, Recipe(steps=steps), seed)
    write(out, trained.manifest, trained.weights)
    session.output.say(
        f"The model claims {percent(trained.manifest.claimed_ppm)} on the share's test samples."
    )
    return Reply(
        str(out),
        {
            "folder": str(out),
            "claimed_ppm": trained.manifest.claimed_ppm,
            "weights_bytes": trained.manifest.weights.bytes,
            "weights_sha256": trained.manifest.weights.sha256,
        },
        next_steps=[f"quorate commit seal {task} --model {out}"],
    )
