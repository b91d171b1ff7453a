"""A contributor's desk at one task: what it asks for, and how the account's model stands."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from dapp import packages
from dapp.chain import owed, tasks
from dapp.chain.account_list import ANYONE
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.openings import SealState
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Account, Id, account_of, id_of
from dapp.web.desk.acts import OfficeOf
from dapp.web.desk.controls import YES, Control, no, withdrawing
from dapp.web.desk.lists import contributing, lists_of
from dapp.web.desk.office import model_standing
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.errors import QuorateError
from ml.spec import TaskSpec

router = APIRouter(tags=["desk"])


@dataclass(frozen=True)
class ContributePage:
    """One task, as a contributor sees it.

    model  none, decided (kept here, not on chain), sealed, opened, mismatch (sealed, and nothing here opens
           it) or unreadable (the journal)
    list_root   of the list of contributors; None where anyone may
    list_known  whether that list is on this machine
    """

    task: str
    name: str
    account: str | None
    phase: PhaseShown
    phase_ends_at_s: int | None
    mafr_ppm: int
    reward_wei: str
    models: int
    cap: int
    labels: list[str]
    input_shape: list[int]
    prescribed: bool
    list_root: str | None
    list_known: bool
    model: str
    score_ppm: int | None
    accepted: bool
    owed_wei: str
    trouble: str
    controls: dict[str, Control]


@page(router, "/contribute/{task}", "desk/contribute.html", summary="One task, as a contributor sees it")
def contribute(site: SiteOf, office: OfficeOf, task: Id, account: Account = None) -> ContributePage:
    """What the task asks for, and how the account's model stands."""
    who, view = account_of(account), tasks.view(site.chain, id_of(task))
    spec, trouble = _spec(site, view)
    stands = model_standing(office.journals, site.chain, view, who)
    state, root = stands.state, view.key.contributors
    listed = None if who is None else contributing(site, view, who)
    mine = None if who is None else view.model_of(who)
    claims = () if who is None else owed.claims(site.chain, view, who)
    owed_wei = sum(claim.amount_wei for claim in claims if not claim.taken)
    return ContributePage(
        task="0x" + view.task.hex(),
        name=f"Task 0x{view.task.hex()[:8]}…" if spec is None else spec.name,
        account=who,
        phase=PHASES[view.phase],
        phase_ends_at_s=view.ends_at_s(view.phase),
        mafr_ppm=view.key.mafr_ppm,
        reward_wei=str(view.key.reward_wei),
        models=len(view.models),
        cap=view.key.cap,
        labels=[] if spec is None else list(spec.labels),
        input_shape=[] if spec is None else list(spec.input_shape),
        prescribed=spec is not None and spec.architecture is not None,
        list_root="0x" + root.hex() if root != ANYONE else None,
        list_known=lists_of(site).get(root) is not None,
        model=state.name.lower(),
        score_ppm=None if mine is None or not mine.scores_ppm else mine.score_ppm,
        accepted=mine is not None and mine in view.accepted,
        owed_wei=str(owed_wei),
        trouble=trouble or stands.trouble,
        controls={
            "model-check": YES if spec is not None else no("The task's specification cannot be read."),
            "model-seal": _sealing(view, who, state, listed),
            "model-open": _opening(view, who, state, listed),
            "model-withdraw": withdrawing(view, who, owed_wei, any(claim.taken for claim in claims)),
        },
    )


def _spec(site: Site, view: TaskView) -> tuple[TaskSpec | None, str]:
    try:
        return packages.spec(site.store, view.key.spec), ""
    except QuorateError as error:
        return None, error.message


def _sealing(view: TaskView, who: str | None, state: SealState, listed: Control | None) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if who == view.key.initiator:
        return no("You opened this task, and nobody contributes to its own task.")
    if state in (SealState.SEALED, SealState.MISMATCH):
        return no("Your model is sealed. One model per account: it cannot be replaced.")
    if state == SealState.OPENED:
        return no("Your model is opened.")
    if state == SealState.UNREADABLE:
        return no("Your journal cannot be read, and a salt that is not kept safe would be a lost model.")
    if view.phase < Phase.SUBMIT:
        return no("Submissions have not begun.", view.ends_at_s(Phase.NOTICE))
    if view.phase != Phase.SUBMIT:
        return no("Submissions have ended.")
    return listed or YES


def _opening(view: TaskView, who: str | None, state: SealState, listed: Control | None) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if state == SealState.OPENED:
        return no("Your model is opened.")
    if state == SealState.UNREADABLE:
        return no("Your journal cannot be read.")
    if state == SealState.MISMATCH:
        return no("Nothing on this machine opens your sealed model: import its recovery file.")
    if state != SealState.SEALED:
        return no("You have sealed no model." if view.phase > Phase.SUBMIT else "Seal a model first.")
    if view.phase == Phase.SUBMIT:
        return no("Models are opened when submissions have ended, so that nobody can copy one.",
                  view.ends_at_s(Phase.SUBMIT))  # fmt: skip
    if view.phase != Phase.OPEN:
        return no("The time for opening models is over.")
    if len(view.models) >= view.key.cap:
        return no("All places were taken before your model was opened.")
    return listed or YES
