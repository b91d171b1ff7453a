"""Rounds of lineages, played as plays.task plays a task: models are declared, taken as the head, and paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dapp.chain.badges import BadgeKind
from dapp.chain.lineage import Kind
from dapp.gas import world as w
from dapp.gas.lines import CHALLENGE_S, COMMITTEE, LEAVE, TAKE, THRESHOLD_PPM, Grown, Line
from dapp.gas.plays import Fees, finish, judge, ready, show, submit
from dapp.gas.rounds import Round

TENSORS = 10  # of a head, where nothing else is said


def begun(
    world: w.World, kind: Kind, tensors: int = TENSORS, verifiers: int = 3, committee: int | None = None
) -> Line:
    """A lineage whose first round may be of this kind. committee: of its tasks (None: all verifiers)."""
    score_ppm = THRESHOLD_PPM - 1 if kind is Kind.IMPROVE else THRESHOLD_PPM
    least = min(verifiers if committee is None else committee, COMMITTEE)
    return Line(world, tensors, verifiers=verifiers, score_ppm=score_ppm, committee=least).start()


def models_of(line: Line, kind: Kind, count: int) -> dict[str, Grown]:
    """What so many contributors make of the head; growths teach a class each."""
    heads = int(line.line()["heads"])
    return {
        contributor: line.improved(f"{contributor} {heads}")
        if kind is Kind.IMPROVE
        else line.grown(f"{contributor} {heads}", 2, [f"class {heads}.{number}"])
        for number, contributor in enumerate(w.contributors(count))
    }


def taken_of(kind: Kind, models: dict[str, Grown]) -> dict[str, Grown]:
    """Those that become the head: of an improvement the first, of an extension all."""
    return dict(list(models.items())[:1]) if kind is Kind.IMPROVE else models


def played(
    line: Line,
    kind: Kind,
    models: dict[str, Grown],
    *,
    batched: bool = False,
    fees: Fees = Fees.ON_OPENING,
    published: bool = True,
    **terms: Any,
) -> Round:
    """A round up to its new head."""
    taken = taken_of(kind, models)
    task = declared(line, kind, models, batched=batched, published=published, **terms)
    judge(task, batched, fees, [TAKE if contributor in taken else LEAVE for contributor in models])
    finish(task, fees, list(taken))
    line.extend(task, taken)
    return task


def declared(
    line: Line,
    kind: Kind,
    models: dict[str, Grown],
    *,
    batched: bool = False,
    published: bool = True,
    **terms: Any,
) -> Round:
    """A round whose models are opened and declared; it waits for its draw."""
    task = line.task(len(models), opened=False, **{"cap": max(len(models), 8), **terms})
    ready(task, published)
    task.open()
    line.open(kind, task)
    submit(task, batched)
    for contributor, model in models.items():
        line.declare(task, contributor, model)
    return task


def paid(line: Line, task: Round, models: dict[str, Grown]) -> None:
    """Nobody overturns the head: those whose models made it take the prize, and the line goes on from it."""
    line.world.evm.travel(CHALLENGE_S)
    for contributor in models:
        line.prize(task, contributor)
    line.adopt(models)


def whole(
    world: w.World,
    kind: Kind,
    verifiers: int = 3,
    models: int = 3,
    *,
    tensors: int = TENSORS,
    **how: Any,
) -> Round:
    """A lineage's first round, from the task to the prizes."""
    line = begun(world, kind, tensors, verifiers, how.get("committee"))
    made = models_of(line, kind, models)
    task = played(line, kind, made, **how)
    paid(line, task, taken_of(kind, made))
    return task


def life(world: w.World) -> Line:
    """A lineage that is improved, extended by one class, then by two; everyone claims their badges."""
    line = begun(world, Kind.IMPROVE)
    for kind, count in ((Kind.IMPROVE, 3), (Kind.EXTEND, 1), (Kind.EXTEND, 2)):
        models = models_of(line, kind, count)
        task = played(line, kind, models)
        taken = taken_of(kind, models)
        paid(line, task, taken)
        badges(task, BadgeKind.PART, list(models))
        badges(task, BadgeKind.ACCEPTED, list(taken))
        badges(task, BadgeKind.LOWEST if kind is Kind.IMPROVE else BadgeKind.TEACHER, list(taken))
        badges(task, BadgeKind.VERIFIER, task.verifiers)
    line.end()
    return line


def badges(task: Round, kind: BadgeKind, accounts: Sequence[str]) -> None:
    """Each of them claims its badge."""
    for account in accounts:
        seat = task.seat(account) if kind is BadgeKind.VERIFIER else 0
        task.world.send(account, task.world.badges, "claim", kind, task.task, account, seat)


def overturned(world: w.World, tensors: int = TENSORS) -> None:
    """An extension by one growth that changed an old tensor is overturned and its round closed; then one by
    two growths stands.
    """
    line = begun(world, Kind.EXTEND, tensors)
    cheat, *_ = w.contributors(1)
    changed = {cheat: line.grown("changed", 2, ["changed"], changed=tensors // 2)}
    task = played(line, Kind.EXTEND, changed)
    line.overturn(task, cheat, changed[cheat], tensors // 2)
    line.close(task)
    made = models_of(line, Kind.EXTEND, 2)
    paid(line, played(line, Kind.EXTEND, made), made)


def doubted(world: w.World) -> None:
    """A majority of the committee doubts the head: the lineage's first, so that it ends."""
    line = begun(world, Kind.EXTEND)
    task = declared(line, Kind.EXTEND, models_of(line, Kind.EXTEND, 1))
    show(task)
    for verifier in task.verifiers[:2]:
        line.doubt(task, verifier)
