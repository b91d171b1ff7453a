"""What an account may do at a task now, and, for what it may not, why. Every button says one of these."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain.tasks import Seat, TaskView
from dapp.chain.words import Phase
from dapp.openings import SealState


@dataclass(frozen=True)
class Control:
    """why: the rule that is in the way; empty where nothing is.  at_s: when that changes, if it is known."""

    enabled: bool
    why: str = ""
    at_s: int | None = None


YES = Control(True)


def no(why: str, at_s: int | None = None) -> Control:
    """Not now, and why."""
    return Control(False, why, at_s)


def evaluating(view: TaskView) -> Control:
    """Anyone may evaluate once the shards are shown."""
    if view.phase < Phase.DRAW:
        return no(
            "Models are still coming in. The shards to evaluate on are drawn after that.",
            view.ends_at_s(Phase.OPEN),
        )
    if not view.shards:
        if view.phase == Phase.DRAW:
            return no("The initiator has not shown the drawn shards yet.", view.ends_at_s(Phase.DRAW))
        return no("The drawn shards of this task were never shown.")
    return YES


def sealing(view: TaskView, account: str | None, state: SealState, has_scores: bool) -> Control:
    """One ballot, by those who were drawn, in the phase Vote."""
    if (stop := _seated(view, account)) is not None:
        return stop
    if state in (SealState.SEALED, SealState.MISMATCH):
        return no("Your ballot is sealed. One ballot per verifier: it cannot be replaced.")
    if state == SealState.OPENED:
        return no("Your ballot is opened.")
    if state == SealState.UNREADABLE:
        return no("Your journal cannot be read, and a salt that is not kept safe would be a lost vote.")
    if view.phase > Phase.VOTE:
        return no("Voting has ended.")
    return YES if has_scores else no("Evaluate first: the ballot needs a score for every model.")


def opening(view: TaskView, account: str | None, state: SealState) -> Control:
    """A sealed ballot, in the phase Ballot."""
    if (stop := _seated(view, account)) is not None:
        return stop
    if state == SealState.OPENED:
        return no("Your ballot is opened.")
    if state == SealState.UNREADABLE:
        return no("Your journal cannot be read.")
    if state in (SealState.NONE, SealState.DECIDED):
        return no("You have sealed no ballot." if view.phase > Phase.VOTE else "Seal your ballot first.")
    if state == SealState.MISMATCH:
        return no("Nothing on this machine opens your sealed ballot: import its recovery file.")
    if view.phase == Phase.VOTE:
        return no(
            "Ballots are opened when voting has ended, so that nobody can copy one.",
            view.ends_at_s(Phase.VOTE),
        )
    if view.phase != Phase.BALLOT:
        return no("The time for opening ballots is over.")
    return YES


def withdrawing(view: TaskView, account: str | None, owed_wei: int, was_paid: bool) -> Control:
    """What a task that is over owes."""
    if account is None:
        return no("Connect your wallet first.")
    if not view.phase.is_over:
        ends = [at_s for phase, at_s in view.windows_s if phase in (Phase.BALLOT, Phase.DRAW)]
        return no("Payment begins when the task is over.", max(ends, default=None))
    if owed_wei:
        return YES
    return no(
        "You have taken all that this task owed you." if was_paid else "This task owes this account nothing."
    )


def _seated(view: TaskView, account: str | None) -> Control | None:
    """Why this account has no vote; None where it has one."""
    if account is None:
        return no("Connect your wallet first.")
    if view.draw_block is None:
        return no("The committee is not drawn yet.", view.ends_at_s(Phase.OPEN))
    seat: Seat | None = view.seat_of(account)
    if seat is None:
        return no("This account has no seat in the task's pool of verifiers.")
    if not view.shards:
        return no("The committee is known once the shards are shown.", view.ends_at_s(Phase.DRAW))
    if seat.place is None:
        return no("This account was not drawn into the committee of this task.")
    if view.model_of(account) is not None:
        return no("This account contributed a model, and nobody judges its own task.")
    return None
