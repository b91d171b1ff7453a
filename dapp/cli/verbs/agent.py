"""`quorate agent`: read the chain and do what is due for one role, until the task is over."""

from __future__ import annotations

import typer

app = typer.Typer()
