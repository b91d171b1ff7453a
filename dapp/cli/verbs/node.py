"""`quorate node`: keep a copy of a run, check it, mine, attest and vote."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.options import SENDS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.ledger.check import Evaluate, Weights
    from dapp.ledger.node import Report

app = typer.Typer()
MAX_ARCHITECTURE_BYTES = 65_536


@verb(app, "node", SENDS)
def node(
    session: Session,
    run: arguments.Run,
    recorder: Annotated[str, typer.Option("--recorder", help="Address that `quorate record` prints.")],
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", help="Further store to fetch from: embedded:DIR or ipfs:URL."),
    ] = None,
    endorse: Annotated[
        bool, typer.Option("--endorse", help="Pay where the recorder takes no signature, or a vote drags on.")
    ] = False,
    mine: Annotated[bool, typer.Option("--mine/--no-mine", help="Search nonces when the run asks.")] = True,
    follow: Annotated[
        bool,
        typer.Option("--follow-wishes", help="Name the entry that `quorate rollback --to` asks for."),
    ] = False,
    check_data: Annotated[
        Path | None,
        typer.Option("--check-data", help="Own samples (docs/formats.md): refuse claims beyond them."),
    ] = None,
    architecture: Annotated[
        Path | None,
        typer.Option("--architecture", help="JSON of the architecture, for --check-data."),
    ] = None,
    tolerance_ppm: Annotated[
        int, typer.Option("--tolerance-ppm", min=0, max=1_000_000, help="By which a claim may exceed them.")
    ] = 20_000,
    poll: Annotated[float, typer.Option("--poll", min=0.05, help="Seconds from look to look.")] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due, then stop; fails if it could do nothing.")
    ] = False,
) -> Reply:
    """Serve a run as one of its nodes; killed and started again, it goes on."""
    from dapp.chain.ledger import run_view
    from dapp.ledger.book import Book
    from dapp.ledger.check import Limits, open_packs
    from dapp.ledger.client import RecorderClient
    from dapp.ledger.content import Shelves
    from dapp.ledger.errors import NodeStuck
    from dapp.ledger.node import Node, NodeSettings
    from dapp.ledger.places import book_of, folder_of
    from dapp.store import open_store

    run_id = arguments.run_id(run)
    peers = {url: open_store(url) for url in peer or []}
    limits = Limits(tolerance_ppm=tolerance_ppm)
    evaluate = None if check_data is None else _evaluator(check_data, architecture)
    settings = NodeSettings(limits, endorse, mine, evaluate, follow, poll)
    ctx = session.context() if endorse else session.signing()
    address, data_dir = ctx.chain.address, session.settings.data_dir
    seen: list[Report] = []
    if address not in run_view(ctx.chain, run_id).nodes:
        session.output.warn(
            f"{address} is no node of this run: it keeps a copy and signs nothing"
            " (`quorate run show` lists the nodes)"
        )

    def on_step(report: Report) -> None:
        if not seen or (report.refused, report.waits) != (seen[-1].refused, seen[-1].waits):
            for refused in report.refused:
                session.output.warn(f"refused: {refused}")
            for wait in report.waits:
                session.output.say(f"waiting: {wait}")
        for did in report.did:
            session.output.say(did)
        seen[:] = [report]

    with Book.open(book_of(data_dir, run_id, address), run_id) as book:
        served = Node(
            ctx.chain,
            ctx.journal,
            book,
            Shelves(ctx.store, peers),
            open_packs(folder_of(data_dir, run_id, address), limits),
            RecorderClient(recorder, run_id),
            settings,
        )
        if once:
            report = served.step()
            on_step(report)
            if not report.did and (report.waits or report.refused):
                raise NodeStuck("; ".join([*report.waits, *report.refused]))
        else:
            session.output.say(f"node {address} serves run {run}")
            served.run(threading.Event(), on_step)
    report = seen[-1]
    return Reply(
        "\n".join(report.did),
        {"run": run_id, "node": address, "entries": report.entries, "registered": report.registered,
         "did": list(report.did), "refused": list(report.refused), "waits": list(report.waits)},
    )  # fmt: skip


def _evaluator(file: Path, architecture: Path | None) -> Evaluate:
    """Measures weights of this architecture on the samples in `file`; those that do not fit it score 0."""

    from ml.architecture import check
    from ml.canonical import shallow_json
    from ml.data.shards import MAX_FILE_BYTES, unpack
    from ml.errors import QuorateError
    from ml.evaluate import accuracy_ppm
    from ml.weights import from_bytes, pack

    if architecture is None:
        raise Usage(
            "--check-data needs to know the model",
            fix="Name its architecture with --architecture FILE.",
        )
    samples = unpack(arguments.read_file(file, MAX_FILE_BYTES))
    try:
        design = shallow_json(arguments.read_file(architecture, MAX_ARCHITECTURE_BYTES))
    except ValueError as error:
        raise Usage(f"{architecture} is no JSON: {error}") from None
    check(design)

    def evaluate(weights: Weights) -> int:
        try:
            return accuracy_ppm(from_bytes(pack(weights), design), samples)
        except QuorateError:
            return 0

    return evaluate
