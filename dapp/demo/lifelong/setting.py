"""What all of a life-long demo shares, and its heavy work: in this process, or in several beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from dapp.artifacts import Deployment
from dapp.demo.cast import Actor, Stage
from dapp.demo.chains import DemoChain
from dapp.demo.lifelong import work
from dapp.demo.lifelong.materials import Material
from dapp.demo.lifelong.work import Job
from dapp.demo.narrator import Narrator
from dapp.demo.work import Address, verify_models
from dapp.demo.workers import Report, Workers
from dapp.stages.train import Trained
from dapp.stages.verify import Verified, verify

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """A demo that has begun."""

    seed: int
    material: Material
    chain: DemoChain
    stage: Stage
    deployment: Deployment
    store_url: str
    workers: Workers | None  # None: all in this process
    narrator: Narrator

    def train(self, task: bytes, jobs: Sequence[tuple[Actor, Job]]) -> dict[str, Trained]:
        """What each participant trains, by name."""
        if self.workers is None or self.chain.url is None:
            return {actor.name: work.prepare(actor.ctx, task, job) for actor, job in jobs}
        address = Address(self.chain.url, self.deployment, self.store_url)
        start = self.workers.start
        futures = {a.name: start(a.name, work.prepare_at, address, task, job) for a, job in jobs}
        return self.workers.finish(futures, self.narrator.progress)

    def verify(self, task: bytes, committee: Sequence[Actor]) -> dict[str, Verified]:
        """What each verifier finds, by name."""
        if self.workers is None or self.chain.url is None:
            return {actor.name: verify(actor.ctx, task) for actor in committee}
        address = Address(self.chain.url, self.deployment, self.store_url)
        start = self.workers.start
        futures = {a.name: start(a.name, verify_models, address, task) for a in committee}
        return self.workers.finish(futures, self.narrator.progress)

    def begin(
        self, name: str, what: Callable[Concatenate[Report, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Work that needs no chain: begun beside everything else, or done at once."""
        if self.workers is not None:
            return self.workers.start(name, what, *args, **kwargs)
        done: Future[T] = Future()
        done.set_result(what(lambda at, of: self.narrator.progress(name, at, of), *args, **kwargs))
        return done

    def finish(self, futures: Mapping[str, Future[T]]) -> dict[str, T]:
        """The results of what was begun."""
        if self.workers is not None:
            return self.workers.finish(futures, self.narrator.progress)
        return {name: future.result() for name, future in futures.items()}
