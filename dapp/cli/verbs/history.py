"""`quorate history`: the entries of a run as a tree, as a picture, and hashed anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from dapp.cli.errors import Missing, Usage
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.ledger.book import Book

PICTURES = (".png", ".svg")
Copy = Annotated[
    str | None,
    typer.Option("--of", help="Whose copy: recorder, or a node's account. Default: the one that is here."),
]


class _ShowIsMeant(TyperGroup):
    """`quorate history RUN` is `quorate history show RUN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0].startswith("0x"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ShowIsMeant, no_args_is_help=True, help="Show or verify the entries of a run: history RUN."
)


@verb(app, "show", READS)
def show(
    session: Session,
    run: arguments.Run,
    of: Copy = None,
    every: Annotated[bool, typer.Option("--all", help="All entries, not just the last 40.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it too: a file that ends in .png or .svg.")
    ] = None,
) -> Reply:
    """Show a run's entries with accuracy and loss: what leads to the head, what was left behind."""
    from dapp.ledger import picture, tree

    if plot is not None and plot.suffix not in PICTURES:
        raise Usage(f"{plot} ends in {plot.suffix or 'nothing'}", fix="Name a .png or a .svg file.")
    run_id = arguments.run_id(run)
    with _copy(session, run_id, of) as (book, _):
        last = book.registered()
        leaves = tree.tree(list(book.headers()), 0 if last is None else last.height + 1)
    if not leaves:
        session.output.say("This copy of the run has no entries yet.")
    if plot is not None:
        picture.draw(leaves, f"Run 0x{run_id.hex()[:12]}", plot)
        session.output.say(f"drawn: {plot}")
    text = "\n".join(tree.lines(leaves, None if every else tree.SHOWN))
    return Reply(text, {"run": run_id, "plot": plot, "entries": tree.documents(leaves)})


@verb(app, "verify", READS)
def verify(
    session: Session,
    run: arguments.Run,
    of: Copy = None,
    training: Annotated[
        Path | None, typer.Option("--training", help="Recorder: the folder that the training records into.")
    ] = None,
) -> Reply:
    """Hash every link and every weights file of a run anew; the first bad entry is named."""
    from dapp.ledger.audit import audit
    from dapp.ledger.check import Limits, open_packs
    from ml.history.archive import Archive
    from ml.history.recorder import ARCHIVE

    run_id = arguments.run_id(run)
    with _copy(session, run_id, of) as (book, folder):
        if folder.name == "recorder":
            if training is None:
                raise Usage(
                    "the recorder's checkpoints lie where the training recorded them",
                    fix="Name that folder with --training FOLDER.",
                )
            archive = Archive.open(training / ARCHIVE)
        else:
            archive = open_packs(folder, Limits())
        found = audit(
            book, session.store, archive, lambda done, total: session.progress.update("verify", done, total)
        )
    size = f"{found.weights_bytes:,} bytes"
    return Reply(
        f"all good: {found.entries} entries, {found.checkpoints} weights files of {size}",
        {"run": run_id, "entries": found.entries, "checkpoints": found.checkpoints,
         "weights_bytes": found.weights_bytes},
    )  # fmt: skip


@contextmanager
def _copy(session: Session, run: bytes, of: str | None) -> Iterator[tuple[Book, Path]]:
    """The copy of a run that is meant, and its folder. Raises Missing, Usage."""
    from dapp.ledger.book import Book
    from dapp.ledger.places import BOOK, kept

    data_dir = session.settings.data_dir
    copies = kept(data_dir, run)
    wanted = None if of is None else of.lower()
    if not copies or (wanted is not None and wanted not in copies):
        raise Missing(
            f"{data_dir} holds no copy of run 0x{run.hex()[:16]}…" + (f" by {of}" if of else ""),
            fix="Run this where `quorate record` or `quorate node` runs, with the same --data-dir.",
        )
    if wanted is None and len(copies) > 1:
        raise Usage(f"several copies are here: {', '.join(copies)}", fix="Name one of them with --of.")
    folder = copies[wanted or next(iter(copies))]
    with Book.copy(folder / BOOK, run) as book:
        yield book, folder
