"""Agents that are killed at named points of a step and started again, on an anvil whose mining is held."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dapp.agent import Role
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.outbox import SendSettings
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.chain.tasks import TaskView, view
from dapp.store import open_store
from tests.flow.kill_child import PATIENCE_S, Place, act
from tests.flow.world import World

SENDING = ("signed", "journaled", "sent", "mined", "done")
DAY_S = 86_400
_FORKS = multiprocessing.get_context("forkserver")


@contextmanager
def anvil_world(folder: Path) -> Iterator[tuple[Place, World]]:
    """An anvil with the contracts on it; agents of other processes work in the same folder."""
    _FORKS.set_forkserver_preload(["tests.flow.kill_child"])
    with Anvil() as node:
        rpc = node.rpc()
        deployer = Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.02))
        place = Place(node.url, deploy(deployer, folder=None), folder / "data", folder / "store")
        store = open_store(f"embedded:{place.store_dir}")
        yield place, World(rpc, node.clock(rpc), place.deployment, store)


@dataclass
class Killed(ABC):
    """The story so far: an anvil, a folder, the roles."""

    rpc: Rpc
    place: Place
    world: World
    task: bytes = b""

    @abstractmethod
    def role(self, step: str) -> tuple[int, Role]:
        """Who carries out `step`: the account and its role."""

    @abstractmethod
    def is_done(self, step: str) -> bool:
        """Whether the chain shows that `step` was carried out."""

    def view(self) -> TaskView:
        return view(Chain(self.rpc, self.place.deployment), self.task)

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

    def carry_out(self, step: str) -> None:
        """The step, without a kill."""
        assert self.finish(self.start(step, None), mine=False) == 0, step
        assert self.is_done(step), step

    def kill_at_each(self, step: str, points: Sequence[str], folder: Path) -> None:
        """Kill at each point and start again; after each, time and files are turned back."""
        for point in points:
            saved = folder / "saved"
            copy(self.place.data_dir, saved)
            snapshot = self.rpc.raw("evm_snapshot")
            self._kill_and_restart(step, point if ":" in point else f"{step}:{point}")
            assert self.rpc.raw("evm_revert", snapshot)
            copy(saved, self.place.data_dir)

    def _kill_and_restart(self, step: str, point: str) -> None:
        before = self.nonce(step)
        self.rpc.raw("evm_setAutomine", False)
        try:
            late = point.endswith((":mined", ":done"))
            assert self.finish(self.start(step, point), mine=late) == -9, f"{point} was not passed"
            if not late:
                assert self.nonce(step) == before
            assert self.finish(self.start(step, None), mine=True, hold_s=0.3) == 0, point
        finally:
            self.rpc.raw("evm_setAutomine", True)
        assert self.is_done(step), point
        assert self.nonce(step) == before + 1, f"{point}: more than one transaction"
        assert self.pooled() == 0, point


def copy(source: Path, target: Path) -> None:
    """`source` in the place of `target`."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
