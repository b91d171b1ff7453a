"""kill -9 at every named point, on an anvil whose mining is held: one transaction a step, nothing lost.

With instant mining this test would be blind: a naive agent passes it. So blocks are made only after the
second
start, or, for the points after mining, once the transaction lies in the pool.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dapp.agent import Contributor, Initiator, Role, Verifier
from dapp.chain.client import Chain
from dapp.chain.outbox import no_failpoint
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from dapp.stages import settle
from dapp.stages import task as task_stage
from ml.models import mlp
from tests.flow.kill_child import open_context
from tests.flow.killed import DAY_S, SENDING, Killed, anvil_world, copy
from tests.flow.world import TINY, shares

pytestmark = pytest.mark.heavy

POINTS: dict[str, tuple[str, ...]] = {  # in the order of the story
    "task.open": ("secrets", "stored", *SENDING),
    "pool.join": SENDING,
    "commit.seal": ("train:begins", "train:trained", "train:files", "train:kept", "salt", *SENDING),
    "commit.open": ("weights-stored", "stored", *SENDING),
    "draw.fix": SENDING[:-1],  # once it is done, the reveal is due
    "draw.reveal": ("stored", *SENDING),
    "vote.seal": ("verify:begins", "verify:found", "verify:kept", "salt", *SENDING),
    "vote.open": SENDING,
    "withdraw.fee": SENDING,  # after a stranger wrote the outcome down; that is turned back for
    "settle": SENDING,  # where the initiator settles and pays everybody
}
OFTEN = {  # in the default run: every step, and each kind of point
    "task.open": ("secrets", "journaled"),
    "pool.join": ("sent",),
    "commit.seal": ("train:files", "salt", "sent"),
    "commit.open": ("stored",),
    "draw.fix": ("journaled",),
    "draw.reveal": ("mined",),
    "vote.seal": ("verify:kept", "sent"),
    "vote.open": ("journaled",),
    "withdraw.fee": ("signed",),
    "settle": ("sent",),
}
INITIATOR, CONTRIBUTOR, VERIFIER, STRANGER = 0, 1, 11, 20


class Stage(Killed):
    """A task with one of each role."""

    def role(self, step: str) -> tuple[int, Role]:
        if step in ("pool.join", "vote.seal", "vote.open", "withdraw.fee"):
            return VERIFIER, Verifier(self.task, self.world.pool_key)
        if step.startswith("commit"):
            share = shares().contributors[0]
            architecture = mlp(share.labels, hidden=(16,))
            recipe = replace(TINY, steps=20)
            return CONTRIBUTOR, Contributor(
                self.task, share.train, share.verification, architecture, recipe, seed=1
            )
        return INITIATOR, Initiator(self.world.spec(), self.terms(), self.world.shards())

    def terms(self) -> task_stage.Terms:
        windows = dict.fromkeys(("submit_s", "open_s", "draw_s", "vote_s", "ballot_s"), DAY_S)
        return self.world.terms(committee=1, notice_s=DAY_S, mafr_ppm=1, **windows)

    def prepare(self, step: str) -> None:
        """Let time pass until `step` is due."""
        before = {
            "commit.seal": Phase.NOTICE,
            "commit.open": Phase.SUBMIT,
            "draw.fix": Phase.OPEN,
            "vote.open": Phase.VOTE,
            "withdraw.fee": Phase.BALLOT,
            "settle": Phase.BALLOT,
        }
        if step in before:
            ends_at_s = self.view().ends_at_s(before[step])
            assert ends_at_s is not None
            self.world.clock.wait_until(ends_at_s)
        if step == "draw.reveal":
            self.rpc.raw("anvil_mine", "0x4")
        if step == "withdraw.fee":
            settle.settle(self.world.person(STRANGER), self.task, pay=False)

    def is_done(self, step: str) -> bool:
        if step == "pool.join":
            chain = Chain(self.rpc, self.place.deployment)
            member = Signer.devnet(VERIFIER).address
            return bool(chain.read(chain.membership.call("isMember", self.world.pool_key.pool, member))[0])
        seen = self.view()
        return {
            "task.open": lambda: seen.phase == Phase.NOTICE,
            "commit.seal": lambda: len(seen.sealed) == 1,
            "commit.open": lambda: len(seen.models) == 1,
            "draw.fix": lambda: seen.draw_block is not None,
            "draw.reveal": lambda: len(seen.shards) == 3,
            "vote.seal": lambda: seen.seats[0].sealed is not None,
            "vote.open": lambda: seen.seats[0].scores_ppm is not None,
            "settle": lambda: seen.outcome is not None and bool(seen.paid),
            "withdraw.fee": lambda: bool(seen.paid_wei(Signer.devnet(VERIFIER).address)),
        }[step]()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with anvil_world(tmp_path) as (place, world):
        made = Stage(world.rpc, place, world)
        made.task = _task_id(made)
        yield made


def test_kill_atNamedPoints_oneTransactionAStepAndNothingLost(stage: Stage, tmp_path: Path) -> None:
    _tell(stage, tmp_path, OFTEN)
    assert sum(len(points) for points in OFTEN.values()) >= 12


@pytest.mark.long
def test_kill_atEveryPoint_oneTransactionAStepAndNothingLost(stage: Stage, tmp_path: Path) -> None:
    _tell(stage, tmp_path, POINTS)
    assert sum(len(points) for points in POINTS.values()) >= 40


def _tell(stage: Stage, tmp_path: Path, points: dict[str, tuple[str, ...]]) -> None:
    """The whole story; at each step the process is killed at each point, started again, and time turned
    back.
    """
    for step in POINTS:
        branch, kept = stage.rpc.raw("evm_snapshot"), tmp_path / "branch"
        copy(stage.place.data_dir, kept)
        stage.prepare(step)
        stage.kill_at_each(step, points[step], tmp_path)
        stage.carry_out(step)
        if step == "withdraw.fee":
            assert stage.rpc.raw("evm_revert", branch)
            copy(kept, stage.place.data_dir)
    assert stage.view().accepted
    assert stage.view().paid_wei(Signer.devnet(CONTRIBUTOR).address) == 3 * 10**18


def _task_id(stage: Stage) -> bytes:
    context = open_context(stage.place, INITIATOR, no_failpoint)
    try:
        key, _ = task_stage.prepare(context, stage.world.spec(), stage.terms(), stage.world.shards())
        return context.chain.board.task_id(key)
    finally:
        context.journal.close()
