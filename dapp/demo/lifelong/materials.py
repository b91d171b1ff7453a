"""Who has which images in the life-long demo: private ones, public ones, and fresh ones for every round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dapp.demo.lifelong.budget import Budget
from dapp.demo.lifelong.protocols import PARTICIPANTS, PROTOCOLS, Protocol, Turn
from dapp.demo.materials import publish_development
from dapp.store import Store
from ml.data.life_shares import Pool, Share
from ml.data.samples import Dataset, Samples, concatenate
from ml.data.shards import pack, split
from ml.lineage_spec import LineageSpec
from ml.spec import Development


@dataclass(frozen=True, eq=False)
class Material:
    """A data set, shared out. No image is in two parts; the published test part decides nothing."""

    dataset: Dataset
    budget: Budget
    initiator: dict[str, Share]  # by protocol
    participants: tuple[Share, ...]
    public: Samples
    shards: dict[tuple[str, int], list[bytes]]  # by protocol and number of the turn

    @property
    def test(self) -> Samples:
        """The published test images."""
        return self.dataset.test

    def spec(self, protocol: Protocol) -> LineageSpec:
        """The lineage's specification."""
        name = f"{self.dataset.name} for life, {protocol.name}"
        labels, shape = self.dataset.labels, self.dataset.input_shape
        return LineageSpec(name, self.dataset.name, shape, labels, self.budget.rules)

    def development(self, store: Store) -> Development:
        """The public images, put into `store`."""
        return publish_development(self.public, store)

    def check_of(self, who: int, known: Sequence[int], new: Sequence[int]) -> Samples:
        """What a participant measures its claim on: own images of `new` classes, public ones of the rest."""
        own = self.participants[who].check.with_labels(tuple(new))
        return concatenate([own, self.public.with_labels(tuple(known))])


def share_out(dataset: Dataset, budget: Budget, seed: int) -> Material:
    """The shares that a seed fixes. Raises DatasetUnavailable for a data set that is too small."""
    pool = Pool(dataset.train, seed)
    every = tuple(range(len(dataset.labels)))
    public = pool.draw(every, budget.public)
    initiator = {
        protocol.name: pool.share(
            protocol.first, budget.scarce if protocol.scarce else budget.private, budget.check
        )
        for protocol in PROTOCOLS
    }
    participants = tuple(pool.share(every, budget.private, budget.check) for _ in range(PARTICIPANTS))
    shards: dict[tuple[str, int], list[bytes]] = {}
    for protocol in PROTOCOLS:
        known = set(protocol.first)
        for number, turn in enumerate(protocol.turns):
            shown = pool.draw(tuple(sorted(known | labels_of(turn))), budget.shown)
            shards[protocol.name, number] = [pack(part) for part in split(shown, budget.shards)]
            known |= set() if turn.cheats else labels_of(turn)
    return Material(dataset, budget, initiator, participants, public, shards)


def labels_of(turn: Turn) -> set[int]:
    """The labels that a turn's lessons name."""
    return {label for lesson in turn.lessons for label in lesson.labels}
