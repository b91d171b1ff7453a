"""`quorate commit`: seal a model, open it, strike a copy; or sign it for a batch that anyone may send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli import account_list
from dapp.cli.errors import Missing
from dapp.cli.options import SENDS, SIGNS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments, handed_over
from dapp.cli.verbs.arguments import Contributors

if TYPE_CHECKING:
    from dapp.stages.commit_many import SentModels
    from dapp.stages.context import Context
    from ml.manifest import Manifest

app = typer.Typer(no_args_is_help=True, help="Seal a model and open it, alone or in a batch; strike a copy.")
Model = Annotated[Path, typer.Option("--model", help="Folder that `quorate train` wrote.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="What the contributors printed with --json.")
]


@verb(app, "seal", SENDS)
def seal(
    session: Session,
    task: arguments.Task,
    model: Model = Path("out/model"),
    contributors: Contributors = None,
) -> Reply:
    """Seal a model: nobody learns anything about it until it is opened."""
    from dapp.stages import commit

    manifest, weights = _trained(model)
    ctx, task_id = session.context(), arguments.task_id(task)
    proof_for(ctx, task_id, contributors)  # who could not open it should not seal it
    sealed = commit.seal(ctx, task_id, manifest, weights)
    opening = f"quorate commit open {task}" + (f" --contributors {contributors}" if contributors else "")
    return Reply(task, {"task": task, "sealed": plain(sealed)}, next_steps=[opening + session.likewise()])


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


@verb(app, "sign", SIGNS)
def sign(session: Session, task: arguments.Task, model: Model = Path("out/model")) -> Reply:
    """Sign a sealed model for a batch: costs nothing; print it with --json and hand it over."""
    from dapp.stages import commit_many

    manifest, weights = _trained(model)
    signed = commit_many.sign(session.signing(), arguments.task_id(task), manifest, weights)
    return Reply(json.dumps(plain(signed)), {"signed": plain(signed)})


@verb(app, "opening", SIGNS)
def opening(session: Session, task: arguments.Task) -> Reply:
    """Put the signed model into the store, and print what opens it, to hand over once the phase is Open."""
    from dapp.stages import commit_many

    entry = commit_many.opening(session.signing(), arguments.task_id(task))
    return Reply(json.dumps(plain(entry)), {"opening": plain(entry)})


@verb(app, "seal-many", SENDS)
def seal_many(session: Session, task: arguments.Task, files: Files) -> Reply:
    """Send the signed models of several contributors in one transaction. Anyone may."""
    from dapp.chain.model_batches import SignedModel
    from dapp.stages import commit_many

    signed = [handed_over.entry(path, "commit sign", "signed", SignedModel) for path in files]
    sealed = commit_many.seal_many(session.context(), arguments.task_id(task), signed)
    _warn(session, sealed)
    return Reply(task, {"task": task, "sealed": plain(sealed)})


@verb(app, "open-many", SENDS)
def open_many(session: Session, task: arguments.Task, files: Files) -> Reply:
    """Send the openings of several contributors in one transaction. Anyone may."""
    from dapp.chain.model_batches import ModelOpening
    from dapp.stages import commit_many

    openings = [handed_over.entry(path, "commit opening", "opening", ModelOpening) for path in files]
    opened = commit_many.open_many(session.context(), arguments.task_id(task), openings)
    _warn(session, opened)
    return Reply(task, {"task": task, "opened": plain(opened)})


def _trained(folder: Path) -> tuple[Manifest, bytes]:
    """The model in a folder. Raises Missing, InvalidManifest, InvalidPackage."""
    from dapp.model_folder import read

    try:
        return read(folder)
    except FileNotFoundError as error:
        fix = "Train first (`quorate train`), or name its folder with --model."
        raise Missing(str(error), fix=fix) from None


def _warn(session: Session, sent: SentModels) -> None:
    for each in sent.left_out:
        session.output.warn(f"the model of {each.contributor} was left out: {each.reason}")


def proof_for(ctx: Context, task: bytes, contributors: Path | None) -> tuple[bytes, ...]:
    """That the signer may contribute; empty where anyone may. Raises Missing, Usage, TaskUnknown."""
    from dapp.stages import task as stage

    key = stage.show(ctx, task).key
    return account_list.proof(contributors, key.contributors, ctx.chain.address, "--contributors")
