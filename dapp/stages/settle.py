"""Stage settle: writing the outcome down and paying, for all at once or for oneself."""

from __future__ import annotations

from dataclasses import dataclass, field

from dapp.chain import events, owed, tasks
from dapp.chain.client import Receipt
from dapp.chain.contracts import Call
from dapp.chain.errors import ContractRefused
from dapp.chain.owed import Claim, PaidAs
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.stages.context import Context, NothingDue, once

MAX_PAYEES = 60  # in one transaction


@dataclass(frozen=True)
class Payment:
    """What somebody got."""

    payee: str
    amount_wei: int


@dataclass(frozen=True)
class Settlement:
    """What a task came to."""

    task: bytes
    outcome: events.Outcome
    paid: tuple[Payment, ...]  # by these transactions
    refused: tuple[Payment, ...]  # kept for the payee, who can withdraw elsewhere
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True)
class Taken:
    """What our account got in one role."""

    paid_as: PaidAs
    amount_wei: int
    to: str | None  # None: it was paid before, and this journal did not send that
    receipt: Receipt | None
    before: bool = field(compare=False)  # whether it was paid already


@dataclass(frozen=True)
class Withdrawn:
    """What our account took, or had taken, in all its roles."""

    task: bytes
    amount_wei: int
    taken: tuple[Taken, ...]


def settle(ctx: Context, task: bytes, pay: bool = True) -> Settlement:
    """Write down the outcome of a task that is over and, unless told not to, pay everyone who is owed. By
    anyone.

    Raises ContractRefused (NotOver).
    """
    view = tasks.view(ctx.chain, task)
    if view.phase == Phase.CANCELLED:
        raise NothingDue("the task was cancelled, and its pot went back then")
    due = owed.owed(ctx.chain, view)
    contributors = [c.payee for c in due if pay and c.paid_as == PaidAs.CONTRIBUTOR]
    seats = [c.seat for c in due if pay and c.seat is not None]
    rest = any(c.paid_as == PaidAs.INITIATOR for c in due)
    receipts = []
    payees = max(len(contributors), len(seats), 1)
    for at in range(0, payees, MAX_PAYEES):
        args = (contributors[at : at + MAX_PAYEES], seats[at : at + MAX_PAYEES])
        call = ctx.chain.quorate.call("settle", view.key.astuple(), *args)
        done = view.late.settled and not rest and not any(args)
        receipt = once(ctx, "settle", task, call, done, part=f"/{_tag(args)}")
        receipts += [] if receipt is None else [receipt]
    said = [event for receipt in receipts for event in events.of_receipt(ctx.chain, receipt)]
    after = tasks.view(ctx.chain, task)
    if after.outcome is None:
        raise NothingDue("the task is not settled yet")
    return Settlement(
        task,
        after.outcome,
        tuple(Payment(e.payee, e.amount_wei) for e in events.of_type(said, events.Paid)),
        tuple(Payment(e.payee, e.amount_wei) for e in events.of_type(said, events.PaymentRefused)),
        tuple(receipts),
    )


def withdraw(ctx: Context, task: bytes, to: str | None = None) -> Withdrawn:
    """Take all that a task owes our account, in every role it has, to `to` or to the account itself: one
    transaction for each.

    Settles the task first when nobody has. Raises ContractRefused (NotOver, NothingOwed, PaymentFailed).
    """
    view = tasks.view(ctx.chain, task)
    account = ctx.chain.address
    if not view.late.settled:
        settle(ctx, task, pay=False)
        view = tasks.view(ctx.chain, task)
    claims = owed.claims(ctx.chain, view, account)
    if not claims:
        raise ContractRefused("NothingOwed", {"task": task, "payee": account})
    taken = tuple(_take(ctx, view, claim, to or account) for claim in claims)
    return Withdrawn(task, sum(each.amount_wei for each in taken), taken)


def _take(ctx: Context, view: TaskView, claim: Claim, to: str) -> Taken:
    name, call = _call(ctx, view, claim, to)
    receipt = once(ctx, name, view.task, call, claim.taken)
    said = [] if receipt is None else events.of_receipt(ctx.chain, receipt)
    went_to = next((paid.to for paid in events.of_type(said, events.Paid)), None)
    return Taken(claim.paid_as, claim.amount_wei, went_to, receipt, claim.taken)


def _call(ctx: Context, view: TaskView, claim: Claim, to: str) -> tuple[str, Call]:
    if claim.paid_as == PaidAs.CONTRIBUTOR:
        return "withdraw.share", ctx.chain.quorate.call("withdraw", view.task, to)
    if claim.paid_as == PaidAs.VERIFIER:
        return "withdraw.fee", ctx.chain.quorate.call("withdrawFee", view.task, claim.seat, to)
    return "withdraw.rest", ctx.chain.quorate.call("withdrawRemainder", view.key.astuple(), to)


def _tag(args: tuple[list[str], list[int]]) -> str:
    """Names a settlement by whom it pays, so that paying others later is another step."""
    return ",".join([address[2:8] for address in args[0]] + [str(seat) for seat in args[1]]) or "nobody"
