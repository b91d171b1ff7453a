"""Training runs: the list, a run's tree with accuracy and loss, and each entry with its header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from markupsafe import Markup
from sqlalchemy import func, select

from dapp.chain.events import HeaderAttested, RollbackOpened, RolledBack, RunEvent, of_type
from dapp.chain.ledger import RunView, run_view
from dapp.index.index import history
from dapp.index.tables import Checkpoint, Run, Spec
from dapp.ledger.tree import Leaf
from dapp.store import cid_from_digest
from dapp.web import charts
from dapp.web.books import Copy
from dapp.web.context import Site, SiteOf
from dapp.web.errors import PageMissing, ViewInvalid
from dapp.web.happened import Happened, happened
from dapp.web.pages.task import ID
from dapp.web.render import page
from ml.errors import QuorateError
from ml.history.header import NONE, Header, InvalidHeader, Kind

router = APIRouter(tags=["ledger"])
RunId = Annotated[str, Path(pattern=ID)]
Owner = Annotated[str, Query(alias="copy", max_length=42)]
ON_CHAIN: Final = "chain"
PAGE: Final = 50
MAX_TEXT: Final = 32


@dataclass(frozen=True)
class RunLine:
    """A run in the list."""

    run: str
    name: str | None
    data: str | None
    recorder: str
    nodes: int
    registrations: int
    rollbacks: int
    head: str | None
    started_at_s: int
    changed_at_s: int


@dataclass(frozen=True)
class RunsPage:
    """The runs of this ledger, newest first. next: what `after` is on the next page."""

    runs: list[RunLine]
    known: int
    next: int | None


@dataclass(frozen=True)
class EntryLine:
    """An entry in a run's table. state: head, line (leads to it), left (left behind), rollback."""

    height: int
    id: str
    state: str
    step: int
    accuracy_ppm: int
    loss_micro: int
    base: int | None
    registered: bool
    best: bool


@dataclass(frozen=True)
class VoteShown:
    """The last rollback vote of a run."""

    number: int
    ends_at_s: int
    open: bool
    reason: str
    opener: str | None


@dataclass(frozen=True)
class RunPage:
    """A run. copies: whose entries are here; which: whose are shown; trouble: why none are."""

    run: str
    name: str | None
    data: str | None
    recorder: str
    nodes: list[str]
    barred: list[str]
    needed: int
    quorum_ppm: int
    difficulty_bits: int
    window_s: int
    head: str | None
    head_height: int | None
    registrations: int
    rollbacks: int
    vote: VoteShown | None
    copies: list[str]
    which: str | None
    trouble: str | None
    count: int
    best: EntryLine | None
    last: EntryLine | None
    entries: list[EntryLine]
    before: int | None
    after: int | None
    forks: int
    events: list[Happened]


@dataclass(frozen=True)
class RegistrationShown:
    """How the chain vouches for an entry: the first registered entry at or above it."""

    id: str
    height: int
    block: int
    tx: str


@dataclass(frozen=True)
class EntryPage:
    """An entry with its header, field by field and byte for byte."""

    run: str
    name: str | None
    which: str
    height: int
    id: str
    kind: str
    state: str
    header: str
    parent: str | None
    base: str | None
    base_height: int | None
    history: str
    weights: str
    manifest_cid: str
    step: int
    accuracy_ppm: int
    loss_micro: int
    nonce: int
    work_bits: int
    registered: RegistrationShown | None
    needed: int
    nodes: int
    previous: int | None
    next: int | None
    held_by: list[str]
    children: list[int]


@page(router, "/runs", "runs.html", summary="Training runs")
def runs(site: SiteOf, after: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> RunsPage:
    """Runs of this ledger, newest first."""
    query = select(Run, Spec).outerjoin(Spec, Spec.digest == Run.spec).order_by(Run.number.desc())
    if after is not None:
        query = query.where(Run.number < after)
    found = site.index.execute(query.limit(PAGE + 1)).all()
    lines = [_line(site, run, spec) for run, spec in found[:PAGE]]
    known = site.index.scalar(select(func.count()).select_from(Run)) or 0
    return RunsPage(lines, known, found[PAGE - 1][0].number if len(found) > PAGE else None)


def _line(site: Site, run: Run, spec: Spec | None) -> RunLine:
    counts = _counts(site, run.run)
    last = _last(site, run.run)
    known = spec is not None and spec.known
    return RunLine(
        run=run.run,
        name=spec.name if spec is not None and known else None,
        data=spec.dataset if spec is not None and known else None,
        recorder=run.recorder,
        nodes=run.nodes,
        registrations=counts.get("attested", 0),
        rollbacks=counts.get("rolled back", 0),
        head=None if last is None else last.head,
        started_at_s=run.started_at_s,
        changed_at_s=run.started_at_s if last is None else last.at_s,
    )


def _counts(site: Site, run: str) -> dict[str, int]:
    query = select(Checkpoint.state, func.count()).where(Checkpoint.run == run).group_by(Checkpoint.state)
    return {row[0]: row[1] for row in site.index.execute(query)}


def _last(site: Site, run: str) -> Checkpoint | None:
    query = select(Checkpoint).where(Checkpoint.run == run, Checkpoint.state != "announced")
    return site.index.scalar(query.order_by(Checkpoint.block.desc(), Checkpoint.position.desc()).limit(1))


@page(
    router,
    "/runs/{run}",
    "run.html",
    summary="One run, its tree and its entries",
    extra=lambda site, shown: curves(site, shown),
)
def run(
    site: SiteOf,
    run: RunId,
    copy: Owner = "",
    before: Annotated[int | None, Query(ge=0, le=2**48)] = None,
) -> RunPage:
    """A run with its curves; entries newest first, those below height `before`."""
    _, spec = _known(site, run)
    key = bytes.fromhex(run[2:])
    view = run_view(site.chain, key)
    said = of_type(history(site.index, "ModelLedger", run), RunEvent)
    book, copies, trouble = copy_of(site, key, said, copy)
    leaves = () if book is None else book.leaves
    end = len(leaves) if before is None else min(before, len(leaves))
    best = None if book is None else book.best
    lines = [_entry(leaf, len(leaves) - 1, best) for leaf in leaves[max(0, end - PAGE) : end]]
    counts = _counts(site, run)
    return RunPage(
        run=run,
        name=spec.name if spec else None,
        data=spec.dataset if spec else None,
        recorder=view.recorder,
        nodes=list(view.nodes),
        barred=sorted(view.barred),
        needed=view.needed,
        quorum_ppm=view.quorum_ppm,
        difficulty_bits=view.difficulty_bits,
        window_s=view.window_s,
        head="0x" + view.head.hex() if view.head != NONE else None,
        head_height=None if book is None else book.heights.get(view.head),
        registrations=counts.get("attested", 0),
        rollbacks=counts.get("rolled back", 0),
        vote=_vote(site, view, said),
        copies=copies,
        which=None if book is None else book.owner,
        trouble=trouble,
        count=len(leaves),
        best=None if best is None else _entry(best, len(leaves) - 1, best),
        last=_entry(leaves[-1], len(leaves) - 1, best) if leaves else None,
        entries=lines[::-1],
        before=end - PAGE if end > PAGE else None,
        after=None if end >= len(leaves) else min(len(leaves), end + PAGE),
        forks=sum(leaf.header.kind is Kind.ROLLBACK for leaf in leaves),
        events=happened(site.index, said),
    )


@page(router, "/runs/{run}/entries/{height}", "entry.html", summary="One entry of a run")
def entry(
    site: SiteOf, run: RunId, height: Annotated[int, Path(ge=0, le=2**48)], copy: Owner = ""
) -> EntryPage:
    """An entry: its header, who vouches for it, and what it goes on from."""
    _, spec = _known(site, run)
    key = bytes.fromhex(run[2:])
    view = run_view(site.chain, key)
    said = of_type(history(site.index, "ModelLedger", run), RunEvent)
    book, copies, trouble = copy_of(site, key, said, copy)
    if book is None or height >= len(book.headers):
        raise PageMissing(trouble or f"there is no entry {height} in this copy of the run")
    header, last = book.headers[height], len(book.headers) - 1
    own_id = header.id
    return EntryPage(
        run=run,
        name=spec.name if spec else None,
        which=book.owner,
        height=height,
        id=_hex(own_id),
        kind=header.kind.name.lower(),
        state=_entry(book.leaves[height], last, None).state,
        header=_hex(header.to_bytes()),
        parent=_hex(header.parent) if header.parent != NONE else None,
        base=_hex(header.base) if header.base != NONE else None,
        base_height=book.heights.get(header.base),
        history=_hex(header.history),
        weights=_hex(header.weights),
        manifest_cid=cid_from_digest(header.manifest, 0),
        step=header.step,
        accuracy_ppm=header.accuracy_ppm,
        loss_micro=header.loss_micro,
        nonce=header.nonce,
        work_bits=256 - int.from_bytes(header.id, "big").bit_length(),
        registered=_registered(book, height),
        needed=view.needed,
        nodes=len(view.nodes),
        previous=height - 1 if height else None,
        next=height + 1 if height < last else None,
        held_by=_holders(site, key, header, copies),
        children=[h.height for h in book.headers if h.base == own_id],
    )


def named(site: Site, run: str) -> str | None:
    """A run's name, where it is known. Raises PageMissing."""
    _, spec = _known(site, run)
    return None if spec is None else spec.name


def _known(site: Site, run: str) -> tuple[Run, Spec | None]:
    row = site.index.scalar(select(Run).where(Run.run == run))
    if row is None:
        raise PageMissing(f"there is no run {run} on this ledger")
    spec = site.index.get(Spec, row.spec)
    return row, spec if spec is not None and spec.known else None


def copy_of(
    site: Site, run: bytes, said: Sequence[RunEvent], wanted: str
) -> tuple[Copy | None, list[str], str | None]:
    """The copy that is meant, all there are, and why there is none."""
    put = _on_chain(run, said)
    owners = site.shelf.owners(run) + ([ON_CHAIN] if put.headers else [])
    which = wanted.lower() or (owners[0] if owners else "")
    if wanted and which not in owners:
        raise ViewInvalid("there is no such copy of this run here")
    if not which:
        return (
            None,
            owners,
            (
                "No copy of this run is on this machine, and its entries' accuracy and loss are not on chain."
                " Run `quorate node` or `quorate record` with the same --data-dir."
            ),
        )
    if which == ON_CHAIN:
        return put.vouched(said), owners, None
    try:
        found = site.shelf.copy(run, which)
        return None if found is None else found.vouched(said), owners, None
    except QuorateError as error:
        return None, owners, f"The copy of {which} cannot be read: {error.message}"


def _on_chain(run: bytes, said: Sequence[RunEvent]) -> Copy:
    """Headers that nodes attested whole, as far as they follow one another from the first."""
    headers: list[Header] = []
    for event in of_type(said, HeaderAttested):
        try:
            header = Header.from_bytes(event.header)
        except InvalidHeader:
            continue
        if header.run == run and header.height == len(headers):
            headers.append(header)
    return Copy(ON_CHAIN, None, tuple(headers), (), ())


def _entry(leaf: Leaf, last: int, best: Leaf | None) -> EntryLine:
    header = leaf.header
    rollback = header.kind is Kind.ROLLBACK
    state = (
        "rollback" if rollback else "head" if header.height == last else "line" if leaf.on_line else "left"
    )
    return EntryLine(
        height=header.height,
        id=_hex(header.id),
        state="rollback" if rollback else state,
        step=header.step,
        accuracy_ppm=header.accuracy_ppm,
        loss_micro=header.loss_micro,
        base=leaf.base,
        registered=leaf.registered,
        best=not rollback and best is not None and header.accuracy_ppm == best.header.accuracy_ppm,
    )


def _registered(book: Copy, height: int) -> RegistrationShown | None:
    above = [r for r in book.registrations if r.height >= height]
    if not above:
        return None
    first = min(above, key=lambda r: r.height)
    return RegistrationShown(_hex(first.id), first.height, first.block, first.tx)


def _holders(site: Site, run: bytes, header: Header, copies: list[str]) -> list[str]:
    """Whose copies on this machine hold the very entry."""
    found = []
    for owner in copies:
        if owner == ON_CHAIN:
            continue
        try:
            book = site.shelf.copy(run, owner)
        except QuorateError:
            continue
        if book is not None and header.id in book.heights:
            found.append(owner)
    return found


def _vote(site: Site, view: RunView, said: list[RunEvent]) -> VoteShown | None:
    if not view.votes:
        return None
    opened = [event for event in of_type(said, RollbackOpened) if event.vote == view.votes]
    decided = any(event.vote == view.votes for event in of_type(said, RolledBack))
    reason = opened[0].reason.rstrip(b"\0") if opened else b""
    text = reason.decode(errors="replace")
    return VoteShown(
        number=view.votes,
        ends_at_s=view.vote_ends_at_s,
        open=not decided and site.now.at_s <= view.vote_ends_at_s,
        reason=text if text.isprintable() else _hex(reason),
        opener=opened[0].opener if opened else None,
    )


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def curves(site: Site, shown: RunPage) -> dict[str, Any]:
    """Accuracy and loss along every branch, as charts; for the page alone."""
    if not shown.count or shown.which is None:
        return {"accuracy": None, "loss": None}
    said = of_type(history(site.index, "ModelLedger", shown.run), HeaderAttested)
    book, _, _ = copy_of(site, bytes.fromhex(shown.run[2:]), said, shown.which)
    accuracy, loss = (None, None) if book is None else _drawn(book, shown.run)
    return {"accuracy": accuracy, "loss": loss}


@lru_cache(maxsize=16)
def _drawn(book: Copy, run: str) -> tuple[Markup, Markup]:
    """Drawn once for a copy as it stands: it is another object when it has grown."""
    accuracy = [leaf.header.accuracy_ppm / 10_000 for leaf in book.leaves]
    loss = [leaf.header.loss_micro / 1e6 for leaf in book.leaves]
    return (
        _curve("accuracy", book.leaves, run, accuracy, " %"),
        _curve("loss", book.leaves, run, loss, ""),
    )


def _curve(title: str, entries: Sequence[Leaf], run: str, values: list[float], unit: str) -> Markup:
    steps = [float(leaf.header.step) for leaf in entries]
    lines = [
        charts.Line(
            tuple((steps[i], values[i]) for i in stretch), "c1" if entries[stretch[-1]].on_line else "left"
        )
        for stretch in _stretches(entries)
    ]
    arrows = [
        charts.Arrow((steps[at - 1], values[at - 1]), (steps[at], values[at]))
        for at, leaf in enumerate(entries)
        if leaf.header.kind is Kind.ROLLBACK and at
    ]
    head = entries[-1].header
    place = f"/runs/{run}/entries/{head.height}"
    mark = charts.Mark((steps[-1], values[-1]), "dot-head", f"head: entry {head.height}", place)
    text = f"{title} of {len(entries)} entries by step, {len(arrows)} rollbacks"
    x, y = charts.Axis.over(steps, whole=True), charts.Axis.over(values, unit, log=title == "loss")
    return charts.draw(text, x, y, lines, [mark], arrows)


def _stretches(entries: Sequence[Leaf]) -> list[list[int]]:
    """Entries that go on from one another, alike in leading to the head or not; each begins at its base."""
    found: list[list[int]] = []
    for at, leaf in enumerate(entries):
        if leaf.header.kind is Kind.ROLLBACK:
            continue
        last = found[-1] if found else None
        if last and leaf.base == last[-1] and leaf.on_line == entries[last[-1]].on_line:
            last.append(at)
        else:
            found.append(([leaf.base] if leaf.base is not None else []) + [at])
    return found
