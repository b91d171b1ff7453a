"""`quorate lineage`: start, list, show and end lines of models that are improved and extended for life."""

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
from dapp.cli.verbs.arguments import AllowList, Dataset, PoolSalt, Seed
from dapp.moments import duration

if TYPE_CHECKING:
    from dapp.stages.lineage import Shown

app = typer.Typer(no_args_is_help=True, help="Start, list, show and end lines of models that grow for life.")
Ppm = Annotated[int, typer.Option(min=0, max=1_000_000, help="Parts per million.")]


@verb(app, "start", SENDS)
def start(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "Digits for life",
    dataset: Dataset = "mnist",
    seed: Seed = 1,
    labels: Annotated[str, typer.Option("--labels", help="What the first head knows, as 0,1,2.")] = (
        "0,1,2,3,4"
    ),
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Training samples of the first head, at most.")
    ] = 500,
    directions: Annotated[
        int, typer.Option("--directions", min=1, help="Principal directions kept of each class.")
    ] = 80,
    prize: Annotated[str, typer.Option("--prize", help="For the models taken in a round.")] = "0.1ether",
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=65_535, help="At most so many.")] = 10,
    idle: Annotated[
        int,
        typer.Option("--idle", min=1, max=255, help="Rounds without a better head, then none improves."),
    ] = 2,
    threshold_ppm: Annotated[
        int,
        typer.Option(
            "--threshold-ppm",
            min=0,
            max=1_000_000,
            help="Likelihood from which on it takes classes.",
        ),
    ] = 900_000,
    challenge: Annotated[
        int, typer.Option("--challenge", min=12, help="Seconds in which a new head can be overturned.")
    ] = 3_600,
    growable: Annotated[
        bool, typer.Option("--growable/--not-growable", help="May heads be extended?")
    ] = True,
    committee: Annotated[int, typer.Option("--committee", min=1, help="Verifiers of a round, at least.")] = 3,
    step_ppm: Ppm = 1_000,
    claim_tolerance_ppm: Ppm = 50_000,
    old_drop_ppm: Ppm = 20_000,
    new_bar_ppm: Ppm = 900_000,
    allow_list: AllowList = None,
    pool_salt: PoolSalt = 0,
    number: Annotated[int, typer.Option("--number", min=0, help="Tells apart lineages that are alike.")] = 0,
) -> Reply:
    """Make a first head from a share of a data set, and start a lineage with it."""
    from dapp.stages import lineage as stage
    from ml.data.life_shares import share_out
    from ml.evaluate import likelihood_ppm
    from ml.growth import OPTIONS, found
    from ml.lineage_spec import LineageSpec
    from ml.round_rules import RoundRules

    known = arguments.labels(labels)
    if not known:
        raise Usage("a first head knows at least one class", fix="Name them with --labels, as 0,1,2.")
    data = session.dataset(dataset)
    arguments.check_there_are(known, data.labels)
    rules = RoundRules(step_ppm, claim_tolerance_ppm, old_drop_ppm, new_bar_ppm)
    spec = LineageSpec(name, data.name, data.input_shape, data.labels, rules)
    mine = share_out(data, seed).initiator.with_labels(known)
    train, options = mine.train.take(slice(0, samples)), {**OPTIONS, "directions": directions}
    model = found(train, labels=known, options=options, bounds=spec.bounds)
    claimed_ppm = likelihood_ppm(model, mine.check)
    terms = stage.Terms(
        pool=arguments.pool_of(allow_list, pool_salt).key.pool,
        committee=committee,
        prize_wei=parse_wei(prize),
        rounds_max=rounds,
        idle_max=idle,
        threshold_ppm=threshold_ppm,
        challenge_s=challenge,
        growable=growable,
        number=number,
    )
    started = stage.start(session.context(), spec, model, claimed_ppm, terms)
    shown = "0x" + started.lineage.hex()
    kind = "improve" if claimed_ppm < threshold_ppm else "extend"
    return Reply(
        shown,
        {"lineage": started.lineage, "claimed_ppm": claimed_ppm, "started": plain(started)},
        next_steps=[
            f"quorate round open {shown} --kind {kind}{session.likewise()}",
            f"quorate lineage show {shown}{session.where()}",
        ],
    )


@verb(app, "list", READS)
def list_(session: Session) -> Reply:
    """List all lineages: id, heads, rounds, classes, name."""
    from dapp.stages import lineage as stage

    found = stage.list_lineages(session.reader())
    lines = [
        f"0x{each.lineage.hex()}  head {each.known.view.number}  {each.known.view.rounds} rounds"
        f"  {len(each.classes)} classes  {_name(each)}"
        for each in found
    ]
    if not found:
        session.output.say("There is no lineage on this chain.")
    return Reply("\n".join(lines), {"lineages": [plain(each) for each in found]})


@verb(app, "show", READS)
def show(session: Session, lineage: arguments.Lineage) -> Reply:
    """Show a lineage: head, classes and who taught them, rounds, prizes."""
    from dapp.stages import lineage as stage

    shown = stage.show(session.reader(), arguments.bytes32(lineage, "lineage id"))
    return Reply(_shown(shown), {"lineage": plain(shown)})


@verb(app, "end", SENDS)
def end(session: Session, lineage: arguments.Lineage, to: arguments.To = None) -> Reply:
    """Take no more rounds, and take back the prizes that nobody is owed. By the initiator."""
    from dapp.stages import lineage as stage

    payee = arguments.account(to) if to else None
    ended = stage.end(session.context(), arguments.bytes32(lineage, "lineage id"), payee)
    return Reply(lineage, {"lineage": lineage, "ended": plain(ended)})


def _name(shown: Shown) -> str:
    return shown.spec.name if shown.spec else "(its specification is not in the store)"


def _shown(shown: Shown) -> str:
    """A lineage for people, one field a line."""
    view, terms = shown.known.view, shown.known.terms
    head = view.head
    left_s = head.challenge_ends_at_s - shown.now_s
    state = "ended" if view.ended else "a round is open" if view.open else "waits for a round"
    lines = [
        f"lineage     0x{shown.lineage.hex()}",
        f"name        {_name(shown)}",
        f"initiator   {terms.initiator}",
        f"state       {state}",
        f"head        number {view.number}, likelihood {percent(head.score_ppm)},"
        f" by {', '.join(shown.authors)}",
        f"tensors     {head.tensor_count}, root 0x{head.tensors.hex()}",
        f"challenge   {f'{duration(left_s)} left' if left_s > 0 else 'over'}",
        f"extends at  {percent(terms.threshold_ppm)}{'' if terms.growable else ', but may not grow'}",
        f"rounds      {view.rounds} of {terms.rounds_max}, {view.idle} idle of {terms.idle_max}",
        f"prize       {ether(terms.prize_wei)} a round, {ether(view.pot_wei)} left",
    ]
    for each in shown.classes:
        lines.append(f"class {each.index:<5} {each.name}  taught by {each.teacher} with head {each.head}")
    lines += [f"round {number:<5} 0x{task.hex()}" for number, task in enumerate(shown.rounds, 1)]
    return "\n".join(lines)
