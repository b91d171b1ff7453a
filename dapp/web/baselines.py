"""What the models of a task are compared with, beside MAFR: the model that there is without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from dapp import fused_here
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.index.tables import Head, Round
from dapp.web.context import Site
from ml.spec import FUSE, TaskSpec

if TYPE_CHECKING:
    from dapp.web.desk.evaluations import Evaluation

LIKELIHOOD: Final = (
    "a likelihood: a ballot's score is half of a model's, plus 50 % where the verifier would take the model"
)


@dataclass(frozen=True)
class Baseline:
    """A row of tables, a line of charts. score_ppm: None where nobody here knows it.

    tells  what it is and on which samples; else why it is not known
    """

    name: str
    score_ppm: int | None
    tells: str


def of_task(site: Site, view: TaskView) -> list[Baseline]:
    """As chain and this machine know them: a round's head; else the fused model, once there is one."""
    task = "0x" + view.task.hex()
    head = of_round(site, task)
    if head is not None:
        return [head]
    if view.phase != Phase.SETTLED:
        return [Baseline("Fused model", None, "not known before the vote is over")]
    if not view.accepted:
        return [Baseline("Fused model", None, "there is none: no model was accepted")]
    made = fused_here.kept(site.web.settings.data_dir, site.chain, view)
    if not made:
        tells = f"it stands on no chain, and was not made on this machine: `quorate fuse {task}`"
        return [Baseline("Fused model", None, tells)]
    count = len(view.accepted)
    return [
        Baseline(
            f"Fused model, {each.rule.replace('_', ' ')}",
            each.score_ppm,
            f"all {count} accepted as one, on the public development test data",
        )
        for each in made
    ]


def of_round(site: Site, task: str) -> Baseline | None:
    """The head that a round starts from, as it was recorded; None for a task that is no round."""
    row = site.index.scalar(select(Round).where(Round.task == task))
    if row is None:
        return None
    head = site.index.scalar(select(Head).where(Head.lineage == row.lineage, Head.number == row.head))
    score_ppm = None if head is None else head.score_ppm
    tells = f"the model there is, as claimed and accepted; {LIKELIHOOD}"
    return Baseline(f"Head {row.head}", score_ppm, tells)


def of_desk(
    site: Site, view: TaskView, spec: TaskSpec | None, evaluation: Evaluation | None
) -> list[Baseline]:
    """As this machine's evaluation measured them, where it did; else as `of_task`."""
    result = None if evaluation is None else evaluation.result
    if result is not None and result.get("head") is not None:
        return [_head(result["head"])]
    if spec is None or spec.kind != FUSE or view.phase.is_over:
        return of_task(site, view)
    if spec.rule != "fused":
        tells = "not known before the vote is over: this task's rule scores each model alone"
        return [Baseline("Fused model", None, tells)]
    reached = [
        each
        for each in (() if evaluation is None else evaluation.found)
        if each.fused_ppm is not None and each.score_ppm >= view.key.mafr_ppm
    ]
    if not reached:
        what = "not evaluated yet" if result is None else "there is none: no model reaches MAFR here"
        return [Baseline("Fused model so far", None, what)]
    last = max(reached, key=lambda each: each.index)
    tells = f"the {len(reached)} that reach MAFR as one, on the drawn shards, here"
    return [Baseline("Fused model so far", last.fused_ppm, tells)]


def _head(found: Mapping[str, Any]) -> Baseline:
    recorded = f"{found['recorded_ppm'] / 10_000:.2f} %"
    tells = f"the model there is, on the drawn shards, here; recorded with {recorded}; {LIKELIHOOD}"
    return Baseline(f"Head {found['number']}", found["measured_ppm"], tells)
