"""What lineages and badges cost, by sentence: a part of dapp.gas.snapshot."""

from __future__ import annotations

from dataclasses import replace

from dapp.chain.badges import BadgeKind
from dapp.chain.lineage import Kind
from dapp.gas import world as w
from dapp.gas.lines import CHALLENGE_S, CHALLENGER, THRESHOLD_PPM, Grown, Line
from dapp.gas.plays import Fees, judge, submit
from dapp.gas.rounds import Round
from dapp.gas.world import World

SIZES = (10, 1_000)  # tensors of a head


def measure(world: World) -> dict[str, int]:
    """All figures by sentence; every account has been used before."""
    for actor in (*w.contributors(3), *w.verifiers(3), w.STRANGER, CHALLENGER):
        world.evm.fund(actor, 1)
    gas = _improving(world)
    for tensors in SIZES:
        gas |= _extending(world, tensors)
    return gas


def _improving(world: World) -> dict[str, int]:
    line, gas = Line(world, 10, score_ppm=THRESHOLD_PPM - 1), {}
    line.start()
    gas["start a lineage, 2 classes"] = line.started.gas_used
    models = {contributor: line.improved(contributor) for contributor in w.contributors(3)}
    best = list(models)[1]
    task = line.task(3)
    gas["open a round, first in lineage"] = line.open(Kind.IMPROVE, task).gas_used
    submit(task)
    declared = [line.declare(task, contributor, model).gas_used for contributor, model in models.items()]
    gas["declare an improvement (above a fuse round, per contributor)"] = max(declared)
    judge(task, False, Fees.APART, [_score(contributor == best) for contributor in models])
    gas["improve: move the head"] = line.extend(task, {best: models[best]}).gas_used
    world.evm.travel(CHALLENGE_S)
    gas["withdraw a prize"] = line.prize(task, best).gas_used
    gas["badge, first of an account"] = _claim(world, BadgeKind.LOWEST, task, best)
    gas["badge, later"] = _claim(world, BadgeKind.ACCEPTED, task, best)
    gas["badge of a verifier, first of an account"] = _claim(
        world, BadgeKind.VERIFIER, task, line.verifiers[0], task.seat(line.verifiers[0])
    )
    line.leaves = models[best].leaves
    later = line.task(1)
    gas["open a round, later"] = line.open(Kind.EXTEND, later).gas_used
    later.cancel()
    gas["close a round"] = line.close(later).gas_used
    gas["improve round above a fuse round, 3 contributors, all together"] = (
        gas["open a round, later"] + sum(declared) + gas["improve: move the head"]
    )
    return gas


def _extending(world: World, tensors: int) -> dict[str, int]:
    gas, of = {}, f"of {tensors:,} tensors"
    first, second = w.contributors(2)
    line = Line(world, tensors).start()
    one = {first: line.grown("one", 2, ["two"], changed=tensors // 2)}
    task = line.task(1)
    line.open(Kind.EXTEND, task)
    submit(task)
    gas["declare an extension by one class"] = line.declare(task, first, one[first]).gas_used
    judge(task, False, Fees.APART, [_score(True)])
    gas[f"extend a head {of} by one growth"] = line.extend(task, one).gas_used
    overturned = line.overturn(task, first, one[first], tensors // 2)
    gas[f"overturn an extension {of}"] = overturned.gas_used
    line.close(task)
    two: dict[str, Grown] = {
        first: line.grown("first", 2, ["two"]),
        second: replace(line.grown("second", 2, ["three"]), score_ppm=820_000),
    }
    merged = line.play(Kind.EXTEND, two)
    gas[f"extend a head {of} by two growths"] = line.extend(merged, two).gas_used
    return gas


def _score(taken: bool) -> int:
    """A ballot's score for a model that is to be taken, or not."""
    return 850_000 if taken else 350_000


def _claim(world: World, kind: BadgeKind, task: Round, account: str, seat: int = 0) -> int:
    return world.send(w.STRANGER, world.badges, "claim", kind, task.task, account, seat).gas_used
