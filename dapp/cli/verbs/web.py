"""`quorate web`: the web interface on this machine, until Ctrl-C."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb

app = typer.Typer()


@verb(app, "web", READS)
def web(
    session: Session,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Of this machine only.")] = 8600,
    host: Annotated[
        str, typer.Option("--host", help="127.0.0.1, localhost or ::1: nothing else is taken.")
    ] = "127.0.0.1",
    index_url: Annotated[
        str,
        typer.Option(
            "--index-url",
            envvar="QUORATE_INDEX_URL",
            help="SQLAlchemy URL of the index; else a file in --data-dir.",
        ),
    ] = "",
    webhook: Annotated[
        str,
        typer.Option(
            "--webhook", envvar="QUORATE_WEBHOOK", help="Post reminders there: https, or this machine."
        ),
    ] = "",
    remind: Annotated[
        list[str] | None,
        typer.Option("--remind", help="An account that is reminded; may be given several times."),
    ] = None,
    remind_before: Annotated[
        int,
        typer.Option("--remind-before", min=1, max=10_080, help="Minutes before a window closes."),
    ] = 60,
) -> None:
    """Serve the web interface on this machine, print its address; Ctrl-C ends it. It holds no key.

    Where no chain is configured and none answers, a devnet with a task in progress is started beside it.
    """
    from dataclasses import replace

    from dapp.chain.errors import EndpointDown
    from dapp.config import Settings
    from dapp.web.reminders.settings import ReminderSettings
    from dapp.web.sample import sample
    from dapp.web.serve import WebServer
    from dapp.web.settings import LOOPBACK, WebSettings

    if host not in LOOPBACK:
        raise Usage(f"--host {host[:40]!r} is not this machine", fix=f"Take one of: {', '.join(LOOPBACK)}.")
    if remind and not webhook:
        raise Usage("--remind needs an address to post to", fix="Name it with --webhook or QUORATE_WEBHOOK.")
    if webhook and not remind:
        session.output.say("Nobody is reminded: name accounts with --remind.")
    reminders = ReminderSettings(webhook, tuple(remind), 60 * remind_before) if remind else None
    settings = WebSettings(session.settings, host, port, index_url=index_url, reminders=reminders)
    steps = []
    with contextlib.ExitStack() as closing:
        try:
            server = WebServer(settings)
        except EndpointDown:
            if session.settings.rpc != Settings.rpc or session.given.rpc is not None:
                raise
            session.output.say("No chain is configured: a devnet with a task in progress is made (1 minute).")
            made = closing.enter_context(sample(session.settings, session.progress.update))
            server = WebServer(replace(settings, settings=made.settings))
            steps = [
                f"other commands use its devnet after: {made.exports}",
                f"have not voted yet: {', '.join(made.verifiers)} (the devnet's accounts 7 and 8)",
            ]
        session.progress.close()
        reply = Reply(server.url, {"url": server.url}, next_steps=[f"open {server.url} in a browser", *steps])
        with contextlib.suppress(KeyboardInterrupt):  # from now on Ctrl-C is how it is meant to end
            session.output.succeed(reply)
            server.serve()
