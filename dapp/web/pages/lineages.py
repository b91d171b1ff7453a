"""Lineages: their heads, classes and teachers, and what changed from head to head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import func, select

from dapp.chain.events import LineageEvent, of_type
from dapp.chain.lineage import Kind
from dapp.index.index import history
from dapp.index.tables import Fall, Head, Lineage, Round, Spec
from dapp.lineage import heads
from dapp.store import StoreError, cid_from_digest
from dapp.web import charts
from dapp.web.context import Site, SiteOf
from dapp.web.differences import Compared, compared
from dapp.web.errors import PageMissing
from dapp.web.happened import Happened, happened
from dapp.web.pages.task import ID
from dapp.web.render import page
from dapp.web.turnstile import FETCH, WORK, TooBusy
from ml.errors import QuorateError
from ml.weights import parse, tensors

router = APIRouter(tags=["lineages"])
LineageId = Annotated[str, Path(pattern=ID)]
PAGE = 50


@dataclass(frozen=True)
class LineageLine:
    """A lineage in the list, with its present head."""

    lineage: str
    name: str | None
    dataset: str | None
    initiator: str
    head: int
    score_ppm: int
    classes: int
    rounds: int
    rounds_max: int
    prize_wei: str
    started_at_s: int
    changed_at_s: int


@dataclass(frozen=True)
class LineagesPage:
    """The lineages, newest first. next: what `after` is on the next page."""

    lineages: list[LineageLine]
    known: int
    next: int | None


@dataclass(frozen=True)
class HeadShown:
    """A head. state: present, past or fallen."""

    number: int
    state: str
    parent: int
    task: str | None
    score_ppm: int
    classes: int
    tensor_count: int
    contributors: list[str]
    challenge_ends_at_s: int
    at_s: int


@dataclass(frozen=True)
class ClassShown:
    """A class of the present head, and who taught it."""

    index: int
    name: str
    teacher: str
    head: int
    label_spec: str


@dataclass(frozen=True)
class RoundShown:
    """A round: a task of its own."""

    task: str
    kind: str
    head: int


@dataclass(frozen=True)
class LineagePage:
    """A lineage; amounts of wei are decimal text."""

    lineage: str
    name: str | None
    dataset: str | None
    labels: list[str]
    spec_cid: str
    initiator: str
    ended: bool
    round_open: bool
    head: int
    score_ppm: int
    threshold_ppm: int
    next_kind: str
    pot_wei: str
    prize_wei: str
    rounds: list[RoundShown]
    rounds_max: int
    idle: int
    idle_max: int
    challenge_s: int
    growable: bool
    heads: list[HeadShown]
    classes: list[ClassShown]
    teachers: dict[str, list[str]]
    events: list[Happened]


@dataclass(frozen=True)
class HeadDiffPage:
    """Two heads of a lineage. Roots are those on chain: the leaves below lead to them."""

    lineage: str
    name: str | None
    a: int
    b: int
    root_a: str | None
    root_b: str | None
    found: Compared | None
    trouble: str | None


@page(router, "/lineages", "lineages.html", summary="Lineages")
def lineages(site: SiteOf, after: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> LineagesPage:
    """Models that learn for life, newest first."""
    query = select(Lineage, Spec).outerjoin(Spec, Spec.digest == Lineage.spec).order_by(Lineage.number.desc())
    if after is not None:
        query = query.where(Lineage.number < after)
    found = site.index.execute(query.limit(PAGE + 1)).all()
    lines = [_line(site, row, spec) for row, spec in found[:PAGE]]
    known = site.index.scalar(select(func.count()).select_from(Lineage)) or 0
    return LineagesPage(lines, known, found[PAGE - 1][0].number if len(found) > PAGE else None)


def _line(site: Site, row: Lineage, spec: Spec | None) -> LineageLine:
    head = _present(site, row.lineage)
    rounds = site.index.scalar(select(func.count()).where(Round.lineage == row.lineage)) or 0
    known = spec if spec is not None and spec.known else None
    return LineageLine(
        lineage=row.lineage,
        name=known.name if known else None,
        dataset=known.dataset if known else None,
        initiator=row.initiator,
        head=head.number,
        score_ppm=head.score_ppm,
        classes=head.classes,
        rounds=rounds,
        rounds_max=row.rounds_max,
        prize_wei=str(row.prize_wei),
        started_at_s=row.started_at_s,
        changed_at_s=head.at_s,
    )


def _present(site: Site, lineage: str) -> Head:
    """The head that the last event left: the newest made, or where a fall led back to."""
    made = site.index.scalars(select(Head).where(Head.lineage == lineage)).all()
    falls = site.index.scalars(select(Fall).where(Fall.lineage == lineage)).all()
    by_number = {head.number: head for head in made}
    newest = max(made, key=lambda head: (head.block, head.position))
    fallen = max(falls, key=lambda fall: (fall.block, fall.position), default=None)
    if fallen is None or (fallen.block, fallen.position) < (newest.block, newest.position):
        return newest
    return by_number[fallen.back_to]


def _curve(site: Site, shown: LineagePage) -> dict[str, Any]:
    """Accuracy of the heads in order, with the threshold as a line to hold them against."""
    points = tuple(
        (float(head.number), head.score_ppm / 10_000) for head in shown.heads if head.state != "fallen"
    )
    if len(points) < 2:
        return {"curve": None}
    x = charts.Axis.of_places([float(head.number) for head in shown.heads])
    bar = shown.threshold_ppm / 10_000
    y = charts.Axis.over([*(point[1] for point in points), bar], " %")
    lines = [charts.Line(points, "c1"), charts.Line(((x.low, bar), (x.high, bar)), "c6 dashed")]
    marks = [
        charts.Mark(
            (float(head.number), head.score_ppm / 10_000),
            "f3" if head.state != "fallen" else "dot-out",
            f"head {head.number}: {head.score_ppm / 10_000:.2f} %, {head.classes} classes",
        )
        for head in shown.heads
    ]
    return {"curve": charts.draw("score of each head, and the threshold", x, y, lines, marks)}


@page(router, "/lineages/{lineage}", "lineage.html", summary="One lineage", extra=_curve)
def lineage(site: SiteOf, lineage: LineageId) -> LineagePage:
    """A lineage as it stands: the index's logs, held against what the contract stores."""
    row = site.index.scalar(select(Lineage).where(Lineage.lineage == lineage))
    if row is None:
        raise PageMissing(f"there is no lineage {lineage} here")
    known = _known(site, lineage)
    view, terms = known.view, known.terms
    spec, missing = None, site.index.get(Spec, row.spec)
    if missing is not None and missing.known:
        try:
            spec = heads.spec_of(site.store, terms)
        except (QuorateError, StoreError):
            spec = None
    fallen = {each.head for each in site.index.scalars(select(Fall).where(Fall.lineage == lineage))}
    made = site.index.scalars(select(Head).where(Head.lineage == lineage).order_by(Head.number)).all()
    rounds = site.index.scalars(select(Round).where(Round.lineage == lineage).order_by(Round.block)).all()
    classes = [
        ClassShown(c.index, c.name, c.teacher, c.head, "0x" + c.label_spec.hex()) for c in known.classes
    ]
    teachers: dict[str, list[str]] = {}
    for each in classes:
        teachers.setdefault(each.teacher, []).append(each.name)
    improves = view.head.score_ppm < terms.threshold_ppm and view.idle < terms.idle_max
    return LineagePage(
        lineage=lineage,
        name=spec.name if spec else None,
        dataset=spec.dataset if spec else None,
        labels=list(spec.labels) if spec else [],
        spec_cid=cid_from_digest(terms.spec, 0),
        initiator=terms.initiator,
        ended=view.ended,
        round_open=view.open,
        head=view.number,
        score_ppm=view.head.score_ppm,
        threshold_ppm=terms.threshold_ppm,
        next_kind="improve" if improves else "extend",
        pot_wei=str(view.pot_wei),
        prize_wei=str(terms.prize_wei),
        rounds=[RoundShown(r.task, Kind(r.kind).name.lower(), r.head) for r in rounds],
        rounds_max=terms.rounds_max,
        idle=view.idle,
        idle_max=terms.idle_max,
        challenge_s=terms.challenge_s,
        growable=terms.growable,
        heads=[_head(head, view.number, head.number in fallen) for head in made],
        classes=classes,
        teachers=teachers,
        events=happened(site.index, known.history),
    )


@page(router, "/lineages/{lineage}/diff", "head_diff.html", summary="Two heads, tensor by tensor")
def head_diff(
    site: SiteOf, lineage: LineageId, a: Annotated[int, Query(ge=0)], b: Annotated[int, Query(ge=0)]
) -> HeadDiffPage:
    """Every tensor of head `a` and head `b`, each head checked leaf by leaf against its root on chain."""
    row = site.index.scalar(select(Lineage).where(Lineage.lineage == lineage))
    if row is None:
        raise PageMissing(f"there is no lineage {lineage} here")
    known = _known(site, lineage)
    if max(a, b) >= known.view.heads:
        raise PageMissing(f"this lineage has no heads {a} and {b}")
    spec = site.index.get(Spec, row.spec)
    name = spec.name if spec is not None and spec.known else None
    try:
        with FETCH.turn():
            before, after = (heads.fetch(site.chain, site.store, known, number) for number in (a, b))
    except TooBusy:
        raise
    except (QuorateError, StoreError) as error:
        return HeadDiffPage(lineage, name, a, b, None, None, None, error.message)
    with WORK.turn():
        leaves = zip((entry.name for entry in parse(after.data)), after.leaves, strict=True)
        found = compared(tensors(before.data), tensors(after.data), dict(leaves))
    roots = ["0x" + head.head.tensors.hex() for head in (before, after)]
    return HeadDiffPage(lineage, name, a, b, roots[0], roots[1], found, None)


def _known(site: Site, lineage: str) -> heads.Known:
    said = of_type(history(site.index, "Lineage", lineage), LineageEvent)
    return heads.known_of(site.chain, bytes.fromhex(lineage[2:]), lambda: said)


def _head(head: Head, present: int, fallen: bool) -> HeadShown:
    state = "fallen" if fallen else "present" if head.number == present else "past"
    return HeadShown(
        number=head.number,
        state=state,
        parent=head.parent,
        task=head.task,
        score_ppm=head.score_ppm,
        classes=head.classes,
        tensor_count=head.tensor_count,
        contributors=head.contributors.split(),
        challenge_ends_at_s=head.challenge_ends_at_s,
        at_s=head.at_s,
    )
