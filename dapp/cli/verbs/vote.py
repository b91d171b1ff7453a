"""`quorate vote`: seal a ballot, open it; or sign it for a batch that anyone may send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.options import SENDS, SIGNS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments, handed_over

if TYPE_CHECKING:
    from dapp.stages.context import Context
    from dapp.stages.vote import SentBatch

app = typer.Typer(no_args_is_help=True, help="Seal and open a ballot, alone or in a batch.")
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="What the verifiers printed with --json.")
]


@verb(app, "seal", SENDS)
def seal(session: Session, task: arguments.Task, scores: arguments.Scores = None) -> Reply:
    """Seal one ballot for all models: nobody learns the scores until it is opened."""
    from dapp.stages import vote

    ctx = session.context()
    sealed = vote.seal(ctx, arguments.task_id(task), _scores(ctx, task, scores))
    return Reply(
        task,
        {"task": task, "sealed": plain(sealed)},
        next_steps=[f"quorate vote open {task}{session.likewise()}"],
    )


@verb(app, "open", SENDS)
def open_(session: Session, task: arguments.Task) -> Reply:
    """Open the sealed ballot: the scores become public and count."""
    from dapp.stages import vote

    opened = vote.open_ballot(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "opened": plain(opened)})


@verb(app, "sign", SIGNS)
def sign(session: Session, task: arguments.Task, scores: arguments.Scores = None) -> Reply:
    """Sign a sealed ballot for a batch: costs nothing; print it with --json and hand it over."""
    from dapp.stages import vote

    ctx = session.signing()
    signed = vote.sign(ctx, arguments.task_id(task), _scores(ctx, task, scores))
    return Reply(json.dumps(plain(signed)), {"signed": plain(signed)})


@verb(app, "opening", SIGNS)
def opening(session: Session, task: arguments.Task) -> Reply:
    """Print what opens the signed ballot, to hand over once the phase is Ballot."""
    from dapp.stages import vote

    entry = vote.opening(session.signing(), arguments.task_id(task))
    return Reply(json.dumps(plain(entry)), {"opening": plain(entry)})


@verb(app, "seal-many", SENDS)
def seal_many(session: Session, task: arguments.Task, files: Files) -> Reply:
    """Send the signed ballots of several verifiers in one transaction. Anyone may."""
    from dapp.chain.batches import SignedSeal
    from dapp.stages import vote

    signed = [handed_over.entry(path, "vote sign", "signed", SignedSeal) for path in files]
    sealed = vote.seal_many(session.context(), arguments.task_id(task), signed)
    _warn(session, sealed)
    return Reply(task, {"task": task, "sealed": plain(sealed)})


@verb(app, "open-many", SENDS)
def open_many(session: Session, task: arguments.Task, files: Files) -> Reply:
    """Send the openings of several verifiers in one transaction. Anyone may."""
    from dapp.chain.batches import OpenedEntry
    from dapp.stages import vote

    openings = [handed_over.entry(path, "vote opening", "opening", OpenedEntry) for path in files]
    opened = vote.open_many(session.context(), arguments.task_id(task), openings)
    _warn(session, opened[0])
    return Reply(task, {"task": task, "opened": plain(opened)})


def _warn(session: Session, sent: SentBatch) -> None:
    for each in sent.left_out:
        session.output.warn(f"the ballot of seat {each.seat} was left out: {each.reason}")


def _scores(ctx: Context, task: str, given: str | None) -> list[int]:
    """The scores given, else those of an evaluation now."""
    from dapp.stages import verify

    if given is not None:
        return arguments.scores_ppm(given)
    return [score.score_ppm for score in verify.verify(ctx, arguments.task_id(task)).scores]
