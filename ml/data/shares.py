"""Who gets which samples: Table II of Mendis et al., seeded and disjoint."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from ml.bounds import MAX_LABELS
from ml.data.samples import Dataset, Samples
from ml.errors import DatasetUnavailable

CONTRIBUTOR_LABELS: Final = (
    (0, 1, 2, 3, 4),
    (0, 1, 2, 8, 9),
    (0, 6, 7, 8, 9),
    (0, 1, 5, 7, 8, 9),
    (5, 6, 7, 8, 9),
)


@dataclass(frozen=True)
class Sizes:
    """How many samples each part gets."""

    train: int  # per contributor
    test: int  # per contributor
    verification: int  # per contributor
    development: int
    development_test: int
    verification_pool: int
    shards: int  # the pool is split into this many,
    shards_drawn: int  # of which the chain draws this many


SIZES: Final = MappingProxyType(
    {
        # Table II. Its 1,000 verification samples are 10 shards of 100, drawn out of 20 after sealing.
        "mnist": Sizes(500, 200, 500, 2_000, 500, 2_000, shards=20, shards_drawn=10),
        # The same shape for 1,500 samples: no label is asked for more often than it occurs.
        "digits": Sizes(80, 20, 20, 200, 50, 200, shards=20, shards_drawn=10),
    }
)


@dataclass(frozen=True)
class ContributorShare:
    """One contributor's private samples, all with labels out of `labels`."""

    labels: tuple[int, ...]
    train: Samples
    test: Samples
    verification: Samples  # the contributor's own check before it submits (Figs. 6 and 8)


@dataclass(frozen=True)
class Shares:
    """A data set shared out. No sample is in two parts; all come from the training part of the data set."""

    contributors: tuple[ContributorShare, ...]
    development: Samples
    development_test: Samples
    verification_pool: Samples
    sizes: Sizes


def table_ii(dataset: Dataset, seed: int) -> Shares:
    """The shares of Table II, fixed by the seed. Raises DatasetUnavailable for a data set without sizes.

    The remaining samples are shuffled before every draw; drawing in stored order would starve later
    contributors of the labels they share with earlier ones.
    """
    if dataset.name not in SIZES:
        raise DatasetUnavailable(
            f"no share sizes are set for data set {dataset.name!r}", fix="Use mnist or digits."
        )
    sizes = SIZES[dataset.name]
    pool = _Pool(dataset.train, seed)
    every_label = tuple(range(len(dataset.labels)))
    development = pool.draw(every_label, sizes.development)
    development_test = pool.draw(every_label, sizes.development_test)
    verification_pool = pool.draw(every_label, sizes.verification_pool)
    contributors = tuple(
        ContributorShare(
            labels,
            pool.draw(labels, sizes.train),
            pool.draw(labels, sizes.test),
            pool.draw(labels, sizes.verification),
        )
        for labels in CONTRIBUTOR_LABELS
    )
    return Shares(contributors, development, development_test, verification_pool, sizes)


class _Pool:
    """The samples that nobody has drawn yet."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self._samples = samples
        self._taken = np.zeros(len(samples), dtype=bool)
        self._random = np.random.default_rng(seed)

    def draw(self, labels: tuple[int, ...], count: int) -> Samples:
        wanted = np.isin(np.arange(MAX_LABELS), labels)[self._samples.labels_N]
        fitting = self._random.permutation(np.flatnonzero(wanted & ~self._taken))
        if len(fitting) < count:
            raise DatasetUnavailable(f"{count} samples with labels {labels} wanted, {len(fitting)} are left")
        self._taken[fitting[:count]] = True
        return self._samples.take(fitting[:count])
