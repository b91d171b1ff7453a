"""`quorate help TOPIC`: what holds for all verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from dapp.cli.exits import MEANINGS
from dapp.cli.options import ENVIRONMENT


def exit_codes() -> str:
    """Every exit code and its meaning."""
    return "\n".join(f"{int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())


def environment() -> str:
    """Every environment variable that is read."""
    width = max(map(len, ENVIRONMENT))
    return "\n".join(f"{name:<{width}}  {meaning}" for name, meaning in ENVIRONMENT.items())


def json() -> str:
    """The document that --json answers with."""
    return """With --json, stdout carries exactly one JSON document, also on failure:

  schema    "quorate/1"; it changes when a field changes its meaning or goes
  ok        true or false
  data      the result; null on failure
  warnings  list of strings
  error     null, or {code, message, fix, retryable, tx}:
            code       never changes; docs/errors.md lists all
            message    what went wrong, with the values
            fix        what to do about it
            retryable  true when the same command may succeed later
            tx         hash of the transaction that failed, or null
            and, when a contract refused: name and args of its custom error

Whole numbers throughout, the unit in the name: _wei, _ppm (parts per million), _s (seconds), _bytes.
Bytes are 0x… in lower case. stderr is for people and has no fixed form."""


TOPICS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {"exit-codes": exit_codes, "environment": environment, "json": json}
)
