"""The verifier's desk: what is due for an account, and one task to evaluate, vote on and be paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dapp import packages
from dapp.ballots import BallotState
from dapp.chain import owed, tasks
from dapp.chain.tasks import Seat, TaskView
from dapp.chain.words import Phase
from dapp.index import queries
from dapp.store import StoreError, cid_from_digest
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Account, Id, account_of, id_of
from dapp.web.desk.acts import OfficeOf
from dapp.web.desk.controls import Control, evaluating, opening, sealing, withdrawing
from dapp.web.desk.evaluations import Evaluation
from dapp.web.desk.office import Office, office_of, standing
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.errors import QuorateError

router = APIRouter(tags=["desk"])
LOOKED_AT: Final = 200  # tasks that the list of what is due looks through, the newest first
LOOK_S: Final = 0.25  # between two looks at how far an evaluation is
KEEP_ALIVE: Final = 40  # looks
LIVE: Final = frozenset({Phase.DRAW, Phase.VOTE, Phase.BALLOT, Phase.SETTLED, Phase.LAPSED})


@dataclass(frozen=True)
class Due:
    """One task in the list: what is to be done there, if anything.

    urgency  0: now, and it ends;  1: later;  2: nothing any more
    """

    task: str
    name: str | None
    phase: PhaseShown
    what: str
    urgency: int
    at_s: int | None
    ballot: str


@dataclass(frozen=True)
class DeskPage:
    """What is due for an account."""

    account: str | None
    due: list[Due]


@dataclass(frozen=True)
class ModelToJudge:
    """An opened model, and what its evaluation here has found.

    confusion  a row a label, a column a predicted label, the last for answers that are none
    """

    index: int
    contributor: str
    cid: str
    claimed_ppm: int
    struck: bool
    score_ppm: int | None
    reason: str | None
    reaches_mafr: bool | None
    per_label_ppm: list[int | None]
    confusion: list[list[int]]


@dataclass(frozen=True)
class EvaluationShown:
    """How far the evaluation on this machine is; `state` is none, running, done or failed."""

    state: str
    models_done: int
    models: int
    at_model: int | None
    samples_done: int
    samples: int
    correct: int
    trouble: str
    fix: str
    restarts: int
    version: int


@dataclass(frozen=True)
class TaskDeskPage:
    """One task, as a verifier sees it."""

    task: str
    name: str
    account: str | None
    phase: PhaseShown
    phase_ends_at_s: int | None
    seat: int | None
    is_drawn: bool
    committee: int | None
    sealed: int
    opened: int
    mafr_ppm: int
    fee_wei: str
    owed_wei: str
    samples: int | None
    judged_on: str | None
    labels: list[str]
    models: list[ModelToJudge]
    evaluation: EvaluationShown
    ballot: str
    ballot_trouble: str
    own_scores_ppm: list[int] | None
    controls: dict[str, Control]


@page(router, "/desk", "desk/desk.html", summary="What is due for a verifier")
def desk(site: SiteOf, account: Account = None) -> DeskPage:
    """Tasks that the account has a seat in, the most pressing first."""
    who = account_of(account)
    if who is None:
        return DeskPage(None, [])
    found = []
    for row in queries.tasks(site.index, queries.TaskFilter(LIVE), site.now.at_s, None, LOOKED_AT).rows:
        view = tasks.view(site.chain, id_of(row.task))
        seat = view.seat_of(who)
        if seat is not None:
            found.append(_due(site, view, seat, row.name))
    return DeskPage(who, sorted(found, key=lambda due: (due.urgency, due.at_s or 2**62)))


@page(router, "/desk/{task}", "desk/task.html", summary="One task, as a verifier sees it")
def task_desk(site: SiteOf, office: OfficeOf, task: Id, account: Account = None) -> TaskDeskPage:
    """Evaluation, ballot and fee. The scores of a sealed ballot stand nowhere on it."""
    return shown(site, office, tasks.view(site.chain, id_of(task)), account_of(account))


def shown(site: Site, office: Office, view: TaskView, who: str | None) -> TaskDeskPage:
    """The page's context."""
    evaluation = office.evaluations.of(view.task, view.seed)
    result = evaluation.result if evaluation is not None and evaluation.state == "done" else None
    stands = standing(office.journals, site.chain, view, who)
    seat = None if who is None else view.seat_of(who)
    name, labels = _spec(site, view)
    claims = () if who is None else owed.claims(site.chain, view, who)
    owed_wei = sum(claim.amount_wei for claim in claims if not claim.taken)
    was_paid = any(claim.taken for claim in claims)
    opened = None if seat is None or seat.scores_ppm is None else list(seat.scores_ppm)
    return TaskDeskPage(
        task="0x" + view.task.hex(),
        name=name,
        account=who,
        phase=PHASES[view.phase],
        phase_ends_at_s=view.ends_at_s(view.phase),
        seat=None if seat is None else seat.seat,
        is_drawn=seat is not None and seat.place is not None,
        committee=view.committee,
        sealed=sum(each.sealed is not None for each in view.drawn_seats),
        opened=sum(each.scores_ppm is not None for each in view.drawn_seats),
        mafr_ppm=view.key.mafr_ppm,
        fee_wei=str(view.key.fee_wei),
        owed_wei=str(owed_wei),
        samples=None if result is None else result["samples"],
        judged_on=None if result is None else result["shards_unusable"],
        labels=labels,
        models=_models(view, evaluation),
        evaluation=_shown(view, evaluation),
        ballot=stands.state.name.lower(),
        ballot_trouble=stands.trouble,
        own_scores_ppm=opened,
        controls={
            "evaluate": evaluating(view),
            "seal": sealing(view, who, stands.state, result is not None),
            "open": opening(view, who, stands.state),
            "withdraw": withdrawing(view, who, owed_wei, was_paid),
        },
    )


@router.get("/desk/{task}/progress", response_class=EventSourceResponse, summary="How far an evaluation is")
async def progress(request: Request, task: Id) -> AsyncIterator[ServerSentEvent]:
    """Events `evaluation`: samples done, correct so far; the last one says that it is over."""
    evaluations = office_of(request.app).evaluations
    version, quiet = -1, 0
    while True:
        found = evaluations.known(id_of(task))
        if found is None:
            yield ServerSentEvent(data={"state": "none"}, event="evaluation")
            return
        if found.version == version:
            quiet += 1
            if quiet % KEEP_ALIVE == 0:
                yield ServerSentEvent(comment="still here")
            await asyncio.sleep(
                LOOK_S
            )  # not in a thread: whoever watches must not keep pages from being made
            continue
        version = found.version
        yield ServerSentEvent(data=said(found), event="evaluation", id=str(version))
        if found.state != "running":
            return


def said(evaluation: Evaluation) -> dict[str, Any]:
    """What a page is told while it watches."""
    at = evaluation.progress
    return {
        "state": evaluation.state,
        "models_done": len(evaluation.found),
        "models": evaluation.models,
        "model": None if at is None else at.index,
        "done": 0 if at is None else at.done,
        "of": 0 if at is None else at.of,
        "correct": 0 if at is None else at.correct,
    }


def _due(site: Site, view: TaskView, seat: Seat, name: str | None) -> Due:
    """What is to be done at a task, from the chain alone: whether a ballot can be opened, its desk tells."""
    state = _on_chain(seat)
    ends_at_s = view.ends_at_s(view.phase)
    what, urgency = "Nothing any more", 2
    if view.phase == Phase.DRAW:
        what, urgency = "Wait: the committee is being drawn", 1
    elif seat.place is None and view.phase != Phase.LAPSED:
        what = "Not drawn for this task"
    elif view.phase == Phase.VOTE:
        if state is BallotState.NONE:
            what, urgency = "Evaluate, and seal your ballot", 0
        else:
            what, urgency = "Open your ballot when voting has ended", 1
    elif view.phase == Phase.BALLOT:
        if state is BallotState.SEALED:
            what, urgency = "Open your ballot", 0
        elif state is BallotState.OPENED:
            what, urgency = "Take your fee when the task is over", 1
        else:
            what = "No ballot was sealed in time"
    elif owed.owed(site.chain, view, seat.verifier):
        what, urgency = "Take your fee", 0
    return Due("0x" + view.task.hex(), name, PHASES[view.phase], what, urgency, ends_at_s, state.name.lower())


def _on_chain(seat: Seat) -> BallotState:
    if seat.scores_ppm is not None:
        return BallotState.OPENED
    return BallotState.NONE if seat.sealed is None else BallotState.SEALED


def _models(view: TaskView, evaluation: Evaluation | None) -> list[ModelToJudge]:
    found = {} if evaluation is None else {each.index: each for each in evaluation.found}
    result = None if evaluation is None else evaluation.result
    final = {} if result is None else {each["index"]: each for each in result["scores"]}
    models = []
    for model in view.models:
        about, measured = final.get(model.index), found.get(model.index)
        score_ppm = about["score_ppm"] if about else measured.score_ppm if measured else None
        models.append(
            ModelToJudge(
                index=model.index,
                contributor=model.contributor,
                cid=cid_from_digest(model.manifest, 0),
                claimed_ppm=model.claimed_ppm,
                struck=model.struck,
                score_ppm=score_ppm,
                reason=about["reason"] if about else None,
                reaches_mafr=None if score_ppm is None else score_ppm >= view.key.mafr_ppm,
                per_label_ppm=list(measured.per_label_ppm) if measured else [],
                confusion=[list(row) for row in measured.confusion] if measured else [],
            )
        )
    return models


def _shown(view: TaskView, evaluation: Evaluation | None) -> EvaluationShown:
    if evaluation is None:
        return EvaluationShown("none", 0, len(view.models), None, 0, 0, 0, "", "", 0, 0)
    at, failure = evaluation.progress, evaluation.failure or {}
    return EvaluationShown(
        state=evaluation.state,
        models_done=len(evaluation.found),
        models=evaluation.models or len(view.models),
        at_model=None if at is None else at.index,
        samples_done=0 if at is None else at.done,
        samples=0 if at is None else at.of,
        correct=0 if at is None else at.correct,
        trouble=str(failure.get("message", "")),
        fix=str(failure.get("fix", "")),
        restarts=evaluation.restarts,
        version=evaluation.version,
    )


def _spec(site: Site, view: TaskView) -> tuple[str, list[str]]:
    """The task's name and labels; without its specification, what can be said without."""
    try:
        spec = packages.spec(site.store, view.key.spec)
    except (*packages.PEER_FAULTS, StoreError, QuorateError):
        return f"Task 0x{view.task.hex()[:8]}…", []
    return spec.name, list(spec.labels)
