"""Stage settle: writing the outcome down and paying, for all at once or for oneself."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import events, tasks
from dapp.chain.client import Receipt
from dapp.chain.contracts import Call
from dapp.chain.errors import ContractRefused
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
class Withdrawn:
    """What our account took."""

    task: bytes
    amount_wei: int
    to: str
    receipt: Receipt | None


def settle(ctx: Context, task: bytes, pay: bool = True) -> Settlement:
    """Write down the outcome of a task that is over and, unless told not to, pay everyone who is owed. By
    anyone.

    Raises ContractRefused (NotOver).
    """
    view = tasks.view(ctx.chain, task)
    if view.phase == Phase.CANCELLED:
        raise NothingDue("the task was cancelled, and its pot went back then")
    owed = view.accepted if view.phase == Phase.SETTLED else [m for m in view.models if not m.struck]
    contributors = [m.contributor for m in owed if pay and not view.paid_wei(m.contributor)]
    seats = [s.seat for s in view.seats if pay and _is_owed_fee(view, s.seat)]
    receipts = []
    payees = max(len(contributors), len(seats), 1)
    for at in range(0, payees, MAX_PAYEES):
        args = (contributors[at : at + MAX_PAYEES], seats[at : at + MAX_PAYEES])
        call = ctx.chain.quorate.call("settle", view.key.astuple(), *args)
        done = view.outcome is not None and not any(args)
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
    """Take what a task owes our account, in whatever role, to `to` or to the account itself.

    Settles the task first when nobody has. Raises ContractRefused (NotOver, NothingOwed, PaymentFailed).
    """
    view = tasks.view(ctx.chain, task)
    account = ctx.chain.address
    if not view.late.settled:
        settle(ctx, task, pay=False)
        view = tasks.view(ctx.chain, task)
    name, call = _claim(ctx, view, to or account)
    done = bool(view.paid_wei(account))
    receipt = once(ctx, name, task, call, done)
    after = tasks.view(ctx.chain, task)
    return Withdrawn(task, after.paid_wei(account), to or account, receipt)


def _claim(ctx: Context, view: TaskView, to: str) -> tuple[str, Call]:
    account = ctx.chain.address
    if view.model_of(account) is not None:
        return "withdraw.share", ctx.chain.quorate.call("withdraw", view.task, to)
    seat = view.seat_of(account)
    if seat is not None:
        return "withdraw.fee", ctx.chain.quorate.call("withdrawFee", view.task, seat.seat, to)
    if account == view.key.initiator:
        return "withdraw.rest", ctx.chain.quorate.call("withdrawRemainder", view.key.astuple(), to)
    raise ContractRefused("NothingOwed", {"task": view.task, "payee": account})


def _is_owed_fee(view: TaskView, seat: int) -> bool:
    place = view.seats[seat]
    if view.paid_wei(place.verifier):
        return False
    return view.phase == Phase.LAPSED or place.scores_ppm is not None


def _tag(args: tuple[list[str], list[int]]) -> str:
    """Names a settlement by whom it pays, so that paying others later is another step."""
    return ",".join([address[2:8] for address in args[0]] + [str(seat) for seat in args[1]]) or "nobody"
