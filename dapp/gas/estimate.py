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
from dapp.gas.runs import Run
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
    default_fix = "Plan something else."


@dataclass(frozen=True)
class Plan:
    """What is meant to happen. No models: no task; no epochs: no run."""

    verifiers: int = 3  # of the committee
    pool: int = 0  # members of the pool that it is drawn from; 0: all of them are drawn
    models: int = 3
    accepted: int | None = None  # None: all; of a round as many as its kind takes
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
        if not (self.models or self.epochs):
            raise PlanImpossible(
                "no models and no epochs: nothing would happen", fix="Plan one or the other."
            )
        if self.kind != FUSE and self.accepted is not None:
            raise PlanImpossible(f"how many models are accepted follows from the kind {self.kind}",
                                 fix="An improvement takes one model, an extension all of them.")  # fmt: skip
        if self.batched and self.fees is Fees.ON_OPENING:
            raise PlanImpossible(
                "who has a ballot opened in a batch is not paid on opening",
                fix="Plan the fees settled, or apart; or no batches.",
            )
        for what, value, least, most in (
            ("verifiers", self.verifiers, 1, MAX_VERIFIERS),
            ("members of the pool", self.members, self.verifiers, MAX_VERIFIERS),
            ("models", self.models, 0, MAX_MODELS),
            ("accepted models", self.taken, 0, self.models),
            ("tensors", self.tensors, 1, MAX_TENSORS),
            ("epochs", self.epochs, 0, MAX_EPOCHS),
            ("nodes", self.nodes, 1, MAX_NODES),
            ("epochs in a batch", self.register_every, 1, MAX_EPOCHS),
            ("drawn shards", self.shards_drawn, 1, min(MAX_SHARDS_DRAWN, self.shards)),
            ("shards", self.shards, 1, MAX_SHARDS),
        ):
            if not least <= value <= most:
                raise PlanImpossible(
                    f"{value:,} {what}: {least:,} to {most:,} can be estimated",
                    fix="Stay within what the message names.",
                )

    @property
    def members(self) -> int:
        return self.pool or self.verifiers

    @property
    def taken(self) -> int:
        """Models that are accepted, where the plan says how many; else all."""
        return self.models if self.accepted is None else self.accepted


# what `quorate task open` opens and agents play, and so what `quorate gas estimate` estimates without options
USUAL: Final = Plan(fees=Fees.SETTLED, shards=20, shards_drawn=10)


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

    def plus(self, other: Line, times: int) -> Line:
        """This and so many of the other."""
        more = Gas(other.gas.today * times, other.gas.announced * times)
        return Line(
            self.operation,
            self.count + other.count * times,
            total([self.gas, more]),
            max(self.largest, other.largest),
        )


@dataclass(frozen=True)
class Share:
    """What a role pays."""

    role: Role
    people: int
    gas: Gas  # all of them together, without what counts for many tasks
    joined: int  # people who pay once: a pool has more members than are drawn
    once: Gas  # what they pay for many tasks: joining a pool, starting a run

    @property
    def each(self) -> Gas:
        return _apiece(self.gas, self.people)

    @property
    def once_each(self) -> Gas:
        return _apiece(self.once, self.joined)


@dataclass(frozen=True)
class Bill:
    """Operations, what each role pays, and all of it."""

    lines: tuple[Line, ...]
    people: dict[Role, int]
    members: int = 0  # of the pool

    def shares(self) -> list[Share]:
        """By role, in the order of Role; who takes part and pays for nothing is there too."""
        found = []
        for role in Role:
            mine = [line for line in self.lines if line.role is role]
            if mine or self.people.get(role):
                often = total([line.gas for line in mine if not line.operation.once])
                once = total([line.gas for line in mine if line.operation.once])
                people = max(1, self.people.get(role, 1))
                joined = max(people, self.members) if role is Role.VERIFIER else people
                found.append(Share(role, people, often, joined, once))
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
    people = {
        Role.CONTRIBUTOR: plan.models,
        Role.VERIFIER: plan.verifiers if plan.models else 0,
        Role.NODE: plan.nodes if plan.epochs else 0,
    }
    return Bill(tuple(lines), people, plan.members if plan.models else 0)


def _task(plan: Plan) -> list[w.Sent]:
    world, kind = w.World(), KINDS[plan.kind]
    options: dict[str, Any] = {
        "batched": plan.batched,
        "fees": plan.fees,
        "published": plan.published,
        "shard_count": plan.shards,
        "shards_drawn": plan.shards_drawn,
    }
    if plan.pool:
        options["committee"] = plan.verifiers
    with world.noting() as notes:
        if kind is Kind.NONE:
            plays.task(world, plan.members, plan.models, accepted=plan.taken, **options)
        else:
            line_plays.whole(world, kind, plan.members, plan.models, tensors=plan.tensors, **options)
    return notes


def _run(plan: Plan) -> list[Line]:
    """The first batch and a later one are played; all later ones cost the same."""
    batches = -(-plan.epochs // plan.register_every)
    world = w.World()
    with world.noting() as first:
        run = plays.run(world, plan.nodes)
        _batch(run, plan)
    lines = {line.operation: line for line in lines_of(first)}
    if batches > 1:
        with world.noting() as later:
            _batch(run, plan)
        for line in lines_of(later):
            lines[line.operation] = lines[line.operation].plus(line, batches - 1)
    return list(lines.values())


def _batch(run: Run, plan: Plan) -> None:
    if plan.announce:
        plays.record(run)
    plays.register(run)


def _apiece(gas: Gas, people: int) -> Gas:
    """Rounded."""
    return Gas((2 * gas.today + people) // (2 * people), (2 * gas.announced + people) // (2 * people))


def lines_of(notes: Iterable[w.Sent]) -> list[Line]:
    """What was sent, by operation, in order."""
    found: dict[Operation, list[Gas]] = {}
    for sent in notes:
        found.setdefault(of(sent.contract, sent.function), []).append(Gas.of(sent.receipt))
    return [line_of(operation, figures) for operation, figures in found.items()]


def line_of(operation: Operation, figures: Sequence[Gas]) -> Line:
    """Transactions of one operation as a line."""
    return Line(operation, len(figures), total(figures), max(figure.today for figure in figures))
