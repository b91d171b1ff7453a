"""`quorate demo-rollback`: a training that goes wrong, and five nodes that take it back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.money import percent
from dapp.cli.options import LOCAL
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs.arguments import Seed

app = typer.Typer()
NAMES = {"ours": "restored from the ledger", "keep_last_5": "from the last 5 files"}


@verb(app, "demo-rollback", LOCAL)
def demo_rollback(
    session: Session,
    seed: Seed = 1,
    out: Annotated[Path, typer.Option("--out", help="Folder for report, plots and logs.")] = Path(
        "out/rollback"
    ),
) -> Reply:
    """Train 60 epochs on digits; at epoch 30 the learning rate explodes, and five nodes vote to go back."""
    session.output.say(
        f"A training on digits with seed {seed}, on a local chain (anvil), and five nodes as processes.\n"
        "6 stages, about 1 minute on 2 cores; nothing to download: the digits come with scikit-learn."
    )
    from dapp.demo.narrator import Narrator
    from dapp.demo.rollback.driver import Wish, run

    told = (session.output.say, session.output.warn, session.progress.update)
    narrator = Narrator(*told, out / "demo.log")
    finished = run(Wish(seed, out), session.dataset("digits"), narrator)
    session.progress.close()
    report = finished.report
    exact = "yes" if report.resumed_bit_exact else "NO"
    session.output.say(
        f"noticed at epoch {report.detected_at} ({report.reason}); {len(report.votes)} nodes named epochs"
        f" {sorted(set(report.votes.values()))}, quorum {report.quorum}; back to epoch {report.target}\n"
        f"epochs {list(report.compared_steps)} trained twice, the same bit for bit: {exact}\n"
        f"test accuracy {percent(report.final_ppm)}; without the rollback"
        f" {percent(report.final_ppm_without_rollback)}\n"
        f"{recovery_table(report.recovery_rate)}"
    )
    return Reply(
        str(finished.report_path),
        {"report": report.to_json(), "files": [str(path) for path in finished.files]},
        next_steps=[f"quorate history {report.run} --data-dir {out} --of recorder"],
    )


def recovery_table(rates: Mapping[str, Mapping[str, float]]) -> str:
    """Share of epochs that can be restored, for some numbers of epochs (Bae & Shin, Fig. 7)."""
    chosen = [n for n in ("1", "5", "6", "10", "20", "30", "40", "50") if n in rates["ours"]]
    rows = (
        ("epochs trained", chosen),
        *((NAMES[key], [f"{rates[key][n]:.0%}" for n in chosen]) for key in NAMES),
    )
    return "\n".join(f"{name:<24}" + "".join(f"{cell:>6}" for cell in cells) for name, cells in rows)
