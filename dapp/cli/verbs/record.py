"""`quorate record`: put what a training writes on the ledger, and serve the nodes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.errors import Missing, Usage
from dapp.cli.options import SENDS
from dapp.cli.output import Output, Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.ledger.recording import Progress, Restore

app = typer.Typer()


@verb(app, "record", SENDS)
def record(
    session: Session,
    run: arguments.Run,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the training records into.")],
    host: Annotated[str, typer.Option("--host", help="Address to serve the nodes at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0: any that is free.")] = 0,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Further names that nodes call this machine by.")
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=16_384, help="Entries to register at once.")
    ] = 64,
    age: Annotated[
        float, typer.Option("--age", min=0, help="Seconds after which fewer are registered.")
    ] = 60.0,
    mine: Annotated[bool, typer.Option("--mine", help="Search nonces here, not at the nodes.")] = False,
    broadcast: Annotated[
        bool, typer.Option("--broadcast/--no-broadcast", help="Announce each batch on chain too.")
    ] = True,
    on_alarm: Annotated[
        bool, typer.Option("--on-alarm/--no-on-alarm", help="Ask for a rollback when the monitor alarms.")
    ] = True,
    patience: Annotated[
        float, typer.Option("--patience", min=0, help="Seconds that an alarm waits for entries before it.")
    ] = 60.0,
    leave_out: Annotated[
        int | None,
        typer.Option("--leave-out", min=0, help="Give up entries from this height on, which nodes refuse."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there is registered.")] = False,
) -> Reply:
    """Turn checkpoints into entries of the ledger; killed and started again, it goes on."""
    from dapp.chain.ledger import run_view
    from dapp.ledger.book import Book
    from dapp.ledger.places import book_of, folder_of
    from dapp.ledger.recording import Recording, RecordSettings
    from dapp.ledger.requests import Requests
    from dapp.ledger.server import RecorderServer
    from ml.history.archive import Archive
    from ml.history.recorder import ARCHIVE
    from ml.history.results import FILE, Results

    run_id = arguments.run_id(run)
    if not (folder / FILE).is_file():
        raise Missing(
            f"no training has recorded into {folder}",
            fix="Record one first: `from ml.history import record`, docs/training.md shows how.",
        )
    ctx = session.context()
    recorder = run_view(ctx.chain, run_id).recorder
    if ctx.chain.address != recorder:
        raise Usage(
            f"{ctx.chain.address} does not record this run: {recorder} does",
            fix="Use the account that started the run; `quorate run show` names it.",
        )
    stop = threading.Event()
    with (
        Results.open(folder) as results,
        Book.open(book_of(session.settings.data_dir, run_id, None), run_id) as book,
    ):
        settings = RecordSettings(
            batch=batch, age_s=age, mine=mine, broadcast=broadcast, on_alarm=on_alarm, patience_s=patience
        )
        archive = Archive.open(folder / ARCHIVE)
        requests = Requests(folder_of(session.settings.data_dir, run_id, None))
        recording = Recording(ctx.chain, ctx.store, results, archive, book, settings, requests=requests)
        if leave_out is not None:
            recording.leave_out(leave_out)
        if once:
            recording.hurry()
        with RecorderServer(recording.desk, host, port, name or []) as server:
            session.output.say(f"serving the nodes at {server.url}")
            teller = Teller(session.output)

            def on_step(progress: Progress) -> None:
                teller.tell(progress)
                if once and progress.is_idle:
                    stop.set()

            recording.run(stop, on_step)
        head = book.head
    if head is None:
        return Reply("", {"run": run_id, "entries": 0, "head": None})
    return Reply(f"0x{head.id.hex()}", {"run": run_id, "entries": head.height + 1, "head": head.id})


class Teller:
    """Tells what was done, and each thing that is waited for once."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._waits: tuple[str, ...] = ()
        self._restore: Restore | None = None

    def tell(self, progress: Progress) -> None:
        """One step's lines."""
        for did in progress.did:
            self._output.say(did)
        if progress.waits != self._waits:
            for wait in progress.waits:
                self._output.say(f"waiting: {wait}")
            self._waits = progress.waits
        if progress.restore is not None and progress.restore != self._restore:
            due = progress.restore
            why = (
                f"the training does not go on from step {due.step}, the newest entry"
                if due.vote is None
                else f"the run went back to step {due.step}"
            )
            self._output.warn(
                f"{why}: what it records is left out until it restores that (`run.restore(row={due.row})`)"
            )
        self._restore = progress.restore
