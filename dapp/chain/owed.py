"""What a task that is over owes, to whom and in which role. One account may be owed in several.

What of it was taken, the board's own words tell: the events Paid name no role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from dapp.chain.client import Chain
from dapp.chain.events import Outcome
from dapp.chain.tasks import TaskView
from dapp.chain.words import PANEL, Panel, Phase

PAYING = (Phase.SETTLED, Phase.EMPTY, Phase.LAPSED)


class PaidAs(Enum):
    """In which role an account is owed something."""

    CONTRIBUTOR = auto()
    VERIFIER = auto()
    INITIATOR = auto()


@dataclass(frozen=True)
class Claim:
    """What a task owes, or owed, an account in one role."""

    paid_as: PaidAs
    payee: str
    amount_wei: int
    seat: int | None  # of a verifier
    taken: bool


@dataclass(frozen=True)
class Books:
    """What the board stores about payment."""

    outcome: Outcome
    panels: Mapping[int, Panel]  # by number


def claims(chain: Chain, view: TaskView, payee: str | None = None) -> tuple[Claim, ...]:
    """Every claim on a task, or those of one account; none before the task is over."""
    if view.phase not in PAYING:
        return ()
    return claims_of(view, _books(chain, view, payee), payee)


def owed(chain: Chain, view: TaskView, payee: str | None = None) -> tuple[Claim, ...]:
    """As `claims`, without what was taken."""
    return tuple(claim for claim in claims(chain, view, payee) if not claim.taken)


def claims_of(view: TaskView, books: Books, payee: str | None = None) -> tuple[Claim, ...]:
    """The claims on a task that is over, as contracts/Escrow.sol counts them: models, seats, initiator."""
    outcome, found = books.outcome, []
    for model in view.models:
        if _is(payee, model.contributor) and outcome.models >> model.index & 1:
            taken = view.late.has_paid(model.index)
            found.append(Claim(PaidAs.CONTRIBUTOR, model.contributor, outcome.contributor_wei, None, taken))
    for seat, verifier, place in _places(view, payee):
        panel, member = books.panels[place // PANEL], place % PANEL
        if view.phase == Phase.LAPSED:  # everyone in the roster stood ready
            taken = panel.is_opened(member)
        elif panel.is_opened(member):
            taken = not panel.is_sealed(member)
        else:
            continue
        found.append(Claim(PaidAs.VERIFIER, verifier, outcome.verifier_wei, seat, taken))
    if _is(payee, view.key.initiator):
        closed = view.late.settled and view.late.closed
        found.append(Claim(PaidAs.INITIATOR, view.key.initiator, outcome.initiator_wei, None, closed))
    return tuple(claim for claim in found if claim.amount_wei)


def _books(chain: Chain, view: TaskView, payee: str | None) -> Books:
    """The words that decide about `payee`'s claims, or about everyone's."""
    board, task = chain.quorate, view.task
    numbers = {place // PANEL for _, _, place in _places(view, payee)}
    return Books(
        Outcome(*chain.read(board.call("outcomeOf", view.key.astuple()))[0]),
        {number: Panel(chain.read(board.call("panelOf", task, number))[0]) for number in sorted(numbers)},
    )


def _places(view: TaskView, payee: str | None) -> list[tuple[int, str, int]]:
    """Seat, verifier and place in the panels of everyone who may be owed something for standing ready."""
    lapsed = view.phase == Phase.LAPSED
    placed = [
        (s.seat, s.verifier, s.seat if lapsed else s.place) for s in view.seats if _is(payee, s.verifier)
    ]
    return [(seat, verifier, place) for seat, verifier, place in placed if place is not None]


def _is(payee: str | None, account: str) -> bool:
    return payee is None or payee == account
