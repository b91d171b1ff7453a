"""What a command writes, and where: the result and nothing else to stdout, what people read to stderr.

With --json the result is one document of schema quorate/1, also when the command fails:
{"schema", "ok", "data", "warnings", "error": {"code", "message", "fix", "retryable", "tx"}}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from dapp.plain import plain
from ml.errors import QuorateError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SCHEMA", "Output", "Reply", "harmless", "plain"]

SCHEMA: Final = "quorate/1"
WIDE: Final = 120  # columns of a table where there is no terminal to ask


@dataclass(frozen=True)
class Reply:
    """What a verb answers.

    value     the bare result for stdout: one value, or lines of them
    data      the same for programs
    next_steps  what a person may do now; goes to stderr
    """

    value: str
    data: Mapping[str, Any]
    next_steps: Sequence[str] = ()


class Output:
    """The two streams of one run."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.warnings: list[str] = []
        self._answered = False

    @cached_property
    def console(self) -> Console:
        """The terminal behind stderr, or a plain stream: no colour codes off a terminal or under NO_COLOR."""
        from rich.console import Console

        plain = not sys.stderr.isatty() or bool(os.environ.get("NO_COLOR"))
        width = None if sys.stderr.isatty() else WIDE
        return Console(stderr=True, highlight=False, no_color=plain, soft_wrap=True, width=width)

    def say(self, text: str) -> None:
        """A line for people; left out with --quiet."""
        if not self.quiet:
            self.console.print(harmless(text), markup=False)

    def show(self, renderable: object) -> None:
        """A rich table or the like for people; left out with --quiet."""
        if not self.quiet:
            self.console.print(renderable)

    def insist(self, text: str) -> None:
        """A line for people that --quiet does not silence: a plan, a question, an error."""
        self.console.print(harmless(text), markup=False)

    def warn(self, text: str) -> None:
        """A warning: on stderr now, and in the document at the end."""
        self.warnings.append(text)
        if not self.as_json:
            self.insist(f"Warning: {text}")

    def succeed(self, reply: Reply) -> None:
        """Write the result."""
        if self.as_json:
            self._document({"ok": True, "data": reply.data, "error": None})
        elif reply.value:
            _write(harmless(reply.value))
        if not self.as_json and reply.next_steps:
            self.say("Next:\n" + "\n".join(f"  {step}" for step in reply.next_steps))

    def fail(self, error: QuorateError, data: Mapping[str, Any] | None = None) -> None:
        """Write the error: as the document, or to stderr."""
        tx = error.values.get("tx")
        if self.as_json:
            described = {**error.to_dict(), "tx": tx}
            self._document({"ok": False, "data": data, "error": described})
            return
        self.insist(f"Error ({error.code}): {error.message}")
        if tx:
            self.insist(f"  transaction: {plain(tx)}")
        self.insist(f"  {error.fix}" + ("  Safe to run again." if error.retryable else ""))

    def _document(self, body: Mapping[str, Any]) -> None:
        """The one document: what happens after it was written, the exit code alone tells."""
        if self._answered:
            return
        self._answered = True
        _write(json.dumps(plain({"schema": SCHEMA, **body, "warnings": self.warnings}), ensure_ascii=False))


def harmless(text: str) -> str:
    """`text` with control characters written out: names from strangers must not steer the terminal."""
    return "".join(c if c in "\n\t" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _write(text: str) -> None:
    """To stdout, halves of characters as JSON escapes them; a reader gone away (`| head -1`) is no error."""
    try:
        sys.stdout.write(text.rstrip("\n").encode("utf-8", "backslashreplace").decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
