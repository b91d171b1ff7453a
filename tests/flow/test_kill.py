"""kill -9 at every named point, on an anvil whose mining is held: one transaction a step, nothing lost.

With instant mining this test would be blind: a naive agent passes it. So blocks are made only after the
second
start, or, for the points after mining, once the transaction lies in the pool.
"""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dapp.agent import Contributor, Initiator, Role, Verifier
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.outbox import SendSettings, no_failpoint
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.chain.tasks import TaskView, view
from dapp.chain.words import Phase
from dapp.stages import settle
from dapp.stages import task as task_stage
from dapp.store import open_store
from ml.models import mlp
from tests.flow.kill_child import PATIENCE_S, Place, act, open_context
from tests.flow.world import TINY, World, shares

SENDING = ("signed", "journaled", "sent", "mined", "done")
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
DAY_S = 86_400


@dataclass
class Stage:
    """The story so far: an anvil, a folder, the three roles."""

    rpc: Rpc
    place: Place
    world: World
    task: bytes = b""

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

    def view(self) -> TaskView:
        return view(Chain(self.rpc, self.place.deployment), self.task)

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

    def start(self, step: str, point: str | None) -> multiprocessing.process.BaseProcess:
        index, role = self.role(step)
        process = _FORKS.Process(target=act, args=(self.place, index, role, point), daemon=True)
        process.start()
        return process

    def pooled(self) -> int:
        return int(self.rpc.raw("txpool_status")["pending"], 16)

    def finish(self, process: multiprocessing.process.BaseProcess, mine: bool, hold_s: float = 0.0) -> int:
        """Exit code, with blocks made meanwhile if told to, from `hold_s` on and when there is something
        to mine.
        """
        deadline, from_s = time.monotonic() + PATIENCE_S + 5, time.monotonic() + hold_s
        while process.is_alive() and time.monotonic() < deadline:
            if mine and time.monotonic() >= from_s and self.pooled():
                self.rpc.raw("evm_mine")
            process.join(0.05)
        if process.is_alive():
            process.kill()
            process.join()
            raise AssertionError("the agent hangs")
        assert process.exitcode is not None
        return process.exitcode

    def nonce(self, step: str) -> int:
        return self.rpc.nonce(Signer.devnet(self.role(step)[0]).address)

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


_FORKS = multiprocessing.get_context("forkserver")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    _FORKS.set_forkserver_preload(["tests.flow.kill_child"])
    with Anvil() as node:
        rpc = node.rpc()
        deployment = deploy(
            Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.02)), folder=None
        )
        place = Place(node.url, deployment, tmp_path / "data", tmp_path / "store")
        world = World(rpc, node.clock(rpc), deployment, open_store(f"embedded:{place.store_dir}"))
        made = Stage(rpc, place, world)
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
        _copy(stage.place.data_dir, kept)
        stage.prepare(step)
        for point in points[step]:
            saved = tmp_path / "saved"
            _copy(stage.place.data_dir, saved)
            snapshot = stage.rpc.raw("evm_snapshot")
            _kill_and_restart(stage, step, point if ":" in point else f"{step}:{point}")
            assert stage.rpc.raw("evm_revert", snapshot)
            _copy(saved, stage.place.data_dir)
        assert stage.finish(stage.start(step, None), mine=False) == 0, step
        assert stage.is_done(step)
        if step == "withdraw.fee":
            assert stage.rpc.raw("evm_revert", branch)
            _copy(kept, stage.place.data_dir)
    assert stage.view().accepted
    assert stage.view().paid_wei(Signer.devnet(CONTRIBUTOR).address) == 3 * 10**18


def _kill_and_restart(stage: Stage, step: str, point: str) -> None:
    before = stage.nonce(step)
    stage.rpc.raw("evm_setAutomine", False)
    try:
        late = point.endswith((":mined", ":done"))
        assert stage.finish(stage.start(step, point), mine=late) == -9, f"{point} was not passed"
        if not late:
            assert stage.nonce(step) == before
        assert stage.finish(stage.start(step, None), mine=True, hold_s=0.3) == 0, point
    finally:
        stage.rpc.raw("evm_setAutomine", True)
    assert stage.is_done(step), point
    assert stage.nonce(step) == before + 1, f"{point}: more than one transaction"
    assert stage.pooled() == 0, point


def _task_id(stage: Stage) -> bytes:
    context = open_context(stage.place, INITIATOR, no_failpoint)
    try:
        key, _ = task_stage.prepare(context, stage.world.spec(), stage.terms(), stage.world.shards())
        return context.chain.board.task_id(key)
    finally:
        context.journal.close()


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
