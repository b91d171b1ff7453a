"""A task: where it stands, who did what, models, votes, money, and every event of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from sqlalchemy import select

from dapp.chain import tasks
from dapp.chain.events import TaskEvent, in_order, of_type
from dapp.chain.seals import is_majority
from dapp.chain.tasks import ModelView, Seat, TaskView
from dapp.chain.words import Phase
from dapp.index.index import history
from dapp.index.tables import Payout, Round, Spec
from dapp.packages import PEER_FAULTS, document
from dapp.store import StoreError, cid_from_digest
from dapp.web import baselines, charts
from dapp.web.baselines import Baseline
from dapp.web.context import Site, SiteOf
from dapp.web.happened import Happened, happened
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.round_rules import measured_ppm
from ml.spec import TaskSpec

router = APIRouter(tags=["tasks"])
ID: Final = r"^0x[0-9a-f]{64}$"
TaskId = Annotated[str, Path(pattern=ID)]
MAX_SEATS: Final = 300
LINE: Final = (Phase.NOTICE, Phase.SUBMIT, Phase.OPEN, Phase.DRAW, Phase.VOTE, Phase.BALLOT)


@dataclass(frozen=True)
class Window:
    """A phase on the time line. state: done, current or to come."""

    phase: PhaseShown
    ends_at_s: int | None
    state: str


@dataclass(frozen=True)
class SpecShown:
    """What the specification says; a stranger wrote it, its digest stands on chain."""

    name: str
    kind: str
    dataset: str
    scenario: int
    rule: str
    fusion: str
    metric: str
    labels: list[str]
    development: str
    development_bytes: int


@dataclass(frozen=True)
class ModelShown:
    """An opened model. score_ppm and beyond_ppm (over MAFR) are None until ballots are opened.

    likelihood_ppm  that its score tells, in a round
    """

    place: int
    contributor: str
    claimed_ppm: int
    score_ppm: int | None
    beyond_ppm: int | None
    likelihood_ppm: int | None
    votes_for: int
    ballots: int
    verdict: str
    labels: str | None
    weights_cid: str
    manifest_cid: str
    size_bytes: int
    paid_wei: str


@dataclass(frozen=True)
class SeatShown:
    """A committee member. state: awaited while ballots can be sealed, then silent; or sealed, then opened or
    unopened. Of a sealed ballot there is the seal, and nothing else.
    """

    seat: int
    verifier: str
    state: str
    seal: str | None
    in_batch: bool
    scores_ppm: list[int] | None
    contributes: bool
    paid_wei: str


@dataclass(frozen=True)
class PayoutShown:
    """Money that left the task."""

    payee: str
    to: str
    amount_wei: str
    state: str


@dataclass(frozen=True)
class RoundShown:
    """The lineage that a task is a round of."""

    lineage: str
    kind: str
    head: int


@dataclass(frozen=True)
class TaskPage:
    """Everything about a task; amounts of wei are decimal text."""

    task: str
    name: str | None
    phase: PhaseShown
    ends_at_s: int | None
    line: list[Window]
    initiator: str
    pool: str
    listed: bool
    spec_cid: str
    spec: SpecShown | None
    spec_missing: str | None
    mafr_ppm: int
    reward_wei: str
    fee_wei: str
    bond_wei: str
    pot_wei: str
    paid_wei: str
    cap: int
    models: list[ModelShown]
    sealed: list[str]
    committee: int
    pool_size: int | None
    draw_block: int | None
    seed: str | None
    shards: list[str]
    shards_drawn: int
    shard_count: int
    seats: list[SeatShown]
    seats_left_out: int
    sealed_ballots: int
    opened_ballots: int
    payouts: list[PayoutShown]
    round: RoundShown | None
    baselines: list[Baseline]
    events: list[Happened]
    fuse: str | None


def _shown(site: Site, task: str) -> TaskPage:
    key = bytes.fromhex(task[2:])
    kept = of_type(history(site.index, "Quorate", task), TaskEvent)
    view = tasks.view_of(site.chain, key, lambda: kept)
    spec, missing = _spec(site, view)
    payouts = _payouts(site, task)
    paid: dict[str, int] = {}
    for payout in payouts:
        if payout.state != "refused":
            paid[payout.payee] = paid.get(payout.payee, 0) + int(payout.amount_wei)
    drawn, round_ = view.drawn_seats, _round(site, task)
    said = in_order([*kept, *history(site.index, "Lineage", topic1=task), *_round_events(site, task)])
    over = view.phase in (Phase.SETTLED, Phase.LAPSED)
    return TaskPage(
        task=task,
        name=spec.name if spec else None,
        phase=PHASES[view.phase],
        ends_at_s=view.ends_at_s(view.phase),
        line=_line(view),
        initiator=view.key.initiator,
        pool="0x" + view.key.pool.hex(),
        listed=any(view.key.contributors),
        spec_cid=cid_from_digest(view.key.spec, 0),
        spec=spec,
        spec_missing=missing,
        mafr_ppm=view.key.mafr_ppm,
        reward_wei=str(view.key.reward_wei),
        fee_wei=str(view.key.fee_wei),
        bond_wei=str(view.key.bond_wei),
        pot_wei=str(view.key.pot_wei),
        paid_wei=str(sum(paid.values())),
        cap=view.key.cap,
        models=[
            _model(site, view, model, paid.get(model.contributor, 0), round_ is not None)
            for model in view.models
        ],
        sealed=[who for who in view.sealed if view.model_of(who) is None],
        committee=view.committee if view.committee is not None else view.key.committee,
        pool_size=len(view.seats) or None,
        draw_block=view.draw_block,
        seed=None if view.seed is None else str(view.seed),
        shards=[cid_from_digest(shard.digest, 0) for shard in view.shards],
        shards_drawn=view.key.shards_drawn,
        shard_count=view.key.shard_count,
        seats=[_seat(view, seat, paid.get(seat.verifier, 0)) for seat in drawn[:MAX_SEATS]],
        seats_left_out=max(0, len(drawn) - MAX_SEATS),
        sealed_ballots=sum(seat.sealed is not None for seat in drawn),
        opened_ballots=sum(seat.scores_ppm is not None for seat in drawn),
        payouts=payouts,
        round=round_,
        baselines=baselines.of_task(site, view),
        events=happened(site.index, said),
        fuse=f"quorate fuse {task}" if over and view.accepted else None,
    )


def _line(view: TaskView) -> list[Window]:
    ends = dict(view.windows_s)
    shown = []
    for phase in LINE:
        if view.phase is Phase.CANCELLED:
            state = "to come"
        elif view.phase is phase:
            state = "current"
        else:
            state = (
                "done" if phase < min(view.phase, Phase.SETTLED) or view.phase is Phase.SETTLED else "to come"
            )
        if view.phase in (Phase.EMPTY, Phase.LAPSED):
            last = Phase.OPEN if view.phase is Phase.EMPTY else Phase.DRAW
            state = "done" if phase <= last else "to come"
        shown.append(Window(PHASES[phase], ends.get(phase), state))
    over = "current" if view.phase.is_over else "to come"
    return [*shown, Window(PHASES[view.phase if view.phase.is_over else Phase.SETTLED], None, over)]


def _model(site: Site, view: TaskView, model: ModelView, paid_wei: int, is_round: bool) -> ModelShown:
    opened = len(model.scores_ppm)
    learned = site.index.get(Spec, "0x" + model.manifest.hex())
    return ModelShown(
        place=model.index,
        contributor=model.contributor,
        claimed_ppm=model.claimed_ppm,
        score_ppm=model.score_ppm if opened else None,
        beyond_ppm=model.score_ppm - view.key.mafr_ppm if opened else None,
        likelihood_ppm=measured_ppm(model.score_ppm) if opened and is_round else None,
        votes_for=model.votes_for,
        ballots=opened,
        verdict=_verdict(view, model),
        labels=learned.dataset if learned is not None and learned.known else None,
        weights_cid=cid_from_digest(model.weights, model.size_bytes),
        manifest_cid=cid_from_digest(model.manifest, 0),
        size_bytes=model.size_bytes,
        paid_wei=str(paid_wei),
    )


def _verdict(view: TaskView, model: ModelView) -> str:
    if model.struck:
        return "struck"
    if view.committee is None or (not model.scores_ppm and not view.phase.is_over):
        return "pending"
    good = is_majority(model.votes_for, view.committee)
    if view.phase is Phase.SETTLED:
        return "accepted" if good else "rejected"
    return "leading" if good else "pending"


def _ballot_state(view: TaskView, seat: Seat) -> str:
    if seat.scores_ppm is not None:
        return "opened"
    if seat.sealed is not None:
        return "unopened" if view.phase.is_over else "sealed"
    return "awaited" if view.phase is Phase.VOTE else "silent"


def _seat(view: TaskView, seat: Seat, paid_wei: int) -> SeatShown:
    return SeatShown(
        seat=seat.seat,
        verifier=seat.verifier,
        state=_ballot_state(view, seat),
        seal=None if seat.sealed is None else "0x" + seat.sealed.hex(),
        in_batch=seat.in_batch,
        scores_ppm=None if seat.scores_ppm is None else list(seat.scores_ppm),
        contributes=view.model_of(seat.verifier) is not None,
        paid_wei=str(paid_wei),
    )


def _spec(site: Site, view: TaskView) -> tuple[SpecShown | None, str | None]:
    """The specification, where it is known that the store can give it; else why not."""
    learned = site.index.get(Spec, "0x" + view.key.spec.hex())
    if learned is None or not learned.known:
        return None, "The store does not hold this specification, or it is none."
    try:
        spec = TaskSpec.from_bytes(document(site.store, view.key.spec))
    except (*PEER_FAULTS, StoreError) as error:
        return None, error.message
    return SpecShown(
        spec.name, spec.kind, spec.dataset, spec.scenario, spec.rule, spec.fusion, spec.metric,
        list(spec.labels), spec.development.train.cid, spec.development.train.bytes,
    ), None  # fmt: skip


def _payouts(site: Site, task: str) -> list[PayoutShown]:
    found = site.index.scalars(
        select(Payout).where(Payout.task == task).order_by(Payout.block, Payout.position)
    )
    return [PayoutShown(row.payee, row.to, str(row.amount_wei), row.state) for row in found]


def _round(site: Site, task: str) -> RoundShown | None:
    row = site.index.scalar(select(Round).where(Round.task == task))
    if row is None:
        return None
    return RoundShown(row.lineage, {1: "improve", 2: "extend"}.get(row.kind, "none"), row.head)


def _chart(site: Site, shown: TaskPage) -> dict[str, Any]:
    """What each model reaches, in order of opening, with the baselines as lines to hold it against."""
    what = "likelihood" if shown.round else "score"
    reached = [
        (model, float(model.place), ppm / 10_000)
        for model in shown.models
        if (ppm := model.likelihood_ppm if shown.round else model.score_ppm) is not None
    ]
    bars = [] if shown.round else [("MAFR", shown.mafr_ppm / 10_000)]
    bars += [(each.name, each.score_ppm / 10_000) for each in shown.baselines if each.score_ppm is not None]
    if not reached:
        return {"chart": None, "legend": [], "dots": []}
    x = charts.Axis.of_places([place for _, place, _ in reached])
    y = charts.Axis.over([*(value for _, _, value in reached), *(value for _, value in bars)], " %")
    styles = [f"c{(6, 2, 3, 4)[at % 4]} dashed" for at in range(len(bars))]
    lines = [
        charts.Line(((x.low, value), (x.high, value)), style)
        for (_, value), style in zip(bars, styles, strict=True)
    ]
    marks = [
        charts.Mark(
            (place, value),
            _dot(model),
            f"model {model.place}: {value:.2f} %, {model.verdict}",
            f"#model-{model.place}",
        )
        for model, place, value in reached
    ]
    title = f"{what} of each model, beside {', '.join(name for name, _ in bars)}"
    legend = [(name, style) for (name, _), style in zip(bars, styles, strict=True)]
    verdicts: dict[str, dict[str, None]] = {}
    for model, _, _ in reached:
        verdicts.setdefault(_dot(model), {})[model.verdict] = None
    dots = [(" or ".join(said), dot) for dot, said in verdicts.items()]
    return {"chart": charts.draw(title, x, y, lines, marks), "legend": legend, "dots": dots}


def _dot(model: ModelShown) -> str:
    return "f3" if model.verdict in ("accepted", "leading") else "dot-out"


@page(router, "/tasks/{task}", "task.html", summary="One task", extra=_chart)
def task(site: SiteOf, task: TaskId) -> TaskPage:
    """A task as it stands: the index's logs, held against the words that the contract stores."""
    return _shown(site, task)


def _round_events(site: Site, task: str) -> list[TaskEvent]:
    """What the lineages' contract said of this task: its events name the lineage first."""
    return list(history(site.index, "Lineage", topic2=task))  # type: ignore[arg-type]
