"""What is due for an account, in every role and whatever the number of tasks, the most pressing first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Query

from dapp.chain import owed
from dapp.chain.words import Phase
from dapp.index import parts
from dapp.index.parts import Part
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Account, account_of
from dapp.web.due import WORDS, Deed, view_of
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.errors import QuorateError

router = APIRouter(tags=["desk"])
PAGE: Final = 50
NOW, LATER, NEVER = 0, 1, 2
TAKE: Final = {
    "verifier": "Take your fee",
    "contributor": "Take your share",
    "initiator": "Take what is left",
}


@dataclass(frozen=True)
class Due:
    """One task in the list: what is to be done there, if anything.

    did      none, sealed, opened or struck: the account's ballot or model
    urgency  0: now, and it ends;  1: later;  2: nothing any more
    trouble  why the task cannot be read
    """

    task: str
    name: str | None
    role: str
    phase: PhaseShown
    what: str
    urgency: int
    at_s: int | None
    did: str
    trouble: str = ""


@dataclass(frozen=True)
class DeskPage:
    """What is due for an account: `due` from `start` on, of `total`; `next` is the next page's start."""

    account: str | None
    due: list[Due]
    start: int
    total: int
    next: int | None


@page(router, "/desk", "desk/desk.html", summary="What is due for an account")
def desk(
    site: SiteOf, account: Account = None, start: Annotated[int, Query(ge=0, le=10_000_000)] = 0
) -> DeskPage:
    """Tasks that ask something of the account, the most pressing first."""
    who = account_of(account)
    if who is None:
        return DeskPage(None, [], 0, 0, None)
    seats = site.backend.rosters.seats
    found = parts.of_account(
        site.index, who, site.now.at_s, lambda number, size: seats(site.chain, number, size)
    )
    told = sorted(
        ((_due(part), part) for part in found),
        key=lambda each: (each[0].urgency, each[0].at_s or 2**62, each[1].number),
    )
    shown = [_checked(site, who, due, part) for due, part in told[start : start + PAGE]]
    end = start + PAGE
    return DeskPage(who, shown, start, len(told), end if end < len(told) else None)


def _due(part: Part) -> Due:
    """From the index alone: whether something here opens a ballot or a model, its desk tells."""
    what, urgency = _UNREAD if part.unread else _WHAT[part.role](part)
    phase = PHASES[part.phase]
    return Due(part.task, part.name, part.role, phase, what, urgency, part.ends_at_s, part.did, part.unread)


_UNREAD: Final = ("It cannot be read whether you have a seat", NOW)


def _of_verifier(part: Part) -> tuple[str, int]:
    if part.phase == Phase.DRAW:
        return "Wait: the committee is being drawn", LATER
    if part.phase == Phase.LAPSED:
        return TAKE[part.role], NOW
    if not part.is_drawn:
        return "Not drawn for this task", NEVER
    if part.phase == Phase.VOTE:
        if part.did == "none":
            return WORDS[Deed.SEAL_BALLOT], NOW
        return "Open your ballot when voting has ended", LATER
    if part.phase == Phase.BALLOT:
        if part.did == "sealed":
            return WORDS[Deed.OPEN_BALLOT], NOW
        if part.did == "opened":
            return "Take your fee when the task is over", LATER
        return "No ballot was sealed in time", NEVER
    return TAKE[part.role], NOW


def _of_contributor(part: Part) -> tuple[str, int]:
    if part.did == "struck":
        return "Struck as a copy: nothing any more", NEVER
    if part.phase == Phase.SUBMIT:
        return "Open your model when submissions have ended", LATER
    if part.did == "sealed":
        if part.phase == Phase.OPEN:
            return WORDS[Deed.OPEN_MODEL], NOW
        return "Your model was not opened in time", NEVER
    if part.phase.is_over:
        return TAKE[part.role], NOW
    return "Wait: your model is being judged", LATER


def _of_initiator(part: Part) -> tuple[str, int]:
    if part.phase == Phase.DRAW:
        return WORDS[Deed.DRAW], NOW
    return TAKE[part.role], NOW


_WHAT: Final = {
    "verifier": _of_verifier,
    "contributor": _of_contributor,
    "initiator": _of_initiator,
}


def _checked(site: Site, who: str, due: Due, part: Part) -> Due:
    """What is to be taken, as the chain knows it; a task that cannot be read is shown as such."""
    if part.unread or not part.phase.is_over or due.urgency != NOW:
        return due
    try:
        claims = owed.owed(site.chain, view_of(site.chain, site.index, part.task), who)
    except (QuorateError, ValueError, KeyError, IndexError) as error:
        trouble = error.message if isinstance(error, QuorateError) else str(error)
        return replace(due, what="This task cannot be read", trouble=trouble)
    if any(claim.paid_as.name.lower() == part.role for claim in claims):
        return due
    return replace(due, what="Nothing any more", urgency=NEVER)
