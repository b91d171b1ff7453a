"""`quorate demo-lifelong`: one model that several participants improve and teach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.options import LOCAL
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs.arguments import Seed

app = typer.Typer()


@verb(app, "demo-lifelong", LOCAL)
def demo_lifelong(
    session: Session,
    dataset: Annotated[str | None, typer.Option("--dataset", help="mnist or digits.")] = None,
    seed: Seed = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Digits, a chain in this process, no Node: under a minute.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for report, plot and log.")] = Path(
        "out/lifelong"
    ),
) -> Reply:
    """Three participants improve a model and teach it classes, 5+5 and 5x2; one cheats and is overturned."""
    chosen = dataset or ("digits" if quick else "mnist")
    if chosen not in ("mnist", "digits"):
        raise Usage(f"--dataset is mnist or digits, not {chosen[:40]!r}")
    from dapp.demo.lifelong.plan import announcement

    session.output.say(f"{announcement(chosen, seed, quick)}\n{session.data_note(chosen)}")

    from dapp.demo.lifelong.driver import Wish, run
    from dapp.demo.lifelong.table import summary
    from dapp.demo.narrator import Narrator

    told = (session.output.say, session.output.warn, session.progress.update)
    finished = run(Wish(chosen, seed, quick, out), session.dataset, Narrator(*told, out / "demo.log"))
    session.progress.close()
    session.output.show(summary(finished.report))
    return Reply(
        str(finished.report_path),
        {"report": finished.report.to_json(), "files": [str(path) for path in finished.files]},
    )
