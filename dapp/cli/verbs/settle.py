"""`quorate settle` and `quorate withdraw`: write the outcome, take what is owed."""

from __future__ import annotations

import typer

from dapp.cli.money import ether
from dapp.cli.options import SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

app = typer.Typer()


@verb(app, "settle", SENDS)
def settle(session: Session, task: arguments.Task) -> Reply:
    """Write the outcome of a task that is over, and pay everyone who is owed. Anyone may."""
    from dapp.stages import settle as stage

    settlement = stage.settle(session.context(), arguments.task_id(task))
    left_wei = sum(payment.amount_wei for payment in settlement.refused)
    session.output.say(f"{ether(left_wei)} left to withdraw" if left_wei else "Everyone is paid.")
    next_steps = [f"quorate withdraw {task}{session.likewise()}"] if left_wei else []
    return Reply(task, {"task": task, "settlement": plain(settlement)}, next_steps=next_steps)


@verb(app, "withdraw", SENDS)
def withdraw(session: Session, task: arguments.Task, to: arguments.To = None) -> Reply:
    """Take all that the task owes the signer, in every role it has."""
    from dapp.stages import settle as stage

    receiver = arguments.account(to) if to else None
    withdrawn = stage.withdraw(session.context(), arguments.task_id(task), receiver)
    for taken in withdrawn.taken:
        before = ", paid already" if taken.before else ""
        session.output.say(f"as {plain(taken.paid_as)}: {ether(taken.amount_wei)}{before}")
    return Reply(ether(withdrawn.amount_wei), {"task": task, "withdrawn": plain(withdrawn)})
