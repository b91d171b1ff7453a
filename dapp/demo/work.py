"""What the processes of a demo do: train one model, or verify as one verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.rpc import connect
from dapp.demo.report import FusedPoint
from dapp.demo.study import Measure, curves
from dapp.demo.workers import Report
from dapp.journal import Journal
from dapp.stages.context import Context
from dapp.stages.train import Trained, train
from dapp.stages.verify import Verified, verify
from dapp.store import Store, open_store
from ml import baselines
from ml.architecture import Architecture
from ml.data.samples import Samples
from ml.fuse.strategy import Strategy
from ml.spec import TaskSpec
from ml.train import Recipe
from ml.weights import from_bytes, to_bytes


@dataclass(frozen=True)
class Address:
    """Where a process finds the chain and the store."""

    url: str
    deployment: Deployment
    store_url: str

    def reader(self, report: Report) -> Context:
        """A context that reads, with connections of its own."""
        rpc = connect(self.url)
        chain = Chain(rpc, self.deployment)
        store: Store = open_store(self.store_url)

        def progress(what: str, done: int, total: int) -> None:
            if what == "verify":
                report(done, total)

        return Context(chain, store, Journal.in_memory(), ChainClock(rpc), progress)


def train_model(
    report: Report,
    spec: TaskSpec,
    samples: Samples,
    check_samples: Samples,
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
) -> Trained:
    """Stage train, for one contributor. It needs no chain."""
    return train(_offline(report), spec, samples, check_samples, architecture, recipe, seed)


def verify_models(report: Report, address: Address, task: bytes) -> Verified:
    """Stage verify, for one verifier, over its own connection."""
    return verify(address.reader(report), task)


def fuse_step_by_step(
    report: Report, models: Sequence[Trained], measure: Measure, rules: Sequence[Strategy], seed: int
) -> dict[str, tuple[FusedPoint, ...]]:
    """The accuracy of growing sets of `models` fused, by rule."""
    networks = [from_bytes(model.weights, model.manifest.architecture) for model in models]
    return curves(networks, measure, rules, seed, report)


def train_verifier_only(
    report: Report, architecture: Architecture, development: Samples, recipe: Recipe, seed: int
) -> bytes:
    """The weights of the baseline that only the verifiers' data give."""
    return to_bytes(baselines.verifier_only(architecture, development, recipe, seed, report))


def train_centralised(
    report: Report,
    architecture: Architecture,
    private: Sequence[Samples],
    development: Samples,
    recipe: Recipe,
    seed: int,
) -> bytes:
    """The weights of the baseline with all data in one place."""
    return to_bytes(baselines.centralised(architecture, private, development, recipe, seed, report))


def train_fedavg(
    report: Report,
    architecture: Architecture,
    private: Sequence[Samples],
    recipe: Recipe,
    rounds: int,
    seed: int,
) -> bytes:
    """The weights of federated averaging over the private data."""
    return to_bytes(baselines.fedavg(architecture, private, recipe, rounds, seed, report))


def _offline(report: Report) -> Context:
    """A context for stage train, which touches nothing of it but progress."""
    nothing: Any = None
    return Context(nothing, nothing, Journal.in_memory(), nothing, lambda _, done, total: report(done, total))
