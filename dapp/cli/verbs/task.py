"""`quorate task`: open, list, show and cancel tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli import account_list
from dapp.cli.errors import Usage
from dapp.cli.money import ether, parse_wei, percent
from dapp.cli.options import READS, SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import AllowList, Contributors, Dataset, PoolSalt, Seed
from dapp.moments import duration, moment

if TYPE_CHECKING:
    from dapp.chain.tasks import ModelView, TaskView
    from ml.spec import TaskSpec

app = typer.Typer(no_args_is_help=True, help="Open, list, show and cancel tasks.")

Window = Annotated[int, typer.Option(min=0, help="Seconds.")]


@verb(app, "open", SENDS)
def open_(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "Handwritten digits",
    dataset: Dataset = "mnist",
    seed: Seed = 1,
    scenario: Annotated[
        int, typer.Option("--scenario", min=1, max=2, help="1: own designs; 2: a given one.")
    ] = 1,
    rule: Annotated[str, typer.Option("--rule", help="Score by: fused or standalone.")] = "fused",
    fusion: Annotated[str, typer.Option("--fusion", help="Fusion rule.")] = "strategy_2",
    mafr_ppm: Annotated[
        int, typer.Option("--mafr-ppm", min=1, max=1_000_000, help="Minimum fitness, the task's MAFR.")
    ] = 800_000,
    reward: Annotated[str, typer.Option("--reward", help="For the accepted models together.")] = "1ether",
    fee: Annotated[str, typer.Option("--fee", help="For each verifier who votes.")] = "0.05ether",
    bond: Annotated[str, typer.Option("--bond", help="Forfeited if the shards are not shown.")] = "0.5ether",
    cap: Annotated[int, typer.Option("--cap", min=1, help="At most so many models.")] = 5,
    committee: Annotated[int, typer.Option("--committee", min=1, help="Verifiers drawn.")] = 3,
    contributors: Contributors = None,
    allow_list: AllowList = None,
    pool_salt: PoolSalt = 0,
    notice: Window = 60,
    submit: Window = 3600,
    open_window: Annotated[int, typer.Option("--open", min=0, help="Seconds.")] = 600,
    draw: Window = 600,
    vote: Window = 3600,
    ballot: Window = 600,
    number: Annotated[
        int, typer.Option("--number", min=0, help="Tells apart tasks that are alike in all else.")
    ] = 0,
) -> Reply:
    """Escrow reward, fees and bond and open a task on a data set shared out as in Table II."""
    from dapp.demo.materials import share_out
    from dapp.stages import task

    if rule not in ("fused", "standalone"):
        raise Usage(f"--rule is fused or standalone, not {rule[:40]!r}")
    contributors_root = account_list.root(contributors)
    pool_key = arguments.pool_of(allow_list, pool_salt).key
    ctx = session.context()
    material = share_out(session.dataset(dataset), seed)
    spec = material.spec(ctx.store, name=name, scenario=scenario, rule=rule, fusion=fusion)
    terms = task.Terms(
        reward_wei=parse_wei(reward),
        fee_wei=parse_wei(fee),
        bond_wei=parse_wei(bond),
        mafr_ppm=mafr_ppm,
        cap=cap,
        committee=committee,
        shards_drawn=material.shards_drawn,
        contributors=contributors_root,
        pool=pool_key.pool,
        notice_s=notice,
        submit_s=submit,
        open_s=open_window,
        draw_s=draw,
        vote_s=vote,
        ballot_s=ballot,
        number=number,
    )
    opened = task.open_task(ctx, spec, terms, material.shards)
    shown = "0x" + opened.task.hex()
    if opened.before:
        session.output.say(
            f"This task stands already ({opened.before.name.lower()}); nothing was sent. Another one like it:"
            f" --number {number + 1}"
        )
    return Reply(
        shown,
        {"task": opened.task, "spec_cid": opened.spec_cid, "receipt": opened.receipt},
        next_steps=[
            f"quorate task show {shown}{session.where()}",
            f"quorate agent {shown} --role initiator{session.likewise()}",
        ],
    )


@verb(app, "list", READS)
def list_(
    session: Session,
    phase: Annotated[str | None, typer.Option("--phase", help="Only tasks in this phase.")] = None,
) -> Reply:
    """List all tasks of the board: id, phase, models, reward."""
    from dapp.chain.words import Phase
    from dapp.stages import task

    wanted = None
    if phase is not None:
        if phase.upper() not in Phase.__members__:
            names = ", ".join(p.name.lower() for p in Phase if p)
            raise Usage(f"there is no phase {phase[:40]!r}", fix=f"Choose one of: {names}.")
        wanted = Phase[phase.upper()]
    views = task.list_tasks(session.reader(), wanted)
    lines = [
        f"0x{v.task.hex()}  {v.phase.name.lower():<9}  {len(v.models)} models  {ether(v.key.reward_wei)}"
        for v in views
    ]
    if not views:
        where = "on this board" if wanted is None else f"in phase {wanted.name.lower()}"
        session.output.say(f"There is no task {where}.")
    return Reply("\n".join(lines), {"tasks": [plain(v) for v in views]})


@verb(app, "show", READS)
def show(session: Session, task: arguments.Task) -> Reply:
    """Show a task: phase, windows, models, votes, money."""
    from dapp import packages
    from dapp.stages import task as stage

    ctx = session.reader()
    view = stage.show(ctx, arguments.task_id(task))
    try:
        spec = packages.spec(ctx.store, view.key.spec)
    except packages.PEER_FAULTS as error:
        spec = None
        session.output.say(f"The specification cannot be read here: {error.message}")
    told = None if spec is None else {"name": spec.name, "dataset": spec.dataset, "kind": spec.kind}
    return Reply(_shown(view, spec), {"task": plain(view), "spec": told})


@verb(app, "cancel", SENDS)
def cancel(session: Session, task: arguments.Task, to: arguments.To = None) -> Reply:
    """Cancel a task before submissions begin, and take everything back."""
    from dapp.stages import task as stage

    cancelled = stage.cancel(
        session.context(), arguments.task_id(task), arguments.account(to) if to else None
    )
    return Reply(task, {"task": task, "cancelled": plain(cancelled)})


def _shown(view: TaskView, spec: TaskSpec | None) -> str:
    """A task for people, one field a line."""
    key = view.key
    lines = [
        f"task       0x{view.task.hex()}",
        *([] if spec is None else [f"name       {spec.name}", f"data       {spec.dataset}"]),
        f"phase      {view.phase.name.lower()}",
        f"initiator  {key.initiator}",
        f"open to    {f'a list with root 0x{key.contributors.hex()}' if any(key.contributors) else 'anyone'}",
        f"mafr       {percent(key.mafr_ppm)}",
        f"reward     {ether(key.reward_wei)}",
        f"fee        {ether(key.fee_wei)} for each of {key.committee} verifiers",
        f"bond       {ether(key.bond_wei)}",
    ]
    for phase, ends_at_s in view.windows_s:
        left = ends_at_s - view.now_s
        when = f"ends {moment(ends_at_s)}, in {duration(left)}" if left > 0 else f"ended {moment(ends_at_s)}"
        lines.append(f"{phase.name.lower():<9}  {when}")
    lines.append(f"models     {len(view.sealed)} sealed, {len(view.models)} opened, at most {key.cap}")
    for model in view.models:
        verdict = "struck" if model.struck else "accepted" if model in view.accepted else ""
        lines.append(
            f"model {model.index}    {model.contributor}  claims {percent(model.claimed_ppm)},"
            f" {_judged(model)}  {verdict}".rstrip()
        )
    for seat in view.drawn_seats:
        state = "opened" if seat.scores_ppm is not None else "sealed" if seat.sealed is not None else "silent"
        lines.append(f"seat {seat.seat}     {seat.verifier}  {state}")
    for payment in view.paid:
        lines.append(f"paid       {payment.payee}  {ether(payment.amount_wei)}")
    return "\n".join(lines)


def _judged(model: ModelView) -> str:
    if not model.scores_ppm:
        return "no vote yet"
    return f"score {percent(model.score_ppm)}, {model.votes_for} of {len(model.scores_ppm)} votes for it"
