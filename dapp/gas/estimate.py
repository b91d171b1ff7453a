"""What a planned task and run will cost each role: the plan is played on a chain in this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dapp.chain.ledger import MAX_NODES
from dapp.chain.lineage import Kind
from dapp.chain.words import MAX_MODELS
from dapp.gas import line_plays, plays
from dapp.gas import world as w
from dapp.gas.measure import Gas, total
from dapp.gas.operations import Operation, Role, of
from dapp.gas.plays import Fees
from ml.errors import QuorateError
from ml.round_rules import EXTEND, IMPROVE
from ml.spec import FUSE

MAX_VERIFIERS: Final = 1_200  # Bounds.MAX_POOL
MAX_SHARDS_DRAWN: Final = 32  # Bounds.MAX_SHARDS_DRAWN
MAX_SHARDS: Final = 10_000  # more are possible, none of whose leaves matter here
MAX_TENSORS: Final = 10_000  # 65,535 are possible; a proof grows with the logarithm
MAX_EPOCHS: Final = 2**47  # a header counts its height in 48 bits


KINDS: Final = {FUSE: Kind.NONE, IMPROVE: Kind.IMPROVE, EXTEND: Kind.EXTEND}


class PlanImpossible(QuorateError):
    """A task or run that the contracts would not take."""

    code = "plan-impossible"
    default_fix = "Stay within the limits that the message names (contracts/libraries/Bounds.sol)."


@dataclass(frozen=True)
class Plan:
    """What is meant to happen. No models: no task; no epochs: no run."""

    verifiers: int = 3
    models: int = 3
    kind: str = FUSE  # of KINDS: a round that improves takes one of the models, one that extends all
    tensors: int = line_plays.TENSORS  # of the head that a round goes on from
    epochs: int = 0
    nodes: int = 5
    batched: bool = False
    fees: Fees = Fees.APART
    published: bool = False  # the pool's roster stands already
    register_every: int = 64  # epochs that nodes sign as one batch
    announce: bool = True  # the recorder announces each batch too
    shards: int = 10
    shards_drawn: int = 3

    def check(self) -> None:
        """Raises PlanImpossible."""
        if self.kind not in KINDS:
            raise PlanImpossible(f"a task's kind is {', '.join(KINDS)}, not {self.kind[:40]!r}")
        for what, value, least, most in (
            ("verifiers", self.verifiers, 1, MAX_VERIFIERS),
            ("models", self.models, 0, MAX_MODELS),
            ("tensors", self.tensors, 1, MAX_TENSORS),
            ("epochs", self.epochs, 0, MAX_EPOCHS),
            ("nodes", self.nodes, 1, MAX_NODES),
            ("epochs in a batch", self.register_every, 1, MAX_EPOCHS),
            ("drawn shards", self.shards_drawn, 1, min(MAX_SHARDS_DRAWN, self.shards)),
            ("shards", self.shards, 1, MAX_SHARDS),
        ):
            if not least <= value <= most:
                raise PlanImpossible(f"{value:,} {what}: {least:,} to {most:,} are possible")


@dataclass(frozen=True)
class Line:
    """All transactions of one operation."""

    operation: Operation
    count: int
    gas: Gas
    largest: int  # gas of one transaction, today

    @property
    def role(self) -> Role:
        return self.operation.role


@dataclass(frozen=True)
class Share:
    """What a role pays."""

    role: Role
    people: int
    gas: Gas  # all of them together, without what counts for many tasks
    once: Gas  # what counts for many tasks: joining a pool, starting a run

    @property
    def each(self) -> Gas:
        return Gas(round(self.gas.today / self.people), round(self.gas.announced / self.people))


@dataclass(frozen=True)
class Bill:
    """Operations, what each role pays, and all of it."""

    lines: tuple[Line, ...]
    people: dict[Role, int]

    def shares(self) -> list[Share]:
        """By role, in the order of Role."""
        found = []
        for role in Role:
            mine = [line for line in self.lines if line.role is role]
            if mine:
                often = total([line.gas for line in mine if not line.operation.once])
                once = total([line.gas for line in mine if line.operation.once])
                found.append(Share(role, max(1, self.people.get(role, 1)), often, once))
        return found

    @property
    def sum(self) -> Gas:
        """Without what counts for many tasks."""
        return total([line.gas for line in self.lines if not line.operation.once])

    @property
    def once(self) -> Gas:
        return total([line.gas for line in self.lines if line.operation.once])

    @property
    def transactions(self) -> int:
        return sum(line.count for line in self.lines if not line.operation.once)

    @property
    def largest(self) -> Line:
        """The line with the largest single transaction."""
        return max(self.lines, key=lambda line: line.largest)


def estimate(plan: Plan) -> Bill:
    """Play `plan`. Raises PlanImpossible."""
    plan.check()
    lines: list[Line] = []
    if plan.models:
        lines += lines_of(_task(plan))
    if plan.epochs:
        lines += _run(plan)
    people = {Role.CONTRIBUTOR: plan.models, Role.VERIFIER: plan.verifiers, Role.NODE: plan.nodes}
    return Bill(tuple(lines), people)


def _task(plan: Plan) -> list[w.Sent]:
    world, kind = w.World(), KINDS[plan.kind]
    options: dict[str, Any] = {
        "batched": plan.batched,
        "fees": plan.fees,
        "published": plan.published,
        "shard_count": plan.shards,
        "shards_drawn": plan.shards_drawn,
    }
    with world.noting() as notes:
        if kind is Kind.NONE:
            plays.task(world, plan.verifiers, plan.models, **options)
        else:
            line_plays.whole(world, kind, plan.verifiers, plan.models, tensors=plan.tensors, **options)
    return notes


def _run(plan: Plan) -> list[Line]:
    """The first batch and a later one are played; all later ones cost the same."""
    batches = -(-plan.epochs // plan.register_every)
    world = w.World()
    with world.noting() as started:
        run = plays.run(world, plan.nodes)
    steps: list[list[w.Sent]] = []
    for _ in range(min(batches, 2)):
        with world.noting() as step:
            if plan.announce:
                plays.record(run)
            plays.register(run)
        steps.append(step)
    every = [*steps[0], *(sent for step in steps[1:] for sent in step * (batches - 1))]
    return lines_of([*started, *every])


def lines_of(notes: Iterable[w.Sent]) -> list[Line]:
    """What was sent, by operation, in order."""
    found: dict[Operation, list[Gas]] = {}
    for sent in notes:
        found.setdefault(of(sent.contract, sent.function), []).append(Gas.of(sent.receipt))
    return [line_of(operation, figures) for operation, figures in found.items()]


def line_of(operation: Operation, figures: Sequence[Gas]) -> Line:
    """Transactions of one operation as a line."""
    return Line(operation, len(figures), total(figures), max(figure.today for figure in figures))
