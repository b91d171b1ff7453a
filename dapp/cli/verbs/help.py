"""`quorate help`: topics that hold for all verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from dapp.cli.errors import Missing
from dapp.cli.options import LOCAL
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.topics import TOPICS
from dapp.cli.verb import verb

app = typer.Typer()


@verb(app, "help", LOCAL)
def show(
    session: Session,
    topic: Annotated[
        str | None, typer.Argument(help="exit-codes, environment or json; none: list them.")
    ] = None,
) -> Reply:
    """Explain what holds for all verbs: exit codes, environment variables, the JSON document."""
    if topic is None:
        return Reply("\n".join(TOPICS), {"topics": list(TOPICS)})
    if topic not in TOPICS:
        raise Missing(f"there is no help on {topic[:40]!r}", fix=f"Choose one of: {', '.join(TOPICS)}.")
    text = TOPICS[topic]()
    return Reply(text, {"topic": topic, "text": text})
