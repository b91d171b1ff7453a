"""Measures every public operation of every contract on a fresh chain, over the sizes that may matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dapp.artifacts import load_artifact
from dapp.chain.client import CONTRACTS
from dapp.chain.contracts import creation
from dapp.chain.lineage import Kind
from dapp.gas import line_plays, plays, reprice
from dapp.gas import world as w
from dapp.gas.evm import Receipt
from dapp.gas.operations import Operation, of
from dapp.gas.plays import Fees
from dapp.gas.schedules import announced
from dapp.gas.trace import Work

Say = Callable[[str, int, int], None]
USUAL: Final = {"verifiers": 3, "models": 3, "members": 3, "nodes": 5, "epochs": 10, "tensors": 10}  # sizes
USUAL_SIZES: Final = (
    "{verifiers} verifiers, up to {models} models, {nodes} nodes, steps of {epochs} epochs,"
    " a head of {tensors} tensors"
).format(**USUAL)


@dataclass(frozen=True)
class Gas:
    """One figure under both schedules."""

    today: int
    announced: int

    @classmethod
    def of(cls, receipt: Receipt) -> Gas:
        return cls(receipt.gas_used, reprice.gas(receipt.work, announced()))

    def __add__(self, other: Gas) -> Gas:
        return Gas(self.today + other.today, self.announced + other.announced)

    def __mul__(self, times: int) -> Gas:
        return Gas(self.today * times, self.announced * times)


NONE: Final = Gas(0, 0)


def many(count: int, what: str) -> str:
    """As `1 verifier`, `1,000 verifiers`."""
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def total(parts: Sequence[Gas]) -> Gas:
    return sum(parts, NONE)


@dataclass(frozen=True)
class Scene:
    """Something to play, and how large it is. Scenes of one series differ in one size."""

    name: str
    play: Callable[[w.World], object]
    sizes: dict[str, int]
    series: str = ""  # the size that grows in this series
    kind: str = ""  # what is played: series are compared within one kind
    full: bool = False  # only in a full measurement
    grows: tuple[str, ...] = ()  # contracts whose operations the series is about; none named: all


@dataclass(frozen=True)
class Point:
    """All transactions of one operation in one scene."""

    operation: Operation
    scene: str
    kind: str
    series: str
    sizes: dict[str, int]
    count: int
    first: Gas
    later: Gas | None  # mean of the others
    least: Gas
    most: Gas
    sum: Gas
    work: Work = field(repr=False)  # of the dearest

    @property
    def is_usual(self) -> bool:
        """Whether all its sizes are usual ones."""
        return self.sizes.items() <= USUAL.items()

    @property
    def mean(self) -> Gas:
        return Gas(round(self.sum.today / self.count), round(self.sum.announced / self.count))


@dataclass(frozen=True)
class Deployment:
    """What a contract takes to deploy."""

    name: str
    code_bytes: int
    gas: Gas


@dataclass(frozen=True)
class Measured:
    """Everything that was measured."""

    points: tuple[Point, ...]
    deployments: tuple[Deployment, ...]
    full: bool

    def points_of(self, scene: str) -> list[Point]:
        return [point for point in self.points if point.scene == scene]


def _tasks(kind: str, batched: bool, fees: Fees) -> list[Scene]:
    found = []
    grid = [("verifiers", v, 3) for v in (1, 3, 10, 32, 100)] + [("models", 3, m) for m in (1, 3, 10)]
    grid += [("verifiers", 1_000, 3), ("models", 3, 21)]
    for series, verifiers, models in grid:
        name = f"task, {kind}: {many(verifiers, 'verifier')}, {many(models, 'model')}, growing {series}"
        sizes = {"verifiers": verifiers, "models": models}
        play = _task(verifiers, models, batched, fees)
        found.append(Scene(name, play, sizes, series, kind, full=verifiers > 100 or models > 10))
    return found


def _task(verifiers: int, models: int, batched: bool, fees: Fees, **more: Any) -> Callable[[w.World], object]:
    return lambda world: plays.task(world, verifiers, models, batched=batched, fees=fees, **more)


def _sized(size_bytes: int) -> Callable[[w.World], object]:
    return lambda world: plays.task(world, 1, 1, size_bytes=size_bytes)


def _recorded(epochs: int, nodes: int) -> Callable[[w.World], object]:
    return lambda world: plays.recorded(world, epochs, nodes)


def _far(epochs: int) -> Callable[[w.World], object]:
    return lambda world: plays.far(world, epochs)


def _opened(tasks: int) -> Callable[[w.World], object]:
    return lambda world: plays.opened(world, tasks)


def _members(count: int) -> Callable[[w.World], object]:
    return lambda world: plays.members(world, count)


def _round(kind: Kind, models: int) -> Callable[[w.World], object]:
    return lambda world: line_plays.whole(world, kind, 3, models)


def _overturned(tensors: int) -> Callable[[w.World], object]:
    return lambda world: line_plays.overturned(world, tensors)


def _rounds() -> list[Scene]:
    """Rounds of lineages: by models and by tensors of the head, and what happens in few of them."""
    found = []
    for kind, what in ((Kind.IMPROVE, "improves"), (Kind.EXTEND, "extends")):
        for models in (1, 3, 10):
            sizes = {"verifiers": 3, "models": models}
            name = f"a round of {many(models, 'model')} that {what}"
            play = _round(kind, models)
            found.append(Scene(name, play, sizes, "models", f"a round that {what}", grows=("Lineage",)))
    for tensors in (10, 50, 200, 1_000, 10_000):
        name = f"a head of {tensors:,} tensors is extended, overturned, and extended by two"
        sizes = {"verifiers": 3, "tensors": tensors}
        play, full = _overturned(tensors), tensors > 1_000
        found.append(Scene(name, play, sizes, "tensors", "overturned", full, grows=("Lineage",)))
    found.append(Scene("a lineage of 3 rounds, with badges", line_plays.life, {"verifiers": 3}))
    found.append(Scene("a doubted head", line_plays.doubted, {"verifiers": 3}))
    return found


def scenes() -> list[Scene]:
    """Everything that is played."""
    found = [
        *_tasks("everyone alone", False, Fees.ON_OPENING),
        *_tasks("batched", True, Fees.SETTLED),
        Scene("task, fees withdrawn apart", _task(3, 3, False, Fees.APART), {"verifiers": 3, "models": 3}),
        Scene("rare ends of a task", plays.exits, {"verifiers": 3, "models": 3}),
        *_rounds(),
    ]
    for size in (10**3, 10**6, 10**9):
        sizes = {"verifiers": 1, "models": 1, "size_bytes": size}
        found.append(Scene(f"task, models of {size:,} bytes", _sized(size), sizes, "size_bytes", "sizes"))
    for count in (1, 3, 10, 100, 1_000):
        name = f"a pool of {many(count, 'verifier')}"
        found.append(Scene(name, _members(count), {"members": count}, "members", "pool", count > 100))
    for epochs in (1, 10, 100, 1_000):
        sizes = {"epochs": epochs, "nodes": 5}
        name = f"a run of 5 nodes, {many(epochs, 'epoch')} a step"
        found.append(Scene(name, _recorded(epochs, 5), sizes, "epochs", "run"))
    for epochs in (16, 256, 4_096, 16_384, 1_048_576):
        sizes = {"epochs": epochs, "nodes": 5}
        name = f"a run of 5 nodes goes back past {epochs:,} epochs"
        found.append(Scene(name, _far(epochs), sizes, "epochs", "far back", epochs > 65_536))
    for tasks in (1, 3, 10, 100, 10_000):
        sizes, name = {"tasks": tasks}, many(tasks, "task")
        found.append(Scene(name, _opened(tasks), sizes, "tasks", "tasks", tasks > 100))
    for nodes in (1, 3, 10, 100, 255):
        sizes = {"epochs": 10, "nodes": nodes}
        name = f"a run of {many(nodes, 'node')}, 10 epochs a step"
        found.append(Scene(name, _recorded(10, nodes), sizes, "nodes", "run", nodes > 100))
    found.append(Scene("nodes change, one is barred", plays.changed, {"nodes": 5}))
    return found


def measure(full: bool = False, say: Say = lambda name, done, total: None) -> Measured:
    """Play every scene on a chain of its own and price what was sent.

    full: the largest sizes too (a few minutes). say: told the scene that begins, and how far it is.
    """
    chosen = [scene for scene in scenes() if full or not scene.full]
    points: list[Point] = []
    for done, scene in enumerate(chosen):
        say(scene.name, done, len(chosen))
        points += points_of(scene)
    say("deployments", len(chosen), len(chosen))
    return Measured(tuple(points), deployments(), full)


def points_of(scene: Scene) -> list[Point]:
    """Play one scene."""
    world = w.World()
    with world.noting() as notes:
        scene.play(world)
    by_operation: dict[Operation, list[Receipt]] = {}
    for sent in notes:
        by_operation.setdefault(of(sent.contract, sent.function), []).append(sent.receipt)
    return [_point(scene, operation, receipts) for operation, receipts in by_operation.items()]


def _point(scene: Scene, operation: Operation, receipts: Sequence[Receipt]) -> Point:
    figures = [Gas.of(receipt) for receipt in receipts]
    later = figures[1:]
    both = total(later)
    dearest = max(receipts, key=lambda receipt: receipt.gas_used)
    return Point(
        operation=operation,
        scene=scene.name,
        kind=scene.kind,
        series=scene.series if not scene.grows or operation.contract in scene.grows else "",
        sizes=scene.sizes,
        count=len(figures),
        first=figures[0],
        later=Gas(round(both.today / len(later)), round(both.announced / len(later))) if later else None,
        least=Gas(min(f.today for f in figures), min(f.announced for f in figures)),
        most=Gas(max(f.today for f in figures), max(f.announced for f in figures)),
        sum=total(figures),
        work=dearest.work,
    )


def deployments() -> tuple[Deployment, ...]:
    """What each contract takes to deploy, and how large its code is."""
    world = w.World()
    board = world.board.address
    args: dict[str, tuple[object, ...]] = {
        "Quorate": (world.membership.address, 2),
        "Lineage": (board,),
        "Badges": (board, world.lineage.address),
    }
    found = []
    for name in CONTRACTS:
        receipt = world.evm.send(w.STRANGER, None, creation(name, *args.get(name, ())))
        found.append(Deployment(name, len(load_artifact(name).runtime_code), Gas.of(receipt)))
    return tuple(found)
