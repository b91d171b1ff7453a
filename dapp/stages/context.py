"""What every stage is given: the chain, the store, the journal, the clock, and where to report progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dapp.chain.client import Chain, Receipt
from dapp.chain.clock import Clock
from dapp.chain.contracts import Call
from dapp.chain.outbox import Failpoint, is_unsent, no_failpoint
from dapp.journal import Journal
from dapp.store import Store
from ml.errors import QuorateError

Progress = Callable[[str, int, int], None]  # what, done, total


class StageError(QuorateError):
    """The base of what stops a stage before it asks the chain."""

    code = "stage-failed"
    default_fix = "`quorate task show` tells where the task stands."


class NothingDue(StageError):
    """There is nothing for this account to do at this stage."""

    code = "nothing-due"


class NotSealedHere(StageError):
    """The journal does not hold what is to be opened."""

    code = "not-sealed-here"
    default_fix = "Run this where it was sealed: the journal there holds what opens it."


class TermsRefused(StageError):
    """A task, spec or shards that cannot be opened as given."""

    code = "terms-refused"
    default_fix = "Correct the value that the message names."


def quiet(what: str, done: int, total: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Context:
    """One participant at work. `chain` may have no account: then only what reads can be done."""

    chain: Chain
    store: Store
    journal: Journal
    clock: Clock
    progress: Progress = quiet
    failpoint: Failpoint = no_failpoint


def once(
    ctx: Context, name: str, task: bytes, call: Call, done: bool, value_wei: int = 0, part: str = ""
) -> Receipt | None:
    """Send the one transaction that does `name` for a task, or find that it is done.

    done: the chain shows that it is done. When this journal sent it, its receipt is returned (and an
    unfinished
    transaction is finished); when it did not, None.
    """
    step = f"{name}/{task.hex()}{part}"
    if done and is_unsent(ctx.journal, step):
        return None
    return ctx.chain.send(step, call, value_wei)
