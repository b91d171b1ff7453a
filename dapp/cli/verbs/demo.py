"""`quorate demo`: a whole task with all its participants on this machine."""

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


@verb(app, "demo", LOCAL)
def demo(
    session: Session,
    scenario: Annotated[
        int, typer.Option("--scenario", min=1, max=2, help="1: own designs; 2: a given one.")
    ] = 1,
    dataset: Annotated[str | None, typer.Option("--dataset", help="mnist or digits.")] = None,
    seed: Seed = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Digits, a chain in this process, no Node: under a minute.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for report, plots and logs.")] = Path("out/demo"),
) -> Reply:
    """Run a whole task: open, train, commit, draw, verify, vote, settle, fuse; then report and plots."""
    chosen = dataset or ("digits" if quick else "mnist")
    if chosen not in ("mnist", "digits"):
        raise Usage(f"--dataset is mnist or digits, not {chosen[:40]!r}")
    session.output.say(f"{announcement(chosen, scenario, seed, quick)}\n{session.data_note(chosen)}")

    from dapp.demo.driver import Wish, run
    from dapp.demo.narrator import Narrator
    from dapp.demo.table import summary

    narrator = Narrator(session.output.say, session.output.warn, session.progress.update, out / "demo.log")
    finished = run(Wish(scenario, chosen, seed, quick, out), session.dataset, narrator)
    session.progress.close()
    session.output.show(summary(finished.report))
    return Reply(
        str(finished.report_path),
        {"report": finished.report.to_json(), "files": [str(path) for path in finished.files]},
        next_steps=finished.next_steps,
    )


def announcement(dataset: str, scenario: int, seed: int, quick: bool) -> str:
    """What is about to happen, and how long it should take: said before anything slow."""
    from dapp.demo.plan import NAMES, duration

    chain = "a chain within this process" if quick else "a local chain (anvil)"
    return (
        f"A whole cooperative task: {dataset}, scenario {scenario}, seed {seed}, on {chain}.\n"
        f"{len(NAMES)} stages, {duration(dataset, quick)} on 2 cores: {', '.join(NAMES)}."
    )
