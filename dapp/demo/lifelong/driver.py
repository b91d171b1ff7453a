"""The life-long demo: two lineages on one chain, and what else one could do with the same images."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from dapp.chain.deploy import deploy
from dapp.demo.cast import GasBook, Stage
from dapp.demo.chains import open_chain
from dapp.demo.lifelong import plan, plots, rivals, work
from dapp.demo.lifelong.budget import PRIZE_WEI, RULE, budget_of
from dapp.demo.lifelong.cast import DEPLOYER, cast_of
from dapp.demo.lifelong.lives import Living, Seen, first_head
from dapp.demo.lifelong.materials import share_out
from dapp.demo.lifelong.measures import BACKWARD, FORGETTING
from dapp.demo.lifelong.protocols import PROTOCOLS
from dapp.demo.lifelong.report import Report
from dapp.demo.lifelong.setting import Setting
from dapp.demo.narrator import Narrator
from dapp.demo.workers import Workers
from dapp.stages import pool
from dapp.store import open_store
from ml import growth
from ml.data.samples import Dataset
from ml.errors import DatasetUnavailable
from ml.growth import Grown
from ml.threads import torch_threads


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    dataset: str
    seed: int
    quick: bool
    out: Path


@dataclass(frozen=True)
class Finished:
    """What came of it, and where it lies."""

    report: Report
    report_path: Path
    files: tuple[Path, ...]


def run(wish: Wish, load: Callable[[str], Dataset], narrator: Narrator) -> Finished:
    """Play both protocols. Whatever happens, no process is left behind.

    load: the data set of a name; when MNIST cannot be had, digits is taken and the narrator warns.
    """
    began_s = time.monotonic()
    name, dataset = _dataset(wish.dataset, load, narrator)
    narrator.begin(plan.STAGES[name, wish.quick])
    shutil.rmtree(wish.out / "store", ignore_errors=True)
    store_url = f"embedded:{wish.out / 'store'}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch_threads(1))
        chain = stack.enter_context(open_chain(in_process=wish.quick))
        workers = None if wish.quick else stack.enter_context(Workers())
        stage = Stage(chain.rpc, chain.clock, open_store(store_url), narrator.progress)
        narrator.stage("deploy", "Contracts on a local chain; verifiers join their pool")
        setup = GasBook()
        deployment = deploy(stage.chain(DEPLOYER, None, setup), folder=None)
        key = pool.PoolKey()
        for verifier in cast_of(stage, deployment, setup).verifiers:
            pool.join(verifier.ctx, key)
            narrator.did(verifier.name, "joins the pool")
        material = share_out(dataset, budget_of(name, wish.quick), wish.seed)
        setting = Setting(wish.seed, material, chain, stage, deployment, store_url, workers, narrator)
        report = _play(setting, key.pool, setup, wish, began_s)
    path = wish.out / "report.json"
    report.write(path)
    narrator.end()
    return Finished(
        report, path, (path, plots.draw(report.to_json(), wish.out / "lifelong.png"), narrator.log_path)
    )


def _dataset(name: str, load: Callable[[str], Dataset], narrator: Narrator) -> tuple[str, Dataset]:
    try:
        return name, load(name)
    except DatasetUnavailable as error:
        if name == "digits":
            raise
        narrator.warn(f"{name} cannot be had ({error.message}); this run takes digits instead. {error.fix}")
        return "digits", load("digits")


def _play(setting: Setting, pool_id: bytes, setup: GasBook, wish: Wish, began_s: float) -> Report:
    firsts = [first_head(setting, protocol) for protocol in PROTOCOLS]
    seen, budget = _see(setting, firsts[0]), setting.material.budget
    own = rivals.Own(RULE, dict(budget.scattering), dict(budget.options))
    lived, studies = [], {}
    for protocol, first in zip(PROTOCOLS, firsts, strict=True):
        book = GasBook()
        cast = cast_of(setting.stage, setting.deployment, book)
        one = Living(setting, protocol, cast, book, pool_id, first, seen).live()
        lived.append(one)
        studies[protocol.name] = setting.begin(
            f"rivals of {protocol.name}", rivals.study,
            one.taught, seen.samples, seen.features_NF, budget.rivals, own, setting.seed,
        )  # fmt: skip
    setting.narrator.stage("compare", "What else could be done with the same images")
    courses = setting.finish(studies)
    chain = setting.stage.chain(DEPLOYER, setting.deployment, setup)
    names = setting.material.dataset.labels
    return Report(
        dataset=setting.material.dataset.name,
        seed=wish.seed,
        quick=wish.quick,
        test_samples=len(setting.material.test),
        forgetting=FORGETTING,
        backward_transfer=BACKWARD,
        protocols=tuple(one.beside(courses[one.life.protocol], names) for one in lived),
        prizes_wei=PRIZE_WEI * sum(len(protocol.turns) for protocol in PROTOCOLS),
        escrow_left_wei=chain.rpc.balance_wei(chain.quorate.address),
        setup_gas=dict(sorted(setup.dearest.items())),
        wall_s=round(time.monotonic() - began_s),
        times_s=setting.narrator.times_s(),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    )


def _see(setting: Setting, first: Grown) -> Seen:
    """The features of the test images, by as many processes as there are."""
    test = setting.material.test
    data, half = growth.to_bytes(first), len(test) // 2
    parts = {"test images": test.take(slice(0, half)), "more test images": test.take(slice(half, None))}
    futures = {
        name: setting.begin(name, work.see, dict(first.architecture), data, part)
        for name, part in parts.items()
    }
    return Seen(test, torch.cat(list(setting.finish(futures).values())))
