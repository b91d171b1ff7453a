"""`quorate train`: fit a model to private samples; nothing leaves this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.money import percent
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import DatasetOfTask, Seed
from dapp.cli.verbs.round import measured

app = typer.Typer()


@verb(app, "train", READS)
def train(
    session: Session,
    task: arguments.Task,
    share: arguments.Share = 1,
    dataset: DatasetOfTask = None,
    seed: Seed = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of the optimizer.")] = 600,
    labels: arguments.Labels = "",
    rule: arguments.Rule = "subspace",
    out: Annotated[Path, typer.Option("--out", help="Folder for the model.")] = Path("out/model"),
) -> Reply:
    """Train the design of Table I (Scenario II: the task's own) on a share; in a round, from the head."""
    from dapp.demo.materials import share_out
    from dapp.model_folder import write
    from dapp.stages import lineage as lineages
    from dapp.stages import round as rounds
    from dapp.stages import task as tasks
    from dapp.stages import train as stage
    from ml.data import life_shares
    from ml.round_rules import IMPROVE
    from ml.spec import FUSE
    from ml.train import Recipe

    ctx, task_id = session.reader(), arguments.task_id(task)
    spec = tasks.spec_of(ctx, task_id)
    if spec.kind == FUSE:
        if share > 5:
            raise Usage(f"there is no share {share} of Table II", fix="Give --share 1 to 5.")
        material = share_out(session.dataset_for(spec.dataset, dataset), seed)
        mine = material.contributor(share)
        architecture = material.architecture(share, spec.architecture)
        trained = stage.train(ctx, spec, mine.train, mine.test, architecture, Recipe(steps=steps), seed)
    else:
        data = session.dataset_for(spec.dataset, dataset)
        own = life_shares.share_out(data, seed).participant(share)
        taught = arguments.taught(labels, rule, spec.kind)
        if taught:
            line = lineages.show(ctx, rounds.show(ctx, task_id).lineage)
            arguments.check_new(taught, data.labels, line)
        head = rounds.check_head(ctx, task_id)
        session.output.say(measured(head))
        if spec.kind == IMPROVE:
            trained = stage.improve(ctx, task_id, own.train, own.check, seed)
        else:
            trained = stage.extend(ctx, task_id, own.train, own.check, taught, rule, seed)
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
        next_steps=[f"quorate commit seal {task} --model {out}{session.where()}"],
    )
