"""The verifier's desk of one task: to evaluate, vote on and be paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dapp import packages
from dapp.chain import owed, tasks
from dapp.chain.tasks import TaskView
from dapp.store import StoreError, cid_from_digest
from dapp.web import baselines
from dapp.web.baselines import Baseline
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Account, Id, account_of, id_of
from dapp.web.desk.acts import OfficeOf
from dapp.web.desk.controls import Control, evaluating, opening, sealing, withdrawing
from dapp.web.desk.evaluations import Evaluation
from dapp.web.desk.lists import joining_of, lists_of
from dapp.web.desk.office import Office, office_of, standing
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.errors import QuorateError
from ml.round_rules import measured_ppm
from ml.spec import FUSE, TaskSpec

router = APIRouter(tags=["desk"])
LOOK_S: Final = 0.25  # between two looks at how far an evaluation is
KEEP_ALIVE: Final = 40  # looks


@dataclass(frozen=True)
class ModelToJudge:
    """An opened model, and what its evaluation here has found.

    confusion       a row a label, a column a predicted label, the last for answers that are none
    likelihood_ppm  that its score tells, in a round
    """

    index: int
    contributor: str
    cid: str
    claimed_ppm: int
    struck: bool
    score_ppm: int | None
    likelihood_ppm: int | None
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
    """One task, as a verifier sees it. pool_known: whether it is known here whom the task's pool admits."""

    task: str
    name: str
    account: str | None
    phase: PhaseShown
    phase_ends_at_s: int | None
    seat: int | None
    is_drawn: bool
    pool: str
    pool_known: bool
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
    baselines: list[Baseline]
    evaluation: EvaluationShown
    ballot: str
    ballot_trouble: str
    own_scores_ppm: list[int] | None
    controls: dict[str, Control]


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
    spec = _spec(site, view)
    claims = () if who is None else owed.claims(site.chain, view, who)
    owed_wei = sum(claim.amount_wei for claim in claims if not claim.taken)
    was_paid = any(claim.taken for claim in claims)
    opened = None if seat is None or seat.scores_ppm is None else list(seat.scores_ppm)
    return TaskDeskPage(
        task="0x" + view.task.hex(),
        name=f"Task 0x{view.task.hex()[:8]}…" if spec is None else spec.name,
        account=who,
        phase=PHASES[view.phase],
        phase_ends_at_s=view.ends_at_s(view.phase),
        seat=None if seat is None else seat.seat,
        pool="0x" + view.key.pool.hex(),
        pool_known=lists_of(site).pool(view.key.pool) is not None,
        is_drawn=seat is not None and seat.place is not None,
        committee=view.committee,
        sealed=sum(each.sealed is not None for each in view.drawn_seats),
        opened=sum(each.scores_ppm is not None for each in view.drawn_seats),
        mafr_ppm=view.key.mafr_ppm,
        fee_wei=str(view.key.fee_wei),
        owed_wei=str(owed_wei),
        samples=None if result is None else result["samples"],
        judged_on=None if result is None else result["shards_unusable"],
        labels=[] if spec is None else list(spec.labels),
        models=_models(view, evaluation, spec is not None and spec.kind != FUSE),
        baselines=baselines.of_desk(site, view, spec, evaluation),
        evaluation=_shown(view, evaluation),
        ballot=stands.state.name.lower(),
        ballot_trouble=stands.trouble,
        own_scores_ppm=opened,
        controls={
            "join": joining_of(site, view, who),
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
                yield ServerSentEvent(data={}, event="still")
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


def _models(view: TaskView, evaluation: Evaluation | None, is_round: bool) -> list[ModelToJudge]:
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
                likelihood_ppm=measured_ppm(score_ppm) if is_round and score_ppm is not None else None,
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


def _spec(site: Site, view: TaskView) -> TaskSpec | None:
    """Without it, pages say what can be said without."""
    try:
        return packages.spec(site.store, view.key.spec)
    except (*packages.PEER_FAULTS, StoreError, QuorateError):
        return None
