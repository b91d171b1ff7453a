"""`quorate round`: rounds of a lineage beside their tasks; `extend`, `overturn` and `prize` end them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.money import ether, parse_wei, percent
from dapp.cli.options import READS, SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import Seed

if TYPE_CHECKING:
    from dapp.lineage.verdicts import HeadFinding

app = typer.Typer(no_args_is_help=True, help="Open, show, declare, doubt and close rounds of a lineage.")
ending = typer.Typer()
Window = Annotated[int, typer.Option(min=0, help="Seconds.")]


@verb(app, "open", SENDS)
def open_(
    session: Session,
    lineage: arguments.Lineage,
    kind: Annotated[str, typer.Option("--kind", help="improve or extend.")],
    seed: Seed = 1,
    fee: Annotated[str, typer.Option("--fee", help="For each verifier who votes.")] = "0.01ether",
    bond: Annotated[str, typer.Option("--bond", help="Forfeited if the shards are not shown.")] = "0.1ether",
    cap: Annotated[int, typer.Option("--cap", min=1, help="At most so many models.")] = 8,
    notice: Window = 60,
    submit: Window = 3600,
    open_window: Annotated[int, typer.Option("--open", min=0, help="Seconds.")] = 600,
    draw: Window = 600,
    vote: Window = 3600,
    ballot: Window = 600,
) -> Reply:
    """Open a task on shards that no round before had, and make it the lineage's next round."""
    from dapp.chain.lineage import ROUND_MAFR_PPM, Kind
    from dapp.demo.materials import publish_development
    from dapp.stages import lineage as lineages
    from dapp.stages import round as stage
    from dapp.stages import task
    from ml.data.life_shares import SHARDS_DRAWN, share_out
    from ml.data.shards import pack

    if kind.upper() not in ("IMPROVE", "EXTEND"):
        raise Usage(f"--kind is improve or extend, not {kind[:40]!r}")
    ctx, lineage_id = session.context(), arguments.bytes32(lineage, "lineage id")
    shown = lineages.show(ctx, lineage_id)
    view = shown.known.view
    number = view.rounds + (0 if view.open else 1)  # a round that was begun here is finished
    dataset = session.dataset(shown.spec.dataset if shown.spec else "mnist")
    known = tuple(dataset.labels.index(c.name) for c in shown.classes)
    shares = share_out(dataset, seed)
    shards = shares.shards(number, known if kind == "improve" else tuple(range(len(dataset.labels))))
    development = publish_development(shares.development, ctx.store)
    spec = stage.spec_for(ctx, lineage_id, Kind[kind.upper()], development)
    terms = task.Terms(
        reward_wei=0,
        fee_wei=parse_wei(fee),
        bond_wei=parse_wei(bond),
        mafr_ppm=ROUND_MAFR_PPM,
        cap=cap,
        committee=shown.known.terms.committee,
        shards_drawn=SHARDS_DRAWN,
        pool=shown.known.terms.pool,
        notice_s=notice,
        submit_s=submit,
        open_s=open_window,
        draw_s=draw,
        vote_s=vote,
        ballot_s=ballot,
        number=number,
    )
    packed = [pack(shard) for shard in shards]
    stage.require_open(ctx, lineage_id, Kind[kind.upper()], task.prepare(ctx, spec, terms, packed)[0])
    opened = task.open_task(ctx, spec, terms, packed)
    session.output.say(f"task 0x{opened.task.hex()} is open; now it becomes the round")
    made = stage.open_round(ctx, lineage_id, opened.task)
    shown_task = "0x" + opened.task.hex()
    lesson = "" if dataset.name == "mnist" else f" --dataset {dataset.name}"
    if kind.upper() == "EXTEND":
        left = ",".join(map(str, arguments.unknown(dataset.labels, shown)[:2]))
        lesson += f" --labels {left}" if left else " --rule neurons"
    return Reply(
        shown_task,
        {"task": opened.task, "lineage": lineage, "round": plain(made)},
        next_steps=[
            f"quorate agent --role initiator {shown_task}{session.likewise()}",
            f"quorate agent --role contributor {shown_task}{lesson}{session.likewise(1)}",
        ],
    )


@verb(app, "show", READS)
def show(session: Session, task: arguments.Task) -> Reply:
    """Show what a task is as a round: kind, head it goes on from, what was taken."""
    from dapp.stages import round as stage

    view = stage.show(session.reader(), arguments.task_id(task))
    lines = [
        f"task      {task}",
        f"lineage   0x{view.lineage.hex()}",
        f"kind      {view.kind.name.lower()}",
        f"state     {view.state.name.lower()}",
        f"from      head {view.parent}",
        f"to        {f'head {view.head}' if view.taken else 'no head yet'}",
        f"taken     {', '.join(f'model {i}' for i in sorted(view.taken)) or 'nothing'}",
        f"cheats    {', '.join(f'model {i}' for i in sorted(view.cheats)) or 'none'}",
        f"prize     {ether(view.prize_wei)}, a share is {ether(view.share_wei)}",
    ]
    return Reply("\n".join(lines), {"round": plain(view)})


@verb(app, "declare", SENDS)
def declare(session: Session, task: arguments.Task) -> Reply:
    """Declare what the opened model is: root over its tensors, their number, its new classes."""
    from dapp.stages import round as stage

    declared = stage.declare(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "declared": plain(declared)})


@verb(app, "check-head", READS)
def check_head(session: Session, task: arguments.Task) -> Reply:
    """Measure the head that a round goes on from, before training on it."""
    from dapp.stages import round as stage

    found = stage.check_head(session.reader(), arguments.task_id(task))
    session.output.say(measured(found))
    return Reply(str(found.measured_ppm), {"task": task, "head": plain(found)})


@verb(app, "doubt", SENDS)
def doubt(session: Session, task: arguments.Task) -> Reply:
    """Vote that the head is not what was recorded of it. By members of the round's committee."""
    from dapp.stages import round as stage

    doubted = stage.doubt(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "doubted": plain(doubted)})


@verb(app, "close", SENDS)
def close(session: Session, task: arguments.Task) -> Reply:
    """Close a round that is over and made no head. Anyone may."""
    from dapp.stages import round as stage

    closed = stage.close(session.context(), arguments.task_id(task))
    return Reply(task, {"task": task, "closed": plain(closed)})


@verb(ending, "extend", SENDS)
def extend(session: Session, task: arguments.Task) -> Reply:
    """Make what the committee accepted the lineage's head; several growths are merged. Anyone may."""
    from dapp.stages import extend as stage

    extended = stage.extend(session.context(), arguments.task_id(task))
    session.output.say(f"head {extended.head}, by {', '.join(extended.contributors)}")
    return Reply(
        str(extended.head),
        {"task": task, "extended": plain(extended)},
        next_steps=[
            f"quorate lineage show 0x{extended.lineage.hex()}{session.where()}",
            f"quorate overturn {task}{session.likewise()}",
        ],
    )


@verb(ending, "overturn", SENDS)
def overturn(session: Session, task: arguments.Task, to: arguments.To = None) -> Reply:
    """Prove that an accepted extension changed an old tensor, and take half of the cheat's share."""
    from dapp.stages import extend as stage

    payee = arguments.account(to) if to else None
    overturned = stage.overturn(session.context(), arguments.task_id(task), payee)
    session.output.say(f"{overturned.cheat} changed tensor {overturned.tensor}: the head fell back")
    return Reply(str(overturned.tensor), {"task": task, "overturned": plain(overturned)})


@verb(ending, "prize", SENDS)
def prize(session: Session, task: arguments.Task, to: arguments.To = None) -> Reply:
    """Take one's share of a round's prize, once its head cannot be overturned any more."""
    from dapp.stages import extend as stage

    payee = arguments.account(to) if to else None
    taken = stage.withdraw_prize(session.context(), arguments.task_id(task), payee)
    return Reply(str(taken.amount_wei), {"task": task, "prize": plain(taken)})


def measured(found: HeadFinding) -> str:
    """A head's likelihood beside what is recorded of it, in a line for people."""
    recorded, tolerance = percent(found.recorded_ppm), percent(found.tolerance_ppm)
    if found.doubtful:
        how = f"below the recorded {recorded} by more than the tolerance of {tolerance}"
    elif found.measured_ppm < found.recorded_ppm:
        how = f"within the tolerance of {tolerance} of the recorded {recorded}"
    else:
        how = f"no less than the recorded {recorded}"
    return f"head {found.number}: likelihood {percent(found.measured_ppm)}, {how}"
