"""A data set shared out for lineages: private shares, public images, shards that no round has seen before.

Everything follows from the seed. No image is in two parts; the published test images are in none. `share_out`
divides all that there is, as the command line does; a Pool gives as many of each label as are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.data.samples import Dataset, Samples
from ml.data.shards import split
from ml.errors import DatasetUnavailable, InvalidSamples

PARTICIPANTS: Final = 8
ROUNDS: Final = 10  # for which there are fresh shards
SHARDS: Final = 6  # of a round
SHARDS_DRAWN: Final = 4
POOL: Final = 0.4  # of the training images, for the shards of all rounds
DEVELOPMENT: Final = 0.1  # public
CHECKED: Final = 5  # every fifth sample of a share is kept back, to measure the claim on


@dataclass(frozen=True, eq=False)
class Share:
    """Private samples of one party."""

    train: Samples
    check: Samples

    def with_labels(self, labels: tuple[int, ...]) -> Share:
        """The samples of these labels."""
        return Share(self.train.with_labels(labels), self.check.with_labels(labels))


@dataclass(frozen=True, eq=False)
class LifeShares:
    """A data set, shared out among participants and rounds."""

    initiator: Share
    participants: tuple[Share, ...]
    development: Samples
    rounds: tuple[Samples, ...]

    def participant(self, number: int) -> Share:
        """The share of participant `number`, from 1 on."""
        return self.participants[number - 1]

    def shards(self, number: int, labels: tuple[int, ...]) -> list[Samples]:
        """The shards of round `number`, from 1 on, as far as they show `labels`. Raises InvalidSamples."""
        if not 1 <= number <= len(self.rounds):
            raise InvalidSamples(f"there are fresh samples for {len(self.rounds)} rounds, none for {number}")
        return split(self.rounds[number - 1].with_labels(labels), SHARDS)


class Pool:
    """Training images that nobody has yet."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self._samples = samples
        self._random = np.random.default_rng(seed)
        order_N = self._random.permutation(len(samples))
        self._left = {
            int(label): order_N[samples.labels_N[order_N] == label] for label in np.unique(samples.labels_N)
        }

    def draw(self, labels: Sequence[int], count: int) -> Samples:
        """`count` images of each label, shuffled. Raises DatasetUnavailable when fewer are left."""
        drawn = []
        for label in labels:
            left = self._left[label]
            if len(left) < count:
                raise DatasetUnavailable(f"{count} images of class {label} wanted, {len(left)} are left")
            drawn.append(left[:count])
            self._left[label] = left[count:]
        return self._samples.take(self._random.permutation(np.concatenate(drawn)))

    def share(self, labels: Sequence[int], train: int, check: int) -> Share:
        """A party's: so many images of each label to train on, and to check its claim on."""
        return Share(self.draw(labels, train), self.draw(labels, check))


def share_out(
    dataset: Dataset, seed: int, participants: int = PARTICIPANTS, rounds: int = ROUNDS
) -> LifeShares:
    """The shares of a data set's training images."""
    samples = dataset.train
    order = np.random.default_rng(seed).permutation(len(samples))
    pool = int(POOL * len(samples))
    public = pool + int(DEVELOPMENT * len(samples))
    private = order[public:]
    parties = [_share(samples, private[at :: participants + 1]) for at in range(participants + 1)]
    return LifeShares(
        parties[0],
        tuple(parties[1:]),
        samples.take(order[pool:public]),
        tuple(samples.take(order[at:pool:rounds]) for at in range(rounds)),
    )


def _share(samples: Samples, index: NDArray[np.int64]) -> Share:
    kept = np.arange(len(index)) % CHECKED == CHECKED - 1
    return Share(samples.take(index[~kept]), samples.take(index[kept]))
