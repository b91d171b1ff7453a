"""A node's desk at one run: ask for a rollback, name its target by a signature for the recorder or by a
transaction, carry out what was agreed.

What is named comes from a copy of the run on this machine (a node's, else the recorder's), read and checked.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from dapp.chain.client import Chain
from dapp.chain.ledger import RunView, compact, run_view
from dapp.ledger import target as targets
from dapp.ledger.book import Book
from dapp.ledger.client import RecorderClient
from dapp.ledger.errors import ContentMissing
from dapp.ledger.follow import catch_up, open_vote
from dapp.ledger.places import BOOK, kept
from dapp.ledger.target import Named
from dapp.stages import rollback
from dapp.stages.context import Context
from dapp.web.context import SiteOf
from dapp.web.desk.accounts import Account, Id, account_of, id_of
from dapp.web.desk.acts import Given, IdText, OfficeOf, perform
from dapp.web.desk.controls import YES, Control, no
from dapp.web.desk.office import Office
from dapp.web.render import page
from ml.errors import QuorateError
from ml.history.header import Header, Kind
from ml.history.target import best_target, merit

router = APIRouter(tags=["desk"])
SHOWN: Final = 12  # targets


class GivenRun(Given):
    """At which run."""

    run: IdText

    @property
    def run_id(self) -> bytes:
        return bytes.fromhex(self.run[2:])


class GivenAsking(GivenRun):
    """Why: a few words."""

    reason: Annotated[str, Field(min_length=1, max_length=32)] = "by-hand"


class GivenTarget(GivenRun):
    """Where to go back to."""

    target: IdText


class GivenSigning(GivenTarget):
    """And whose server collects signatures."""

    recorder: Annotated[str, Field(min_length=1, max_length=200)]


class GivenSignature(GivenSigning):
    """The wallet's signature, 65 bytes: r, s, v."""

    signature: Annotated[str, Field(pattern="^0x[0-9a-fA-F]{128}(00|01|1[bBcC])$")]


@dataclass(frozen=True)
class Target:
    """An epoch that the run could go back to; accuracy lost or won against the present head."""

    id: str
    height: int
    step: int
    accuracy_ppm: int
    loss_micro: int
    gain_ppm: int
    is_best: bool
    named_by: list[str]


@dataclass(frozen=True)
class RollbackPage:
    """One run, as a node sees it. decided: what the account has named from here in the open vote."""

    run: str
    account: str | None
    role: str
    nodes: int
    needed: int
    copy: str | None
    trouble: str
    vote: int | None
    vote_ends_at_s: int | None
    decided: str | None
    head: str
    head_height: int | None
    head_accuracy_ppm: int | None
    targets: list[Target]
    controls: dict[str, Control]


@page(router, "/rollback/{run}", "desk/rollback.html", summary="A run's rollback vote, as a node sees it")
def rollback_desk(site: SiteOf, office: OfficeOf, run: Id, account: Account = None) -> RollbackPage:
    """The best epochs before the head, and what this account may do."""
    who, view = account_of(account), run_view(site.chain, id_of(run))
    role = "recorder" if who == view.recorder else "node" if who in view.nodes else "nobody"
    trouble, copy, vote, found, head = "", None, None, list[Target](), None
    try:
        copy, book = _copy(site.chain, site.web.settings.data_dir, view.run, who)
        with book:
            vote = open_vote(view, book, site.now.at_s)
            head = book.get(view.head)
            found = [] if head is None else _targets(site.chain, book, view, head, vote)
    except (QuorateError, OSError) as error:
        trouble = error.message if isinstance(error, QuorateError) else str(error)
    quorum = [each for each in found if len(each.named_by) >= view.needed]
    return RollbackPage(
        run="0x" + view.run.hex(),
        account=who,
        role=role,
        nodes=len(view.nodes),
        needed=view.needed,
        copy=copy,
        trouble=trouble,
        vote=vote,
        vote_ends_at_s=view.vote_ends_at_s if vote else None,
        decided=None if vote is None or who is None else _decided(office, view, vote, who),
        head="0x" + view.head.hex(),
        head_height=None if head is None else head.height,
        head_accuracy_ppm=None if head is None else head.accuracy_ppm,
        targets=found,
        controls={
            "ask": _asking(view, who, role, vote, site.now.at_s),
            "name": _naming(view, who, role, vote, found),
            "sign": _naming(view, who, role, vote, found),
            "carry": YES if vote and quorum else no(f"No target has been named by {view.needed} nodes yet."),
        },
    )


@router.post("/act/rollback/ask", summary="Ask the nodes for a rollback")
def ask(site: SiteOf, office: OfficeOf, given: GivenAsking) -> JSONResponse:
    """By the recorder or a node."""
    return perform(
        site,
        office,
        given,
        lambda ctx: {"vote": rollback.open_vote(ctx, given.run_id, given.reason).vote},
        f"quorate rollback {given.run} --reason {shlex.quote(given.reason)} --no-wait",
    )


@router.post("/act/rollback/name", summary="Name the target of a rollback")
def name(site: SiteOf, office: OfficeOf, given: GivenTarget) -> JSONResponse:
    """As a node, by a transaction: one target a vote, written down before the wallet is asked."""

    def naming(ctx: Context) -> object:
        view, what = _named(ctx.chain, site.web.settings.data_dir, given)
        targets.endorse(ctx.chain, ctx.journal, view, what)
        return {"vote": what.vote, "digest": what.digest}

    return perform(site, office, given, naming, f"quorate node {given.run} --endorse")


@router.post("/act/rollback/sign", summary="Sign the target of a rollback")
def sign(site: SiteOf, office: OfficeOf, given: GivenSigning) -> JSONResponse:
    """As a node, for a recorder that collects votes: written down before the wallet is asked."""
    recorder = RecorderClient(given.recorder, given.run_id)

    def signing(ctx: Context) -> object:
        view, what = _named(ctx.chain, site.web.settings.data_dir, given)
        targets.collects(recorder, what)
        return {"signature": targets.sign(ctx.chain, ctx.journal, view, what)}

    return perform(site, office, given, signing, f"quorate node {given.run} --recorder {recorder.url}")


@router.post("/act/rollback/hand", summary="Hand a signed target to the recorder")
def hand(site: SiteOf, given: GivenSignature) -> JSONResponse:
    """Sent from this machine; the recorder carries a quorum's target out, at its expense."""
    account = account_of(given.account)
    assert account is not None
    recorder = RecorderClient(given.recorder, given.run_id)
    _, what = _named(site.chain, site.web.settings.data_dir, given)
    signature = compact(bytes.fromhex(given.signature[2:]))
    signed = targets.hand_in(recorder, what, account, signature)
    return JSONResponse({"done": {"signed": len(signed), "vote": what.vote}})


@router.post("/act/rollback/carry", summary="Carry a rollback out")
def carry(site: SiteOf, office: OfficeOf, given: GivenTarget) -> JSONResponse:
    """By anyone, once a quorum has named the target."""

    def carrying(ctx: Context) -> object:
        view = run_view(ctx.chain, given.run_id)
        copy, book = _copy(ctx.chain, site.web.settings.data_dir, view.run, given.account)
        with book:
            done = next((each for each in book.rollbacks() if each.vote == view.votes), None)
            if done is None:
                what = targets.named(ctx.chain, book, view, bytes.fromhex(given.target[2:]))
                targets.carry_out(ctx.chain, book, view, what)
        return {"copy": copy}

    return perform(site, office, given, carrying)


def _decided(office: Office, view: RunView, vote: int, account: str) -> str | None:
    """None also where the journal cannot be read now: what is named is checked again then."""
    try:
        with office.journals.known(account) as journal:
            target = None if journal is None else targets.decided(journal, view, vote)
    except QuorateError:
        return None
    return None if target is None else "0x" + target.hex()


def _named(chain: Chain, data_dir: Path, given: GivenTarget) -> tuple[RunView, Named]:
    view = run_view(chain, given.run_id)
    _, book = _copy(chain, data_dir, view.run, given.account)
    with book:
        return view, targets.named(chain, book, view, bytes.fromhex(given.target[2:]))


def _copy(chain: Chain, data_dir: Path, run: bytes, account: str | None) -> tuple[str, Book]:
    """Whose copy of the run is read, the account's own where there is one. Raises ContentMissing."""
    copies = kept(data_dir, run)
    if not copies:
        raise ContentMissing(
            "there is no copy of this run on this machine",
            fix="Run `quorate node` for it, with the data directory of this server.",
        )
    own = (account or "").lower()
    whose = own if own in copies else next(iter(sorted(copies)))
    book = Book.copy(copies[whose] / BOOK, run)
    catch_up(chain, book)
    return whose, book


def _targets(chain: Chain, book: Book, view: RunView, head: Header, vote: int | None) -> list[Target]:
    before = [each for each in book.headers(0, head.height) if each.kind is Kind.EPOCH]
    best = best_target(before)
    before.sort(key=lambda each: merit(each.accuracy_ppm, each.loss_micro, each.height), reverse=True)
    return [
        Target(
            id="0x" + each.id.hex(),
            height=each.height,
            step=each.step,
            accuracy_ppm=each.accuracy_ppm,
            loss_micro=each.loss_micro,
            gain_ppm=each.accuracy_ppm - head.accuracy_ppm,
            is_best=best is not None and each.id == best.id,
            named_by=list(targets.named(chain, book, view, each.id).nodes) if vote else [],
        )
        for each in before[:SHOWN]
    ]


def _asking(view: RunView, who: str | None, role: str, vote: int | None, now_s: int) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if role == "nobody":
        return no("Only the run's recorder and its nodes ask for a rollback.")
    if vote:
        return no("A vote is open already.", view.vote_ends_at_s)
    pause_ends_at_s = view.vote_ends_at_s + view.window_s
    if view.votes and now_s <= pause_ends_at_s:
        return no("The next vote can be opened after a pause.", pause_ends_at_s)
    return YES


def _naming(view: RunView, who: str | None, role: str, vote: int | None, found: list[Target]) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if role != "node" and who not in view.nodes:
        return no("Only nodes of the run name a target.")
    if who in view.barred:
        return no("This node is barred: it signed two entries for one place.")
    if not vote:
        return no("No vote is open.")
    if any(who in each.named_by for each in found):
        return no("You have named a target in this vote.")
    return YES if found else no("No copy of the run on this machine tells what could be gone back to.")
