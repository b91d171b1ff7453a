"""The list of tasks: filtered, searched, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query

from dapp.chain.words import Phase
from dapp.index import queries
from dapp.web.context import SiteOf
from dapp.web.errors import ViewInvalid
from dapp.web.phases import GROUPS, PHASES, PhaseShown
from dapp.web.render import page

router = APIRouter(tags=["tasks"])
SORTS: Final = {
    "newest": "Newest first",
    "ending": "Ending soonest",
    "reward": "Highest reward",
    "oldest": "Oldest first",
}


@dataclass(frozen=True)
class TaskLine:
    """A task in the list; amounts of wei are decimal text."""

    task: str
    name: str | None
    kind: str | None
    dataset: str | None
    initiator: str
    phase: PhaseShown
    ends_at_s: int | None
    models: int
    cap: int
    committee: int
    mafr_ppm: int
    reward_wei: str
    opened_at_s: int


@dataclass(frozen=True)
class TasksPage:
    """The list of tasks.

    total   how many fit the view;  known   how many there are
    next    what `after` is on the next page
    """

    tasks: list[TaskLine]
    total: int
    known: int
    next: str | None
    state: str
    search: str
    sort: str
    states: dict[str, str]
    sorts: dict[str, str]


@page(router, "/tasks", "tasks.html", summary="Tasks, a page at a time")
def tasks(
    site: SiteOf,
    state: Annotated[str, Query(max_length=20)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Annotated[str, Query(max_length=20)] = "newest",
    after: Annotated[str | None, Query(max_length=60, pattern=r"^[0-9]{1,29}(-[0-9]{1,18})?$")] = None,
    limit: Annotated[int, Query(ge=1, le=queries.MAX_PAGE)] = queries.PAGE,
) -> TasksPage:
    """Tasks of this board: `state` is a phase or a group of phases, `q` searches names, ids and accounts."""
    wanted = queries.TaskFilter(_phases(state), q, sort if sort in SORTS else "newest")
    try:
        found = queries.tasks(site.index, wanted, site.now.at_s, after, limit)
    except ValueError as error:
        raise ViewInvalid("this is no page of this list") from error
    lines = [
        TaskLine(
            row.task, row.name, row.kind, row.dataset, row.initiator, PHASES[row.phase], row.ends_at_s,
            row.models, row.cap, row.committee, row.mafr_ppm, str(row.reward_wei), row.opened_at_s,
        )
        for row in found.rows
    ]  # fmt: skip
    states = {name: group.title for name, group in GROUPS.items()}
    return TasksPage(lines, found.total, found.known, found.next, state, q, wanted.sort, states, dict(SORTS))


def _phases(state: str) -> frozenset[Phase]:
    if not state:
        return frozenset()
    if state in GROUPS:
        return GROUPS[state].phases
    if state.upper() in Phase.__members__ and state.upper() != "NONE":
        return frozenset({Phase[state.upper()]})
    raise ViewInvalid(f"there is no state {state[:20]!r} of tasks")
