"""The names of all verbs, as people type them: for tests and documentation."""

from __future__ import annotations

import inspect

import typer

from dapp.cli.main import app


def commands(group: typer.Typer = app, prefix: str = "") -> list[tuple[str, str]]:
    """Every verb, for example `task open`, and its help."""
    found = [
        (prefix + str(command.name), inspect.getdoc(command.callback) or "")
        for command in group.registered_commands
    ]
    for sub in group.registered_groups:
        if sub.typer_instance is not None:
            found += commands(sub.typer_instance, f"{prefix}{sub.name} ")
    return found


def verbs() -> list[str]:
    """The names alone."""
    return [name for name, _ in commands()]
