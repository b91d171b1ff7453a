"""Errors that only the command line knows."""

from __future__ import annotations

from ml.errors import QuorateError


class Usage(QuorateError):
    """Arguments that do not make a command."""

    code = "usage"
    default_fix = "Run the command with --help for its arguments."


class ConsentMissing(QuorateError):
    """A command that spends, where nobody can be asked and --yes was not given. Nothing was sent."""

    code = "consent-missing"
    default_fix = "Look at it with --dry-run, then run it again with --yes."


class Declined(QuorateError):
    """The plan was shown and not agreed to. Nothing was sent."""

    code = "declined"
    default_fix = "Run the command again and answer y, or give --yes."


class Missing(QuorateError):
    """A task, pool, file or deployment that is not there."""

    code = "not-found"
    default_fix = "Check the name; `quorate task list` shows the tasks."


class TooLate(QuorateError):
    """An agent that came when its part could not be played any more. What it was owed, it has taken."""

    code = "too-late"
    default_fix = "Take part in another task; `quorate task list` shows those that still take models."


class Interrupted(QuorateError):
    """Ctrl-C. What was sent stays sent; running the command again goes on from there."""

    code = "interrupted"
    default_fix = "Run the command again: it goes on where it stopped."


class Ended(QuorateError):
    """SIGTERM, or a terminal that was closed. What was sent stays sent, as after Ctrl-C."""

    code = "terminated"
    default_fix = "Run the command again: it goes on where it stopped."


def after_ending(verb: str) -> str | None:
    """What to do once this verb was ended; None for those that go on where they stopped."""
    return "Run the command again: a demo begins anew, on a new chain." if verb.startswith("demo") else None


class Internal(QuorateError):
    """A fault of this program."""

    code = "internal-error"
    default_fix = "Run it again with QUORATE_TRACEBACK=1 and report what it prints."


class Unhealthy(QuorateError):
    """Something that a run needs is missing (`quorate doctor`)."""

    code = "unhealthy"
    default_fix = "Do what the checks say."
