"""What the desk works with beside the site: journals, evaluations, and who is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from dapp import ballots, own_models
from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.tasks import TaskView
from dapp.chain.words import Submission, SubmissionState
from dapp.journal import Journal
from dapp.openings import SealState
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
    """How an account's ballot or model stands.

    trouble  why the journal cannot be read
    """

    state: SealState
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
    """How an account's ballot stands: the chain's seal, held against the journal's ballots."""
    seat = None if account is None else view.seat_of(account)
    sealed = None if seat is None else seat.sealed

    def opens(journal: Journal) -> bool:
        assert account is not None and sealed is not None
        known = ballots.decided(journal, view.task)
        return ballots.opening(known, chain.board, view.task, account, sealed) is not None

    return _standing(
        journals,
        account,
        is_opened=seat is not None and seat.scores_ppm is not None,
        is_sealed=sealed is not None,
        knows=lambda journal: bool(ballots.decided(journal, view.task)),
        opens=opens,
    )


def model_standing(journals: Journals, chain: Chain, view: TaskView, account: str | None) -> Standing:
    """How an account's model stands: the chain's seal, held against the journal's models."""
    if account is None:
        return Standing(SealState.NONE)
    stored = Submission.unpack(chain.read(chain.quorate.call("submissionOf", view.task, account))[0])

    def opens(journal: Journal) -> bool:
        known = own_models.decided(journal, view.task)
        return own_models.opening(known, journal, chain.board, view.task, account, stored) is not None

    return _standing(
        journals,
        account,
        is_opened=view.model_of(account) is not None,
        is_sealed=stored.state != SubmissionState.NONE,
        knows=lambda journal: bool(own_models.decided(journal, view.task)),
        opens=opens,
    )


def _standing(
    journals: Journals,
    account: str | None,
    *,
    is_opened: bool,
    is_sealed: bool,
    knows: Callable[[Journal], bool],
    opens: Callable[[Journal], bool],
) -> Standing:
    """What the chain shows, and what the journal has for it."""
    if account is None:
        return Standing(SealState.NONE)
    if is_opened:
        return Standing(SealState.OPENED)
    try:
        with journals.known(account) as journal:
            if is_sealed:
                is_here = journal is not None and opens(journal)
                return Standing(SealState.SEALED if is_here else SealState.MISMATCH)
            is_decided = journal is not None and knows(journal)
            return Standing(SealState.DECIDED if is_decided else SealState.NONE)
    except (QuorateError, ValueError, KeyError, TypeError) as error:
        trouble = error.message if isinstance(error, QuorateError) else str(error)
        return Standing(SealState.UNREADABLE, trouble)
