"""The demo itself: every stage of one task in order, each done by the participant whose turn it is."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from dapp.artifacts import Deployment
from dapp.chain.deploy import deploy
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.demo import plan, plots, work
from dapp.demo.budget import (
    BOND_WEI,
    COMMITTEE,
    FEE_WEI,
    REWARD_WEI,
    Budget,
    budget_of,
)
from dapp.demo.cast import DEPLOYER, Actor, Cast, GasBook, Stage
from dapp.demo.chains import DemoChain, existing_chain, open_chain
from dapp.demo.materials import Material, share_out
from dapp.demo.narrator import Narrator
from dapp.demo.report import FusedPoint, ModelRow, Report, VerifierRow
from dapp.demo.study import Measure, best_single_ppm
from dapp.demo.workers import Workers
from dapp.packages import drawn
from dapp.stages import commit, draw, fuse, pool, settle, task, vote
from dapp.stages.train import Trained
from dapp.stages.verify import Verified, verify
from dapp.store import cid_of, open_store
from ml import evaluate, weights
from ml.data.samples import Dataset
from ml.errors import DatasetUnavailable
from ml.models.classifier import Classifier
from ml.spec import TaskSpec

FUSION = "strategy_2"


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    scenario: int
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
    next_steps: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """A demo that has begun."""

    wish: Wish
    budget: Budget
    material: Material
    chain: DemoChain
    stage: Stage
    workers: Workers
    narrator: Narrator
    store_url: str


def run(wish: Wish, load: Callable[[str], Dataset], narrator: Narrator, url: str | None = None) -> Finished:
    """Play the whole task. Whatever happens, no process is left behind.

    load: the data set of a name; when MNIST cannot be had, digits is taken and the narrator warns.
    url: an anvil that runs already, with ether for the devnet's accounts; none: a chain of its own.
    """
    began_s = time.monotonic()
    wish, dataset = _dataset(wish, load, narrator)
    budget = budget_of(wish.dataset, wish.quick)
    narrator.begin(plan.stages(wish.dataset, wish.quick))
    store_url = f"embedded:{wish.out / 'store'}"
    with contextlib.ExitStack() as stack:
        chain = stack.enter_context(open_chain(in_process=wish.quick) if url is None else existing_chain(url))
        workers = stack.enter_context(Workers())
        stage = Stage(chain.rpc, chain.clock, open_store(store_url), narrator.progress)
        setting = Setting(
            wish, budget, share_out(dataset, wish.seed), chain, stage, workers, narrator, store_url
        )
        report = _play(setting, began_s)
    path = wish.out / "report.json"
    report.write(path)
    figures = plots.draw(report.to_json(), wish.out)
    narrator.end()
    return Finished(report, path, (path, *figures, narrator.log_path), _next_steps(wish))


def _dataset(wish: Wish, load: Callable[[str], Dataset], narrator: Narrator) -> tuple[Wish, Dataset]:
    try:
        return wish, load(wish.dataset)
    except DatasetUnavailable as error:
        if wish.dataset == "digits":
            raise
        narrator.warn(
            f"{wish.dataset} cannot be had ({error.message}); this run takes digits instead. {error.fix}"
        )
        return Wish(wish.scenario, "digits", wish.seed, wish.quick, wish.out), load("digits")


def _play(setting: Setting, began_s: float) -> Report:
    narrator = setting.narrator
    setup, book = GasBook(), GasBook()
    narrator.stage("deploy", "Contracts on a local chain; verifiers join their pool")
    deployment = deploy(setting.stage.chain(DEPLOYER, None, setup), folder=None)
    cast = setting.stage.cast(deployment, book)
    key = pool.PoolKey()
    for verifier in setting.stage.cast(deployment, setup).verifiers:
        pool.join(verifier.ctx, key)
        narrator.did(verifier.name, "joins the pool")

    narrator.stage("task", "The initiator escrows and opens the task")
    spec = setting.material.spec(
        setting.stage.store,
        name="Handwritten digits",
        scenario=setting.wish.scenario,
        rule=setting.budget.rule,
        fusion=FUSION,
        metric=setting.budget.metric,
    )
    opened = task.open_task(cast.initiator.ctx, spec, _terms(setting, key.pool), setting.material.shards)
    narrator.did(cast.initiator.name, f"opens task 0x{opened.task.hex()}")

    narrator.stage("train", "Five contributors train on private data")
    trained = _train(setting, cast, spec)
    baselines = _start_baselines(setting)

    narrator.stage("commit", "They seal their models, then open them")
    _commit(setting, cast, opened.task, trained)

    narrator.stage("draw", "A block's hash draws committee and shards; the initiator shows them")
    _draw(setting, cast, opened.task)

    narrator.stage("verify", "The committee evaluates every model, each member for itself")
    verified = _verify(setting, cast, opened.task, deployment)

    narrator.stage("vote", "Sealed ballots, then opened")
    _vote(setting, cast, opened.task, verified)

    narrator.stage("settle", "The accepted and the voters take what they are owed")
    view = _settle(setting, cast, opened.task)

    narrator.stage("fuse", "The accepted models become one; every rule, every number of models, baselines")
    measure = _measure(setting, spec, view)
    curves = _start_curves(setting, measure, trained, view)
    if view.accepted:
        fused = fuse.fuse(cast.initiator.ctx, opened.task)
        narrator.did(cast.initiator.name, f"stores the fused model {fused.manifest_cid}")
    else:
        narrator.warn("no model was accepted: there is nothing to fuse, and the reward went back")
    found = _finish_curves(setting, curves)
    tested = {"best_single": best_single_ppm(_submitted(trained), measure)}
    tested |= _finish_baselines(setting, baselines)
    return _report(setting, cast, view, trained, found, tested, setup, book, began_s)


def _terms(setting: Setting, pool_id: bytes) -> task.Terms:
    return task.Terms(
        reward_wei=REWARD_WEI,
        fee_wei=FEE_WEI,
        bond_wei=BOND_WEI,
        mafr_ppm=setting.budget.mafr_ppm,
        cap=5,
        committee=COMMITTEE,
        shards_drawn=setting.material.shards_drawn,
        pool=pool_id,
        notice_s=60,
        submit_s=3_600,
        open_s=600,
        draw_s=600,
        vote_s=3_600,
        ballot_s=600,
    )


def _train(setting: Setting, cast: Cast, spec: TaskSpec) -> list[Trained]:
    wish, material = setting.wish, setting.material
    order = (2, 3, 1, 4, 5)  # the dearest designs of Table I first
    futures: dict[str, Future[Trained]] = {}
    for number in order:
        mine = material.contributor(number)
        name = f"contributor {number}"
        futures[name] = setting.workers.start(
            name,
            work.train_model,
            spec,
            mine.train,
            mine.test,
            material.architecture(number, spec.architecture),
            setting.budget.recipe,
            wish.seed * 10 + number,
        )
    done = setting.workers.finish(futures, setting.narrator.progress)
    return [done[actor.name] for actor in cast.contributors]


def _start_baselines(setting: Setting) -> dict[str, Future[bytes]]:
    """Begin training what cooperation is held against; it goes on beside the next stages."""
    material, budget, start = setting.material, setting.budget, setting.workers.start
    architecture = material.design
    private = [share.train for share in material.shares.contributors]
    development, seed = material.shares.development, setting.wish.seed
    futures = {
        "verifier_only": start(
            "verifier only", work.train_verifier_only, architecture, development, budget.baseline, seed
        ),
        "centralised": start(
            "centralised", work.train_centralised, architecture, private, development, budget.baseline, seed
        ),
    }
    if setting.wish.scenario == 2:
        futures["fedavg"] = start(
            "FedAvg", work.train_fedavg, architecture, private, budget.fedavg, budget.fedavg_rounds, seed
        )
    return futures


def _finish_baselines(setting: Setting, futures: dict[str, Future[bytes]]) -> dict[str, int]:
    files = setting.workers.finish(futures, setting.narrator.progress)
    architecture = setting.material.design
    test = setting.material.dataset.test
    return {
        name: evaluate.accuracy_ppm(weights.from_bytes(data, architecture), test)
        for name, data in files.items()
    }


def _commit(setting: Setting, cast: Cast, task_id: bytes, trained: list[Trained]) -> None:
    _wait(setting, cast, task_id, Phase.NOTICE)
    for actor, model in zip(cast.contributors, trained, strict=True):
        commit.seal(actor.ctx, task_id, model.manifest, model.weights)
        setting.narrator.did(actor.name, "seals a model")
    _wait(setting, cast, task_id, Phase.SUBMIT)
    for actor in cast.contributors:
        shown = commit.open_model(actor.ctx, task_id)
        setting.narrator.did(actor.name, f"opens {shown.manifest_cid}")


def _draw(setting: Setting, cast: Cast, task_id: bytes) -> None:
    _wait(setting, cast, task_id, Phase.OPEN)
    fixed = draw.fix(cast.initiator.ctx, task_id)
    setting.narrator.did(cast.initiator.name, f"fixes block {fixed.draw_block} as the one that draws")
    revealed = draw.reveal(cast.initiator.ctx, task_id)
    shown = ", ".join(map(str, revealed.indices))
    setting.narrator.did(cast.initiator.name, f"shows the drawn shards {shown}")


def _committee(cast: Cast, view: TaskView) -> list[Actor]:
    drawn_now = {seat.verifier for seat in view.drawn_seats}
    return [actor for actor in cast.verifiers if actor.address in drawn_now]


def _verify(setting: Setting, cast: Cast, task_id: bytes, deployment: Deployment) -> dict[str, Verified]:
    """Scores by verifier: each over its own connection; in turn on a chain within this process."""
    committee = _committee(cast, task.show(cast.initiator.ctx, task_id))
    if setting.chain.url is None:
        return {actor.name: verify(actor.ctx, task_id) for actor in committee}
    address = work.Address(setting.chain.url, deployment, setting.store_url)
    futures = {
        actor.name: setting.workers.start(actor.name, work.verify_models, address, task_id)
        for actor in committee
    }
    return setting.workers.finish(futures, setting.narrator.progress)


def _vote(setting: Setting, cast: Cast, task_id: bytes, verified: dict[str, Verified]) -> None:
    committee = [actor for actor in cast.verifiers if actor.name in verified]
    for actor in committee:
        vote.seal(actor.ctx, task_id, verified[actor.name].scores_ppm)
        setting.narrator.did(actor.name, "seals a ballot")
    _wait(setting, cast, task_id, Phase.VOTE)
    for actor in committee:
        ballot = vote.open_ballot(actor.ctx, task_id)
        setting.narrator.did(
            actor.name, f"opens it: {', '.join(f'{s / 10_000:.2f} %' for s in ballot.scores_ppm)}"
        )


def _settle(setting: Setting, cast: Cast, task_id: bytes) -> TaskView:
    _wait(setting, cast, task_id, Phase.BALLOT)
    settle.settle(cast.initiator.ctx, task_id, pay=False)
    view = task.show(cast.initiator.ctx, task_id)
    accepted = {model.contributor for model in view.accepted}
    voted = {seat.verifier for seat in view.seats if seat.scores_ppm is not None}
    for actor in (*cast.contributors, *cast.verifiers):
        if actor.address in accepted | voted:
            taken = settle.withdraw(actor.ctx, task_id)
            setting.narrator.did(actor.name, f"withdraws {taken.amount_wei / 1e18:g} ether")
    settle.withdraw(cast.initiator.ctx, task_id)
    return task.show(cast.initiator.ctx, task_id)


def _wait(setting: Setting, cast: Cast, task_id: bytes, phase: Phase) -> None:
    """Until `phase` is over."""
    ends_at_s = task.show(cast.initiator.ctx, task_id).ends_at_s(phase)
    if ends_at_s is not None:
        setting.stage.clock.wait_until(ends_at_s)


def _submitted(trained: list[Trained]) -> list[Classifier]:
    """All models, accepted or not."""
    return [weights.from_bytes(model.weights, model.manifest.architecture) for model in trained]


def _measure(setting: Setting, spec: TaskSpec, view: TaskView) -> Measure:
    return Measure(
        setting.material.shares.development,
        drawn(setting.stage.store, spec, [shard.digest for shard in view.shards]),
        setting.material.dataset.test,
        setting.material.all_labels,
    )


def _start_curves(
    setting: Setting, measure: Measure, trained: list[Trained], view: TaskView
) -> dict[str, Future[dict[str, tuple[FusedPoint, ...]]]]:
    """Begin to fuse the first 1, 2, … accepted models, in order of opening: by every rule."""
    budget, by_digest = setting.budget, {model.manifest.digest(): model for model in trained}
    models = [by_digest[model.manifest] for model in view.accepted]
    seed = setting.wish.seed
    return {
        name: setting.workers.start(name, work.fuse_step_by_step, models, measure, rules, seed)
        for name, rules in {"own rule": (budget.own,), "the paper's rules": budget.paper}.items()
    }


def _finish_curves(
    setting: Setting, futures: dict[str, Future[dict[str, tuple[FusedPoint, ...]]]]
) -> dict[str, tuple[FusedPoint, ...]]:
    """The accuracy by number of models, of each rule."""
    found = setting.workers.finish(futures, setting.narrator.progress)
    return {**found["the paper's rules"], "own": found["own rule"][setting.budget.own.name]}


def _report(
    setting: Setting,
    cast: Cast,
    view: TaskView,
    trained: list[Trained],
    found: dict[str, tuple[FusedPoint, ...]],
    tested: dict[str, int],
    setup: GasBook,
    book: GasBook,
    began_s: float,
) -> Report:
    wish, initiator = setting.wish, cast.initiator
    return Report(
        scenario=wish.scenario,
        dataset=wish.dataset,
        seed=wish.seed,
        quick=wish.quick,
        mafr_ppm=view.key.mafr_ppm,
        task="0x" + view.task.hex(),
        fusion_rule=FUSION,
        own_rule=setting.budget.own.name,
        test_samples=len(setting.material.dataset.test),
        models=tuple(
            _model_row(setting, number, actor, model, view)
            for number, (actor, model) in enumerate(zip(cast.contributors, trained, strict=True), start=1)
        ),
        verifiers=tuple(_verifier_row(actor, view) for actor in cast.verifiers),
        fusion=found,
        baselines=tested,
        gas=dict(sorted(book.dearest.items())),
        gas_together=dict(sorted(book.together.items())),
        gas_times=dict(sorted(book.times.items())),
        round_gas=book.total,
        setup_gas=dict(sorted(setup.dearest.items())),
        escrow_left_wei=initiator.ctx.chain.rpc.balance_wei(initiator.ctx.chain.quorate.address),
        reward_wei=view.key.reward_wei,
        fee_wei=view.key.fee_wei,
        bond_wei=view.key.bond_wei,
        returned_wei=view.paid_wei(initiator.address),
        wall_s=round(time.monotonic() - began_s),
        times_s=setting.narrator.times_s(),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    )


def _model_row(setting: Setting, number: int, actor: Actor, model: Trained, view: TaskView) -> ModelRow:
    seen = view.model_of(actor.address)
    assert seen is not None
    mine = setting.material.contributor(number)
    network = weights.from_bytes(model.weights, model.manifest.architecture)
    return ModelRow(
        number=number,
        contributor=actor.address,
        labels=mine.labels,
        cid=cid_of(model.manifest.to_bytes()),
        sha256=model.manifest.weights.sha256,
        weights_bytes=len(model.weights),
        claimed_ppm=seen.claimed_ppm,
        own_verification_ppm=evaluate.accuracy_ppm(network, mine.verification),
        score_ppm=seen.score_ppm,
        scores_ppm=seen.scores_ppm,
        votes_for=seen.votes_for,
        committee=view.committee or 0,
        accepted=seen in view.accepted,
        paid_wei=view.paid_wei(actor.address),
    )


def _verifier_row(actor: Actor, view: TaskView) -> VerifierRow:
    seat = view.seat_of(actor.address)
    return VerifierRow(
        address=actor.address,
        drawn=seat is not None and seat.place is not None,
        voted=seat is not None and seat.scores_ppm is not None,
        paid_wei=view.paid_wei(actor.address),
    )


def _next_steps(wish: Wish) -> tuple[str, ...]:
    other = 1 if wish.scenario == 2 else 2
    quick = " --quick" if wish.quick else ""
    return (
        "source tools/env.sh  (once for each shell)",
        f"quorate demo --scenario {other}{quick}",
        "quorate devnet",
        "quorate help exit-codes",
    )
