"""Badges: what an account has, what it could claim, and claiming it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from dapp.chain import badges, events, tasks
from dapp.chain.badges import Badge, BadgeKind
from dapp.chain.client import Receipt
from dapp.stages.context import Context, once

POINTS = {
    BadgeKind.PART: 1,
    BadgeKind.VERIFIER: 1,
    BadgeKind.ACCEPTED: 3,
    BadgeKind.LOWEST: 5,
    BadgeKind.TEACHER: 5,
}
"""What each kind adds to an account's reputation: a reading of ours, the chain only holds the badges."""


def reputation(kinds: Iterable[BadgeKind]) -> int:
    """What badges of these kinds add up to."""
    return sum(POINTS[kind] for kind in kinds)


@dataclass(frozen=True)
class Held:
    """The badges of an account."""

    account: str
    badges: tuple[Badge, ...]
    due: tuple[Badge, ...]  # earned and not claimed yet

    @property
    def reputation(self) -> int:
        """What its badges add up to."""
        return reputation(badge.kind for badge in self.badges)


@dataclass(frozen=True)
class Claimed:
    """A badge that was claimed."""

    badge: Badge
    receipt: Receipt | None


def show(ctx: Context, account: str) -> Held:
    """The badges of an account, and those it has earned beside them."""
    held = tuple(badges.badges_of(ctx.chain, account))
    due = tuple(badge for badge, _, _ in _due(ctx, account) if badge not in held)
    return Held(account, held, due)


def claim(ctx: Context, account: str) -> tuple[Claimed, ...]:
    """Claim every badge that an account has earned. By anyone, for anyone."""
    held = badges.badges_of(ctx.chain, account)
    claimed = []
    for badge, task, seat in _due(ctx, account):
        if badge in held:
            continue
        call = ctx.chain.badges.call("claim", int(badge.kind), task, account, seat)
        receipt = once(ctx, "badges.claim", task, call, False, part=f"/{badge.kind}/{account}")
        claimed.append(Claimed(badge, receipt))
    return tuple(claimed)


def picture(ctx: Context, badge: Badge) -> bytes:
    """A badge's picture as the chain draws it, SVG. Raises ContractRefused for one that was not claimed."""
    uri = str(ctx.chain.read(ctx.chain.badges.call("tokenURI", badge.token))[0])
    image = str(badges.metadata(uri)["image"])
    return base64.b64decode(image.partition(";base64,")[2], validate=True)


def _due(ctx: Context, account: str) -> list[tuple[Badge, bytes, int]]:
    """Every badge that the contract finds earned, with its task and the account's seat."""
    found = []
    for opened in events.opened_tasks(ctx.chain):
        view = tasks.view(ctx.chain, opened.task, opened.at.block)
        seat = view.seat_of(account)
        number = 0 if seat is None else seat.seat
        possible = [] if seat is None or seat.place is None else [BadgeKind.VERIFIER]
        if view.model_of(account) is not None:
            possible += [kind for kind in BadgeKind if kind is not BadgeKind.VERIFIER]
        for kind in possible if view.phase.is_over else ():
            call = ctx.chain.badges.call("isEarned", int(kind), opened.task, account, number)
            if ctx.chain.read(call)[0]:
                found.append((Badge.of(kind, opened.task, account), opened.task, number))
    return found
