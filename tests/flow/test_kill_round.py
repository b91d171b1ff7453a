"""kill -9 at every arrow of a round of a lineage, as tests/flow/test_kill.py: it ends right and pays once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dapp.agent import Initiator, Role, RoundContributor
from dapp.chain import events
from dapp.chain.lineage import Kind, RoundState, round_view
from dapp.chain.outbox import no_failpoint
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from dapp.stages import lineage
from dapp.stages import round as rounds
from dapp.stages import task as task_stage
from ml.data.shards import pack, split
from ml.spec import TaskSpec
from tests.flow.kill_child import open_context
from tests.flow.killed import DAY_S, SENDING, Killed, anvil_world
from tests.flow.lineages import OLD, OPTIONS, PRIZE_WEI, Life, begin, parts
from tests.flow.world import INITIATOR, STRANGER, VERIFIERS

pytestmark = pytest.mark.heavy

CONTRIBUTOR, NEW = 1, (3,)
POINTS: dict[
    str, tuple[str, ...]
] = {  # in the order of the story; at others than these tests/flow/test_kill.py
    "task.open": SENDING[:-1],  # once it is done, the round is due
    "round.open": SENDING,
    "commit.seal": ("train:begins", "train:trained", "train:files", "train:kept"),
    "commit.open": (),
    "round.declare": SENDING,
    "draw.fix": (),
    "draw.reveal": (),
    "extend": SENDING,
    "prize": tuple(f"extend.prize:{point}" for point in SENDING),
}
OFTEN = {  # in the default run: between each two steps, and each kind of point
    "task.open": ("mined",),
    "round.open": ("journaled",),
    "round.declare": ("sent",),
    "extend": ("mined",),
    "prize": ("extend.prize:signed", "extend.prize:sent"),
}


class Stage(Killed):
    """A lineage and its next round, with an initiator and one who teaches a class."""

    life: Life
    spec: TaskSpec

    def role(self, step: str) -> tuple[int, Role]:
        if step in ("task.open", "round.open", "draw.fix", "draw.reveal"):
            shards = [pack(part) for part in split(parts()[5].with_labels((*OLD, *NEW)), 4)]
            return INITIATOR, Initiator(self.spec, self.terms(), shards)
        own = parts()[CONTRIBUTOR].with_labels((*OLD, *NEW))
        return CONTRIBUTOR, RoundContributor(self.task, own, own, CONTRIBUTOR, NEW, options=OPTIONS)

    def terms(self) -> task_stage.Terms:
        windows = dict.fromkeys(("submit_s", "open_s", "draw_s", "vote_s", "ballot_s"), DAY_S)
        return self.world.terms(
            reward_wei=0, mafr_ppm=500_000, shards_drawn=4, committee=1, notice_s=DAY_S, **windows
        )

    def prepare(self, step: str) -> None:
        """Let time pass until `step` is due."""
        before = {"commit.seal": Phase.NOTICE, "commit.open": Phase.SUBMIT, "draw.fix": Phase.OPEN}
        if step in before:
            self.world.pass_phase(self.task, before[step])
        elif step == "draw.reveal":
            self.rpc.raw("anvil_mine", "0x4")
        elif step == "extend":
            drawn = {seat.verifier for seat in self.view().seats if seat.place is not None}
            self.world.vote(self.task, [i for i in VERIFIERS if Signer.devnet(i).address in drawn])
        elif step == "prize":
            self.life.pass_challenge()

    def is_done(self, step: str) -> bool:
        round_ = round_view(self.world.person(STRANGER).chain, self.task)
        seen = self.view()
        return {
            "task.open": lambda: seen.phase == Phase.NOTICE,
            "round.open": lambda: round_ is not None,
            "commit.seal": lambda: len(seen.sealed) == 1,
            "commit.open": lambda: len(seen.models) == 1,
            "round.declare": lambda: rounds.has_declared(self.world.person(CONTRIBUTOR), self.task),
            "draw.fix": lambda: seen.draw_block is not None,
            "draw.reveal": lambda: len(seen.shards) == 4,
            "extend": lambda: round_ is not None and round_.state is RoundState.TAKEN,
            "prize": lambda: round_ is not None and bool(round_.paid),
        }[step]()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with anvil_world(tmp_path) as (place, world):
        made = Stage(world.rpc, place, world)
        made.life = begin(world, committee=1)
        initiator = world.person(INITIATOR)
        made.spec = rounds.spec_for(initiator, made.life.lineage, Kind.EXTEND, world.spec().development)
        made.task = _task_id(made)
        yield made


def test_kill_betweenTheStepsOfARound_itEndsRightAndPaysOnce(stage: Stage, tmp_path: Path) -> None:
    _tell(stage, tmp_path, OFTEN)


@pytest.mark.long
def test_kill_atEveryPointOfARound_itEndsRightAndPaysOnce(stage: Stage, tmp_path: Path) -> None:
    _tell(stage, tmp_path, POINTS)
    assert sum(len(points) for points in POINTS.values()) >= 28


def _tell(stage: Stage, folder: Path, points: dict[str, tuple[str, ...]]) -> None:
    """The whole round; at each step the process is killed, started again, and time turned back."""
    before_wei = stage.world.balance_wei(CONTRIBUTOR)
    for step in POINTS:
        stage.prepare(step)
        stage.kill_at_each(step, points.get(step, ()), folder)
        stage.carry_out(step)
    chain = stage.world.person(STRANGER).chain
    said = events.of_lineage(chain, stage.life.lineage)
    shown = lineage.show(stage.world.person(STRANGER), stage.life.lineage)
    assert [paid.amount_wei for paid in events.of_type(said, events.PrizePaid)] == [PRIZE_WEI]
    assert (
        len(events.of_type(said, events.HeadAdvanced)) == len(events.of_type(said, events.RoundOpened)) == 1
    )
    assert [c.name for c in shown.classes] == ["0", "1", "2", "3"]
    assert PRIZE_WEI * 9 // 10 < stage.world.balance_wei(CONTRIBUTOR) - before_wei < PRIZE_WEI


def _task_id(stage: Stage) -> bytes:
    context = open_context(stage.place, INITIATOR, no_failpoint)
    role = stage.role("task.open")[1]
    assert isinstance(role, Initiator)
    try:
        key, _ = task_stage.prepare(context, role.spec, role.terms, role.shards)
        return context.chain.board.task_id(key)
    finally:
        context.journal.close()
