"""Requests to a recorder that runs: another process of the same account asks it to open a rollback vote.

Two files in the recorder's folder, each written whole or not at all: the request, and the answer to it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dapp.ledger.ask import REASON_BYTES
from dapp.ledger.errors import LedgerCorrupt, LedgerFull
from ml import whole
from ml.canonical import canonical_json, parse_canonical_json
from ml.errors import QuorateError
from ml.fields import Fields

MAX_BYTES: Final = 4_096
MAX_TEXT: Final = 1_000


@dataclass(frozen=True)
class Request:
    """A vote that somebody wants opened; `reason` as the chain takes it."""

    name: str
    reason: bytes


@dataclass(frozen=True)
class Answer:
    """The vote that is open now, or why there is none and what to do."""

    vote: int | None
    message: str = ""
    fix: str = ""


class Requests:
    """To the recorder that keeps its book below this folder: one at a time, the last one counts."""

    def __init__(self, folder: Path) -> None:
        self._request = folder / "rollback-request.json"
        self._answer = folder / "rollback-answer.json"

    def put(self, reason: bytes) -> str:
        """Ask; returns the request's name."""
        name = secrets.token_hex(32)
        _write(self._request, {"name": name, "reason": reason.hex()})
        return name

    def withdraw(self) -> None:
        """Ask no longer."""
        self._request.unlink(missing_ok=True)

    def pending(self) -> Request | None:
        """What is asked for. Raises LedgerCorrupt."""
        fields = _read(self._request)
        if fields is None:
            return None
        request = Request(fields.digest("name"), _bytes(fields.text("reason", 2 * REASON_BYTES)))
        fields.done()
        return request

    def answer(self, request: Request, answer: Answer) -> None:
        """Say what came of it; then it is done."""
        said = {"message": _line(answer.message), "fix": _line(answer.fix)}
        _write(self._answer, {"name": request.name, "vote": answer.vote, **said})
        self.withdraw()

    def answered(self, name: str) -> Answer | None:
        """The answer to the request of this name, None while there is none. Raises LedgerCorrupt."""
        fields = _read(self._answer)
        if fields is None or fields.digest("name") != name:
            return None
        vote = fields.any("vote")
        if vote is not None:
            fields.bounded(vote, "vote", 1, 2**32 - 1)
        answer = Answer(vote, fields.text("message", MAX_TEXT), fields.text("fix", MAX_TEXT))
        fields.done()
        return answer


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        whole.write(path, canonical_json(document))
    except OSError as error:
        raise LedgerFull(f"{path} cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> Fields | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Fields(parse_canonical_json(data, MAX_BYTES), path.name, LedgerCorrupt)
    except QuorateError as error:
        raise LedgerCorrupt(f"{path}: {error.message}", fix="Remove this file, then ask again.") from error


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_TEXT] or "-"


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise LedgerCorrupt("a request's reason must be hexadecimal", fix="Ask again.") from None
