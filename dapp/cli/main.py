"""The entry point: parse, run one verb, exit with its code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from dapp.cli import signals
from dapp.cli.errors import Ended, Interrupted, Usage, after_ending
from dapp.cli.exits import Exit
from dapp.cli.output import Output
from dapp.cli.verbs import (
    agent,
    badges,
    commit,
    demo,
    demo_lifelong,
    demo_rollback,
    deploy,
    devnet,
    digest,
    doctor,
    draw,
    fuse,
    gas,
    history,
    key,
    lineage,
    node,
    pool,
    record,
    rollback,
    settle,
    task,
    train,
    verify,
    vote,
    web,
)
from dapp.cli.verbs import help as topics
from dapp.cli.verbs import round as rounds
from dapp.cli.verbs import run as runs

app = typer.Typer(
    name="quorate",
    help="Train a model together, decide by ballot what counts, and be paid by contract.",
    epilog="One verb per stage of the protocol. Start with: quorate demo --quick",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, group in {
    "task": task.app,
    "key": key.app,
    "pool": pool.app,
    "commit": commit.app,
    "draw": draw.app,
    "vote": vote.app,
    "run": runs.app,
    "history": history.app,
    "gas": gas.app,
    "lineage": lineage.app,
    "round": rounds.app,
}.items():
    app.add_typer(group, name=name)
for module in (
    devnet, deploy, train, verify, settle, fuse, badges, agent, record, node, rollback, demo, demo_lifelong,
    demo_rollback, digest, doctor, topics, web,
):  # fmt: skip
    app.registered_commands += module.app.registered_commands
app.registered_commands += rounds.ending.registered_commands


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"quorate {version('quorate')}\n")
        raise typer.Exit(0)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """What stands before the verb."""


def main() -> None:
    """Run the command line and end the process."""
    signals.listen()
    code = run(sys.argv[1:])
    signals.hear_no_more()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    output = Output(as_json="--json" in arguments, quiet="--quiet" in arguments)
    verb = next((each for each in arguments if not each.startswith("-")), "")
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="quorate", standalone_mode=False)
        return int(result or 0)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer's own class for it is not public
            sys.stdout.write(error.format_message() + "\n")
            return Exit.OK
        output.fail(Usage(_message(error)))
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        output.fail(Interrupted("interrupted", fix=after_ending(verb)))
        return Exit.INTERRUPTED
    except signals.EndedBySignal as ended:
        output.fail(Ended(f"ended by {ended.name}", fix=after_ending(verb)))
        return Exit.TERMINATED


def _message(error: TyperException) -> str:
    """The parser's message in one line."""
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(text.split())
