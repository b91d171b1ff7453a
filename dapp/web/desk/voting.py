"""What a verifier does: evaluate, seal, open, withdraw, and keep what opens a ballot somewhere safe."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from dapp import ballots, packages
from dapp.ballots import Decided
from dapp.chain import tasks
from dapp.chain.client import Chain
from dapp.chain.seals import pack_scores
from dapp.signing.book import book
from dapp.stages import settle, vote
from dapp.stages.context import NothingDue, NotSealedHere
from dapp.store import Store
from dapp.web.backend import Backend
from dapp.web.context import SiteOf
from dapp.web.desk.accounts import account_of
from dapp.web.desk.acts import GivenTask, OfficeOf, perform
from dapp.web.desk.evaluations import Evaluation
from dapp.web.desk.office import Office
from dapp.web.desk.recovery import GivenRecovery, RecoveryRefused, about

router = APIRouter(tags=["acts"])
_LOCAL: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/?")
Ppm = Annotated[int, Field(ge=0, le=1_000_000)]


class SigningBook(BaseModel):
    """What the page decodes calls with: dapp/signing/book.py, and the network a wallet may add."""

    chain_id: int
    contracts: list[dict[str, Any]]
    phrases: dict[str, Any]
    network: dict[str, Any]


class GivenEvaluate(GivenTask):
    """Nobody acts: nothing is signed, and what is found is the same for every verifier."""

    account: str = ""


class GivenScores(GivenTask):
    """One score for every model, in order of opening."""

    scores_ppm: Annotated[list[Ppm], Field(max_length=21)]


class GivenOpening(GivenTask):
    """withdraw: take the fee in the same transaction."""

    withdraw: bool = False


class GivenBallot(GivenRecovery):
    """A ballot's recovery file."""

    scores_ppm: Annotated[list[Ppm], Field(max_length=21)]
    salt: Annotated[str, Field(pattern="^0x[0-9a-f]{32}$")]


def network(chain_id: int, rpc: str) -> dict[str, Any]:
    """How a wallet may add this chain. The endpoint is named only where it is this machine's: others may hold
    secrets, and wallets know public chains by themselves.
    """
    is_local = _LOCAL.fullmatch(rpc) is not None
    return {
        "chainId": hex(chain_id),
        "chainName": f"Quorate devnet {chain_id}" if is_local else f"Chain {chain_id}",
        "nativeCurrency": {"name": "Ether", "symbol": "ETH", "decimals": 18},
        "rpcUrls": [rpc] if is_local else [],
    }


@router.get(
    "/signing.json", summary="What pages decode by themselves: ABIs and phrases", response_model=SigningBook
)
def signing(site: SiteOf) -> JSONResponse:
    """The contracts' functions by address, and what each of them means."""
    return JSONResponse({**book(site.chain), "network": network(site.chain.chain_id, site.web.settings.rpc)})


@router.post("/act/vote/evaluate", summary="Evaluate on this machine")
def evaluate(site: SiteOf, office: OfficeOf, given: GivenEvaluate) -> JSONResponse:
    """Begin the evaluation of a task, or go on with it: nothing is signed, nothing leaves this machine."""
    started = _start(site.chain, site.store, office, given.task_id)
    return JSONResponse({"done": {"state": started.state, "version": started.version}})


@router.post("/act/vote/seal", summary="Seal a ballot")
def seal(site: SiteOf, office: OfficeOf, given: GivenScores) -> JSONResponse:
    """Scores and salt are on the disk before the wallet is asked."""
    return perform(
        site,
        office,
        given,
        lambda ctx: {"seal": vote.seal(ctx, given.task_id, given.scores_ppm, instead=True).seal},
        f"quorate vote seal {given.task} --scores {','.join(map(str, given.scores_ppm))}",
    )


@router.post("/act/vote/open", summary="Open a sealed ballot")
def open_ballot(site: SiteOf, office: OfficeOf, given: GivenOpening) -> JSONResponse:
    """As it was sealed; the seal on chain decides which of the kept ballots that is."""
    to = account_of(given.account) if given.withdraw else None
    return perform(
        site,
        office,
        given,
        lambda ctx: {"scores_ppm": vote.open_ballot(ctx, given.task_id, to).scores_ppm},
        f"quorate vote open {given.task}",
    )


@router.post("/act/withdraw", summary="Take what a task owes")
def withdraw(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """In every role of the account; the outcome is written down first, if nobody has."""
    return perform(
        site,
        office,
        given,
        lambda ctx: {"amount_wei": str(settle.withdraw(ctx, given.task_id).amount_wei)},
        f"quorate withdraw {given.task}",
    )


@router.post("/act/vote/secret", summary="What opens an account's ballot")
def secret(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """For the page to encipher: it leaves this machine only as a recovery file."""
    account = account_of(given.account)
    assert account is not None
    with office.journals.known(account) as journal:
        known = () if journal is None else ballots.decided(journal, given.task_id)
    if not known:
        raise NotSealedHere(f"the journal holds no ballot of {account} for task {given.task}")
    seat = tasks.view(site.chain, given.task_id).seat_of(account)
    sealed = None if seat is None else seat.sealed
    board = site.chain.board
    ballot = known[0] if sealed is None else ballots.opening(known, board, given.task_id, account, sealed)
    if ballot is None:
        raise NotSealedHere("no ballot that is kept here opens the one that was sealed")
    secret = {"scores_ppm": list(ballot.scores_ppm), "salt": "0x" + ballot.salt.hex()}
    return JSONResponse(about(board, given, account) | secret)


@router.post("/act/vote/recover", summary="Take in a recovery file")
def recover(site: SiteOf, office: OfficeOf, given: GivenBallot) -> JSONResponse:
    """Refused unless it opens the ballot that was sealed."""
    account, board = account_of(given.account), site.chain.board
    assert account is not None
    ballot = Decided(pack_scores(given.scores_ppm), bytes.fromhex(given.salt[2:]))
    given.check(board)
    seat = tasks.view(site.chain, given.task_id).seat_of(account)
    if seat is None or seat.sealed is None:
        raise RecoveryRefused(f"{account} has sealed no ballot for task {given.task}")
    if ballot.seal(board, given.task_id, account) != seat.sealed:
        raise RecoveryRefused("the file does not open the ballot that this account sealed")
    with office.journals.of(account) as journal:
        ballots.keep(journal, given.task_id, ballot)
    return JSONResponse({"done": {}})


def resume(backend: Backend, office: Office) -> None:
    """Go on with the evaluations that the end of an earlier server cut short."""
    for task in office.evaluations.unfinished():
        _start(backend.chain, backend.store, office, task)


def _start(chain: Chain, store: Store, office: Office, task: bytes) -> Evaluation:
    view = tasks.view(chain, task)
    if view.seed is None:
        raise NothingDue("the drawn shards are not shown yet", fix="Wait until the phase is Vote.")
    return office.evaluations.start(task, view.seed, len(packages.spec(store, view.key.spec).labels))
