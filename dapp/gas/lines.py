"""Lineages of a World, driven round by round, with the trees that honest participants would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from eth_utils import keccak

from dapp.chain.lineage import (
    ROUND_MAFR_PPM,
    Growth,
    Head,
    Kind,
    Lineages,
    LineageTerms,
    Merge,
    NewClass,
    class_word,
    merged,
)
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import Receipt
from dapp.gas.rounds import Round

CHALLENGE_S = 500
COMMITTEE = 3  # the least that a lineage's rounds have, where the pool has as many
PRIZE_WEI = 3 * w.ETHER + 1
TAKE, LEAVE = ROUND_MAFR_PPM + 300_000, 300_000  # a score that says so
THRESHOLD_PPM = 800_000
CHALLENGER = w.account(902)


def leaves_of(name: str, count: int) -> tuple[bytes, ...]:
    """The leaves of a model's tensors."""
    return tuple(keccak(text=f"{name} tensor {place}") for place in range(count))


def classes_of(names: Sequence[str]) -> tuple[NewClass, ...]:
    """Classes of these names, each with a label spec."""
    return tuple(NewClass(class_word(name), keccak(text=f"label {name}")) for name in names)


@dataclass(frozen=True)
class Grown:
    """A contributor's model: all its leaves, and what it declares."""

    leaves: tuple[bytes, ...]
    classes: tuple[str, ...] = ()
    score_ppm: int = 850_000

    @property
    def tree(self) -> PlacedTree:
        return PlacedTree(self.leaves)

    @property
    def growth(self) -> Growth:
        return Growth(self.tree.root, len(self.leaves), 100_000, self.score_ppm, classes_of(self.classes))


class Line:
    """A lineage, started; its present head's leaves are known as an honest node knows them."""

    def __init__(
        self,
        world: w.World,
        tensors: int = 4,
        classes: Sequence[str] = ("zero", "one"),
        verifiers: int = 3,
        **terms: Any,
    ) -> None:
        self.world, self.at = world, world.lineage
        self.verifiers = w.verifiers(verifiers)
        self.pool = world.join(self.verifiers)
        self.leaves = leaves_of("first", tensors)
        self.classes = tuple(classes)
        usual = LineageTerms(
            initiator=w.INITIATOR,
            spec=keccak(text="spec"),
            weights=keccak(text="first weights"),
            manifest=keccak(text="first manifest"),
            tensors=PlacedTree(self.leaves).root,
            tensor_count=tensors,
            score_ppm=THRESHOLD_PPM,
            pool=self.pool,
            committee=min(verifiers, COMMITTEE),
            prize_wei=PRIZE_WEI,
            rounds_max=5,
            idle_max=2,
            threshold_ppm=THRESHOLD_PPM,
            challenge_s=CHALLENGE_S,
            growable=True,
            salt=world.next_salt(),
        )
        self.terms = replace(usual, **terms)
        self.id = Lineages(world.evm.chain_id, self.at.address).lineage_id(self.terms)

    # what the chain says

    def line(self) -> dict[str, Any]:
        return self._struct("lineageOf", 0, self.id)

    def head(self, number: int | None = None) -> Head:
        values = (
            self.world.read(self.at, "lineageOf", self.id)[1]
            if number is None
            else self.world.read(self.at, "headOf", self.id, number)
        )
        return Head.fromtuple(values)

    def round(self, task: bytes) -> dict[str, Any]:
        return self._struct("roundOf", 0, task)

    def class_of(self, name: str) -> tuple[bool, str, int, int]:
        return tuple(self.world.read(self.at, "classOf", self.id, class_word(name)))

    def wei(self) -> int:
        return self.world.evm.balance(self.at.address)

    def _struct(self, function: str, output: int, *args: object) -> dict[str, Any]:
        entry = next(e for e in self.at.abi if e.get("name") == function)
        values = self.world.read(self.at, function, *args)
        fields = values[output] if len(entry["outputs"]) > 1 else values
        names = [component["name"] for component in entry["outputs"][output]["components"]]
        return dict(zip(names, fields, strict=True))

    # transactions

    def send(self, sender: str, function: str, *args: object, **options: Any) -> Receipt:
        return self.world.send(sender, self.at, function, *args, **options)

    def refusal(self, sender: str, function: str, *args: object, **options: Any) -> str:
        """Name of the error that a call runs into."""
        return self.world.error(sender, self.at, function, *args, **options).name

    def start_args(self) -> tuple[object, ...]:
        return self.terms.astuple(), [astuple(known) for known in classes_of(self.classes)]

    def start(self) -> Line:
        self.world.evm.fund(self.terms.initiator, self.terms.prizes_wei)
        self.started = self.send(
            self.terms.initiator, "lineageStart", *self.start_args(), value_wei=self.terms.prizes_wei
        )
        return self

    def task(self, contributors: int = 2, opened: bool = True, **terms: Any) -> Round:
        """A task fit to be a round."""
        usual = {"pool": self.pool, "mafr_ppm": ROUND_MAFR_PPM, "initiator": self.terms.initiator}
        played = Round(self.world, contributors, len(self.verifiers), **usual | terms)
        if opened:
            played.open()
        return played

    def open_args(self, kind: Kind, task: Round) -> tuple[object, ...]:
        return self.terms.astuple(), kind, task.key.astuple()

    def open(self, kind: Kind, task: Round) -> Receipt:
        return self.send(self.terms.initiator, "roundOpen", *self.open_args(kind, task))

    def declare(self, task: Round, contributor: str, grown: Grown) -> Receipt:
        return self.send(contributor, "declare", task.task, grown.growth.astuple())

    def extend_args(
        self, task: Round, models: dict[str, Grown], merge: Merge | None = None
    ) -> tuple[object, ...]:
        """What extend takes for these models, in order of opening."""
        growths = [model.growth.astuple() for model in models.values()]
        if merge is None:
            merge = (
                merged(self.head().tensor_count, [model.leaves for model in models.values()])[0]
                if len(models) > 1
                else Merge()
            )
        return task.task, list(models), growths, merge.astuple()

    def extend(self, task: Round, models: dict[str, Grown]) -> Receipt:
        return self.send(w.STRANGER, "extend", *self.extend_args(task, models))

    def close(self, task: Round) -> Receipt:
        return self.send(w.STRANGER, "roundClose", task.task)

    def overturn_args(
        self, task: Round, contributor: str, grown: Grown, place: int, to: str = CHALLENGER
    ) -> tuple[object, ...]:
        old = PlacedTree(self.leaves)
        return (
            task.task,
            contributor,
            grown.growth.astuple(),
            place,
            self.leaves[place],
            old.multiproof([place]),
            grown.leaves[place],
            grown.tree.multiproof([place]),
            to,
        )

    def overturn(self, task: Round, contributor: str, grown: Grown, place: int) -> Receipt:
        return self.send(CHALLENGER, "overturn", *self.overturn_args(task, contributor, grown, place))

    def doubt(self, task: Round, verifier: str) -> Receipt:
        return self.send(verifier, "doubt", task.task, task.seat(verifier))

    def prize(self, task: Round, contributor: str, to: str | None = None) -> Receipt:
        return self.send(contributor, "prizeWithdraw", task.task, to or contributor)

    def end(self, to: str | None = None) -> Receipt:
        initiator = self.terms.initiator
        return self.send(initiator, "lineageEnd", self.terms.astuple(), to or initiator)

    # models

    def grown(
        self, name: str, tensors: int = 2, classes: Sequence[str] = (), changed: int | None = None
    ) -> Grown:
        """A model that goes on from the head with so many more tensors; `changed`: an old one it touches."""
        base = list(self.leaves)
        if changed is not None:
            base[changed] = keccak(text=f"{name} changed {changed}")
        return Grown((*base, *leaves_of(name, tensors)), tuple(classes))

    def improved(self, name: str) -> Grown:
        """A model with as many tensors as the head, all new."""
        return Grown(leaves_of(name, len(self.leaves)))

    # rounds

    def play(
        self,
        kind: Kind,
        models: dict[str, Grown],
        accepted: Sequence[str] | None = None,
        until: Phase = Phase.SETTLED,
    ) -> Round:
        """A round in which everyone acts in time, up to the first second of `until`: the models are opened in
        this order, and the committee accepts those of `accepted` (None: all).
        """
        task = self.task(len(models))
        task.contributors = list(models)
        self.open(kind, task)
        task.until(Phase.SUBMIT)
        for contributor in models:
            task.seal(contributor)
        task.until(Phase.OPEN)
        for contributor, grown in models.items():
            task.open_model(contributor)
            self.declare(task, contributor, grown)
        task.until(Phase.DRAW)
        task.draw()
        self.world.evm.mine(3)
        task.reveal()
        if until is Phase.VOTE:
            return task
        scores = [TAKE if accepted is None or c in accepted else LEAVE for c in models]
        for verifier in self.verifiers:
            task.vote(verifier, scores)
        task.until(Phase.BALLOT)
        if until is Phase.BALLOT:
            return task
        for verifier in self.verifiers:
            task.open_ballot(verifier)
        task.until(Phase.SETTLED)
        return task

    def take(self, kind: Kind, models: dict[str, Grown]) -> Round:
        """A round whose models all become the head, its challenge over."""
        task = self.play(kind, models)
        self.extend(task, models)
        self.world.evm.travel(CHALLENGE_S)
        self.adopt(models)
        return task

    def adopt(self, models: dict[str, Grown]) -> None:
        """These models are the head: from now on rounds go on from its leaves."""
        first, *others = models.values()
        before = len(self.leaves)
        added = (leaf for model in others for leaf in model.leaves[before:])
        self.leaves = (*first.leaves, *added)
