"""An account: its badges with their pictures, and what it did here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from eth_utils import to_checksum_address
from fastapi import APIRouter, Path
from sqlalchemy import func, select

from dapp.chain.badges import BadgeKind, metadata
from dapp.index.tables import Badge, Ballot, Payout, Run, Submission, Task
from dapp.stages.badges import POINTS, reputation
from dapp.web.context import Site, SiteOf
from dapp.web.render import page
from ml.errors import QuorateError

router = APIRouter(tags=["accounts"])
Account = Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")]
SHOWN: Final = 60
RECENT: Final = 25
PICTURE: Final = re.compile(r"data:image/svg\+xml;base64,[A-Za-z0-9+/]{1,60000}={0,2}")
TITLES: Final = {
    BadgeKind.PART: "took part",
    BadgeKind.ACCEPTED: "a model was accepted",
    BadgeKind.LOWEST: "lowest loss: became a head",
    BadgeKind.TEACHER: "taught classes",
    BadgeKind.VERIFIER: "verified",
}


@dataclass(frozen=True)
class BadgeShown:
    """A badge; task is None where no task of this board fits it. picture: a data URI, for an <img> only."""

    token: str
    kind: str
    title: str
    points: int
    task: str | None
    picture: str | None


@dataclass(frozen=True)
class DeedShown:
    """What it did in a task."""

    task: str
    did: str
    block: int


@dataclass(frozen=True)
class AccountPage:
    """An account. paid_wei is all that it was paid here."""

    account: str
    badges: list[BadgeShown]
    badges_left_out: int
    reputation: int
    deeds: list[DeedShown]
    opened_tasks: int
    submissions: int
    ballots: int
    runs: int
    paid_wei: str
    claim: str


@page(router, "/accounts/{account}", "account.html", summary="An account and its badges")
def account(site: SiteOf, account: Account) -> AccountPage:
    """Badges, reputation, and what an account did on this board."""
    who = str(to_checksum_address(account))
    index = site.index
    found = index.scalars(select(Badge).where(Badge.account == who).order_by(Badge.block.desc())).all()
    paid = index.scalars(select(Payout.amount_wei).where(Payout.payee == who, Payout.state != "refused"))
    return AccountPage(
        account=who,
        badges=[_badge(site, row) for row in found[:SHOWN]],
        badges_left_out=max(0, len(found) - SHOWN),
        reputation=reputation(BadgeKind(row.kind) for row in found),
        deeds=_deeds(site, who),
        opened_tasks=_count(site, Task, Task.initiator == who),
        submissions=_count(site, Submission, Submission.contributor == who, Submission.state == "opened"),
        ballots=_count(site, Ballot, Ballot.verifier == who, Ballot.state == "opened"),
        runs=_count(site, Run, Run.recorder == who),
        paid_wei=str(sum(paid)),
        claim=f"quorate claim {who} --yes",
    )


def _count(site: Site, table: Any, *conditions: Any) -> int:
    return site.index.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _badge(site: Site, row: Badge) -> BadgeShown:
    kind = BadgeKind(row.kind)
    task = site.index.scalar(select(Task.task).where(Task.task.startswith(row.task_start)))
    return BadgeShown(
        row.token, kind.name.lower(), TITLES[kind], POINTS[kind], task, _picture(site, row.token)
    )


def _picture(site: Site, token: str) -> str | None:
    """As the chain draws it; None for anything else than a picture of bounded size."""
    try:
        uri = str(site.chain.read(site.chain.badges.call("tokenURI", int(token, 16)))[0])
        image = str(metadata(uri)["image"])
    except (QuorateError, ValueError, KeyError):
        return None
    return image if PICTURE.fullmatch(image) else None


def _deeds(site: Site, who: str) -> list[DeedShown]:
    opened = select(Task.task, Task.block).where(Task.initiator == who)
    submitted = select(Submission.task, Submission.block, Submission.state).where(
        Submission.contributor == who
    )
    voted = select(Ballot.task, Ballot.block, Ballot.state).where(Ballot.verifier == who)
    deeds = [
        DeedShown(row.task, "opened the task", row.block)
        for row in site.index.execute(opened.order_by(Task.block.desc()).limit(RECENT))
    ]
    deeds += [
        DeedShown(row.task, f"{row.state} a model", row.block)
        for row in site.index.execute(submitted.order_by(Submission.block.desc()).limit(RECENT))
    ]
    deeds += [
        DeedShown(row.task, f"{row.state} a ballot", row.block)
        for row in site.index.execute(voted.order_by(Ballot.block.desc()).limit(RECENT))
    ]
    return sorted(deeds, key=lambda deed: -deed.block)[:RECENT]
