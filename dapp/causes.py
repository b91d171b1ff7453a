"""Why a request failed, for people: libraries wrap it in their own classes and repeat the request."""

from __future__ import annotations

MAX_CHARS = 300


def innermost(error: BaseException) -> str:
    """What the first error in the chain of causes says, printable and short."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return "".join(c for c in said.replace("\n", " ") if c.isprintable())[:MAX_CHARS] or type(error).__name__
