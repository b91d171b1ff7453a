"""`quorate run`: start, list and show training runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli import account_list
from dapp.cli.errors import Usage
from dapp.cli.money import percent
from dapp.cli.options import READS, SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.moments import duration, moment

if TYPE_CHECKING:
    from dapp.stages.run import Shown, Vote

app = typer.Typer(no_args_is_help=True, help="Start, list and show training runs.")


@verb(app, "start", SENDS)
def start(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "Training run",
    data: Annotated[
        str, typer.Option("--data", help="What accuracy is measured on, in your words.")
    ] = "unnamed data",
    node: Annotated[
        list[str] | None,
        typer.Option(
            "--node", help="Account of a node; give it once for each. On a devnet its number will do."
        ),
    ] = None,
    nodes: Annotated[
        Path | None, typer.Option("--nodes", help="File with the nodes' accounts, one a line.")
    ] = None,
    quorum_ppm: Annotated[
        int,
        typer.Option(
            "--quorum-ppm", min=500_001, max=1_000_000, help="Share of the nodes that must agree, in ppm."
        ),
    ] = 510_000,
    difficulty_bits: Annotated[
        int, typer.Option("--difficulty-bits", min=0, max=32, help="Proof of work; 0 turns it off.")
    ] = 0,
    window: Annotated[
        int, typer.Option("--window", min=12, max=604_800, help="Seconds that a rollback vote stays open.")
    ] = 600,
    number: Annotated[
        int, typer.Option("--number", min=0, help="Tells apart runs that are alike in all else.")
    ] = 0,
) -> Reply:
    """Start a run on the ledger: the signer records it, the nodes attest it."""
    from dapp.chain.ledger import RunTerms
    from dapp.stages import run as stage
    from ml.history.run_spec import RunSpec

    accounts = [_account(session, given) for given in node or []]
    if nodes is not None:
        accounts += account_list.read(nodes).accounts
    if not accounts:
        raise Usage("a run needs nodes", fix="Name them with --node ACCOUNT, or in a file with --nodes FILE.")
    terms = RunTerms(bytes(32), quorum_ppm, difficulty_bits, window, number.to_bytes(32, "big"))
    started = stage.start(session.context(), RunSpec(name, data), terms, accounts)
    shown = "0x" + started.run.hex()
    return Reply(
        shown,
        {"run": started.run, "spec_cid": started.spec_cid, "nodes": list(started.nodes),
         "needed": started.needed, "receipt": plain(started.receipt)},
        next_steps=[f"quorate record {shown} FOLDER", f"quorate node {shown} --recorder URL",
                    f"quorate run show {shown}"],
    )  # fmt: skip


def _account(session: Session, given: str) -> str:
    """An account by its address, or a devnet's by its number. Raises Usage, KeyRefused."""
    from dapp.chain.signer import Signer

    if not re.fullmatch(r"[0-9]{1,3}", given):
        return arguments.account(given)
    signer = Signer.devnet(int(given))
    signer.allow_on(session.rpc.chain_id)
    return signer.address


@verb(app, "list", READS)
def list_(session: Session) -> Reply:
    """List all runs of the ledger: id, nodes, registrations, rollbacks, name."""
    from dapp.stages import run as stage

    runs = stage.list_runs(session.reader())
    lines = [
        f"0x{r.view.run.hex()}  {len(r.view.nodes)} nodes  {r.entries} registrations"
        f"  {r.rollbacks} rollbacks  {r.spec.name if r.spec else '(its specification is not in the store)'}"
        for r in runs
    ]
    if not runs:
        session.output.say("There is no run on this ledger.")
    return Reply("\n".join(lines), {"runs": [plain(r) for r in runs]})


@verb(app, "show", READS)
def show(session: Session, run: arguments.Run) -> Reply:
    """Show a run: nodes, quorum, head, the last vote and the pause after it."""
    from dapp.stages import run as stage

    shown = stage.show(session.reader(), arguments.run_id(run))
    return Reply(_shown(shown), {"run": plain(shown)})


def _vote(vote: Vote) -> str:
    """How the last vote stands."""
    if vote.state == "none":
        return "none yet"
    if vote.state == "open":
        return (
            f"number {vote.number}, open until {moment(vote.ends_at_s)} ({duration(vote.open_left_s)} left)"
        )
    if vote.target is None:
        return f"number {vote.number}, ended without a majority"
    return f"number {vote.number}, decided: back to 0x{vote.target.hex()}"


def _shown(shown: Shown) -> str:
    """A run for people, one field a line."""
    view = shown.view
    lines = [
        f"run         0x{view.run.hex()}",
        f"name        {shown.spec.name if shown.spec else '(its specification is not in the store)'}",
        f"recorder    {view.recorder}",
        f"quorum      {view.needed} of {len(view.nodes)} nodes ({percent(view.quorum_ppm)})",
        f"work        {f'{view.difficulty_bits} bits' if view.difficulty_bits else 'none'}",
        f"head        {f'0x{view.head.hex()}' if any(view.head) else 'nothing is registered'}",
        f"announced   {f'0x{view.recorded.hex()}' if any(view.recorded) else 'nothing'}",
        f"entries     {shown.entries} registrations, {shown.rollbacks} rollbacks",
    ]
    lines.append(f"vote        {_vote(shown.vote)}")
    if shown.vote.pause_left_s:
        pause = f"{moment(shown.vote.next_at_s)} on ({duration(shown.vote.pause_left_s)} left)"
        lines.append(f"next vote   from {pause}: each is followed by a pause")
    for seat, node in enumerate(view.nodes):
        lines.append(f"node {seat:<6} {node}{'  barred' if node in view.barred else ''}")
    return "\n".join(lines)
