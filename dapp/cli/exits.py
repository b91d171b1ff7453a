"""Exit codes: what each means, and which error gets which."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final

from ml.errors import QuorateError


class Exit(IntEnum):
    """How `quorate` ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    KEY = 4
    UNREACHABLE = 5
    REFUSED = 6
    LATE = 7
    INTEGRITY = 8
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: Final = MappingProxyType(
    {
        Exit.OK: "done",
        Exit.FAILED: "failed; the message says why",
        Exit.USAGE: "wrong arguments, or --yes is missing where nobody can be asked; nothing was sent",
        Exit.NOT_FOUND: "no such task, pool, model, file, content or deployment",
        Exit.KEY: "no key, a wrong password, or an account that cannot sign",
        Exit.UNREACHABLE: "chain or store does not answer: safe to run again",
        Exit.REFUSED: "the contract refuses; error.name is its custom error",
        Exit.LATE: "too late: the window or the draw's block has passed",
        Exit.INTEGRITY: "bytes that are not what was promised: hash, CID, seal, signature, NaN, pickle",
        Exit.INTERRUPTED: "interrupted by Ctrl-C; a devnet that runs is ended by it and exits with 0",
        Exit.TERMINATED: "ended by SIGTERM, or by SIGHUP when the terminal was closed",
    }
)

BY_CODE: Final = MappingProxyType(
    {
        "usage": Exit.USAGE,
        "consent-missing": Exit.USAGE,
        "declined": Exit.USAGE,
        "list-invalid": Exit.USAGE,
        "list-unknown": Exit.NOT_FOUND,
        "not-listed": Exit.NOT_FOUND,
        "not-found": Exit.NOT_FOUND,
        "page-missing": Exit.NOT_FOUND,
        "view-invalid": Exit.USAGE,
        "store-not-found": Exit.NOT_FOUND,
        "pack-missing": Exit.NOT_FOUND,
        "dataset-unavailable": Exit.NOT_FOUND,
        "task-unknown": Exit.NOT_FOUND,
        "not-deployed": Exit.NOT_FOUND,
        "contract-missing": Exit.NOT_FOUND,
        "artifact-missing": Exit.NOT_FOUND,
        "deployment-missing": Exit.NOT_FOUND,
        "no-signer": Exit.KEY,
        "key-refused": Exit.KEY,
        "endpoint-down": Exit.UNREACHABLE,
        "endpoint-confused": Exit.UNREACHABLE,
        "transaction-pending": Exit.UNREACHABLE,
        "store-unreachable": Exit.UNREACHABLE,
        "cid-invalid": Exit.INTEGRITY,
        "store-digest-mismatch": Exit.INTEGRITY,
        "store-too-large": Exit.INTEGRITY,
        "invalid-package": Exit.INTEGRITY,
        "invalid-manifest": Exit.INTEGRITY,
        "invalid-samples": Exit.INTEGRITY,
        "invalid-growth": Exit.INTEGRITY,
        "head-doubtful": Exit.INTEGRITY,
        "lineage-unfit": Exit.INTEGRITY,
        "head-unavailable": Exit.NOT_FOUND,
        "not-a-round": Exit.NOT_FOUND,
        "invalid-pack": Exit.INTEGRITY,
        "invalid-coding": Exit.INTEGRITY,
        "pack-corrupt": Exit.INTEGRITY,
        "history-damaged": Exit.INTEGRITY,
        "ledger-corrupt": Exit.INTEGRITY,
        "invalid-header": Exit.INTEGRITY,
        "entry-refused": Exit.INTEGRITY,
        "checkpoint-differs": Exit.INTEGRITY,
        "weights-differ": Exit.INTEGRITY,
        "weights-not-finite": Exit.INTEGRITY,
        "announcement-forged": Exit.INTEGRITY,
        "results-damaged": Exit.INTEGRITY,
        "content-missing": Exit.NOT_FOUND,
        "entry-unknown": Exit.NOT_FOUND,
        "recorder-unreachable": Exit.UNREACHABLE,
        "invalid-state": Exit.INTEGRITY,
        "request-refused": Exit.REFUSED,
        "web-refused": Exit.REFUSED,
        "webhook-invalid": Exit.USAGE,
        "not-understood": Exit.INTEGRITY,
        "recovery-refused": Exit.INTEGRITY,
        "too-late": Exit.LATE,
        "interrupted": Exit.INTERRUPTED,
        "terminated": Exit.TERMINATED,
    }
)
"""Errors that are not plain failures, by their code. Refusals by the contract are told apart in `exit_of`."""

ORDER: Final = (
    "NOTICE",
    "SUBMIT",
    "OPEN",
    "DRAW",
    "VOTE",
    "BALLOT",
    "SETTLED",
    "CANCELLED",
    "EMPTY",
    "LAPSED",
)
REFUSED: Final = "contract-refused"
TOO_LATE: Final = frozenset({"DrawBlockForgotten"})


def exit_of(error: QuorateError) -> Exit:
    """The exit code for `error`."""
    if error.code == REFUSED:
        return Exit.LATE if _too_late(error) else Exit.REFUSED
    return BY_CODE.get(error.code, Exit.FAILED)


def _too_late(error: QuorateError) -> bool:
    """A refusal because the needed phase has gone by."""
    if error.values.get("name") in TOO_LATE:
        return True
    phase, needed = (str(error.values.get(key, "")) for key in ("arg_phase", "arg_needed"))
    return phase in ORDER and needed in ORDER and ORDER.index(phase) > ORDER.index(needed)
