"""The frame around every verb: shared options in, one result or one error out, and the exit code."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer

from dapp.cli.errors import Ended, Internal, Interrupted, after_ending
from dapp.cli.exits import Exit, exit_of
from dapp.cli.options import Given
from dapp.cli.output import Output, Reply
from dapp.cli.plan import DryRun
from dapp.cli.session import Session
from dapp.cli.signals import EndedBySignal
from ml.errors import QuorateError

Verb = Callable[..., Reply | None]  # None: the result was written already


def verb(group: typer.Typer, name: str, options: Sequence[inspect.Parameter]) -> Callable[[Verb], Verb]:
    """Register `function(session, ...)` as the verb `name` of `group`, with the shared `options`.

    The function's own parameters become arguments and options; its docstring is the help.
    """

    def register(function: Verb) -> Verb:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

        def run(**values: Any) -> None:
            shared = {option.name: values.pop(option.name) for option in options}
            code = perform(Given(**shared), lambda session: function(session, **values), name)
            raise typer.Exit(code)

        parameters = [*own, *options]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        group.command(name)(run)
        return function

    return register


def perform(given: Given, act: Callable[[Session], Reply | None], verb: str) -> int:
    """Run `act` for a verb, write its result or error, and return the exit code."""
    output = Output(as_json=given.json, quiet=given.quiet)
    try:
        with Session(given, output) as session:
            reply = act(session)
    except DryRun as dry:
        reply = dry.reply
    except (Exception, KeyboardInterrupt, EndedBySignal) as error:
        described = _described(error, verb)
        checks = described.values.get("checks")
        output.fail(described, None if checks is None else {"checks": checks})
        return exit_of(described)
    if reply is not None:
        output.succeed(reply)
    return Exit.OK


def _described(error: BaseException, verb: str) -> QuorateError:
    """Any exception as one that a person can act on."""
    if isinstance(error, QuorateError):
        return error
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Interrupted("interrupted", fix=after_ending(verb))
    if isinstance(error, EndedBySignal):
        return Ended(f"ended by {error.name}", fix=after_ending(verb))
    if os.environ.get("QUORATE_TRACEBACK"):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, OSError):
        return QuorateError(
            str(error), fix="See that the file or folder is there, may be written and has room."
        )
    return Internal(f"{type(error).__name__}: {error}")
