"""What the desk works with beside the site: journals, evaluations, and who is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from dapp import ballots
from dapp.ballots import BallotState, Decided
from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.tasks import TaskView
from dapp.journal import Journal
from dapp.stages.context import Context
from dapp.store import Store
from dapp.web.backend import Backend
from dapp.web.desk.evaluations import Evaluations
from dapp.web.desk.journals import Journals
from dapp.web.desk.wallet_chain import WalletChain
from dapp.web.settings import WebSettings
from ml.errors import QuorateError


@dataclass(frozen=True)
class Office:
    """One for each server."""

    journals: Journals
    evaluations: Evaluations

    @contextmanager
    def acting(self, chain: Chain, store: Store, account: str) -> Iterator[Context]:
        """A context in which stages act for `account`, up to what its wallet has to sign."""
        with self.journals.of(account) as journal:
            yield Context(WalletChain(chain, account, journal), store, journal, ChainClock(chain.rpc))


@dataclass(frozen=True)
class Standing:
    """How an account's ballot stands.

    trouble  why the journal cannot be read
    """

    state: BallotState
    trouble: str = ""


def office_of(app: FastAPI) -> Office:
    """The server's, made when it is first asked for."""
    if not hasattr(app.state, "office"):
        backend: Backend = app.state.backend
        web: WebSettings = app.state.web
        settings, rpc = web.settings, backend.chain.rpc
        folder = (
            settings.data_dir
            / "evaluations"
            / f"{rpc.chain_id}-{backend.chain.quorate.address[2:10].lower()}"
        )
        app.state.office = Office(
            Journals(settings.data_dir, rpc),
            Evaluations(folder, settings.rpc, rpc.chain_id, settings.deployments, settings.store_url),
        )
    office: Office = app.state.office
    return office


def standing(journals: Journals, chain: Chain, view: TaskView, account: str | None) -> Standing:
    """The chain's seal, held against the journal's ballots."""
    if account is None:
        return Standing(BallotState.NONE)
    seat = view.seat_of(account)
    if seat is not None and seat.scores_ppm is not None:
        return Standing(BallotState.OPENED)
    try:
        with journals.known(account) as journal:
            known = _decided(journal, view.task)
    except (QuorateError, ValueError, KeyError, TypeError) as error:
        return Standing(
            BallotState.UNREADABLE, error.message if isinstance(error, QuorateError) else str(error)
        )
    if seat is None or seat.sealed is None:
        return Standing(BallotState.DECIDED if known else BallotState.NONE)
    opens = ballots.opening(known, chain.board, view.task, account, seat.sealed)
    return Standing(BallotState.SEALED if opens else BallotState.MISMATCH)


def _decided(journal: Journal | None, task: bytes) -> tuple[Decided, ...]:
    return () if journal is None else ballots.decided(journal, task)
