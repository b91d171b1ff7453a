"""ml.data.shares: Table II."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.data.samples import Dataset, Samples
from ml.data.shares import Shares, table_ii
from ml.errors import DatasetUnavailable


@pytest.fixture(scope="module")
def marked() -> Dataset:
    """As many samples as MNIST, each of its own kind: the pixels of image i spell i."""
    index = np.arange(60_000)
    pixels = index.astype(">u4").view(np.uint8).reshape(-1, 1, 4).copy()
    train = Samples(pixels, (index % 10).astype(np.int64))
    return Dataset("mnist", train, train.take(slice(0, 10)), tuple("0123456789"), (1, 1, 4))


def parts(shares: Shares) -> list[Samples]:
    own = [part for share in shares.contributors for part in (share.train, share.test, share.verification)]
    return [*own, shares.development, shares.development_test, shares.verification_pool]


def test_tableII_sizes_areThoseOfThePaper(marked: Dataset) -> None:
    shares = table_ii(marked, seed=1)

    assert [len(part) for part in parts(shares)] == [500, 200, 500] * 5 + [2_000, 500, 2_000]
    assert (shares.sizes.shards, shares.sizes.shards_drawn) == (20, 10)


def test_tableII_labels_areThoseOfThePaper(marked: Dataset) -> None:
    shares = table_ii(marked, seed=1)

    assert [sorted(set(share.train.labels_N.tolist())) for share in shares.contributors] == [
        [0, 1, 2, 3, 4],
        [0, 1, 2, 8, 9],
        [0, 6, 7, 8, 9],
        [0, 1, 5, 7, 8, 9],
        [5, 6, 7, 8, 9],
    ]


def test_tableII_noSample_isGivenTwice(marked: Dataset) -> None:
    drawn = np.concatenate([part.images_NHW.reshape(-1, 4) for part in parts(table_ii(marked, seed=1))])

    assert len(np.unique(drawn, axis=0)) == len(drawn) == 10_500


def test_tableII_sharedLabels_areNotStarvedForLaterContributors(marked: Dataset) -> None:
    for share in table_ii(marked, seed=1).contributors:
        counts = np.bincount(share.train.labels_N, minlength=10)[list(share.labels)]
        assert counts.min() > 0.7 * 500 / len(share.labels)


def test_tableII_sameSeed_givesTheSameSamples(marked: Dataset) -> None:
    first, again, other = (table_ii(marked, seed).development.digest() for seed in (1, 1, 2))

    assert first == again != other


def test_tableII_seedOne_drawsTheseSamples(marked: Dataset) -> None:
    index = table_ii(marked, seed=1).development.images_NHW[:4].reshape(-1).view(">u4")

    assert index.tolist() == [45002, 1176, 8329, 48812]


def test_tableII_digits_areSharedOutInSmall(shares: Shares) -> None:
    assert [len(part) for part in parts(shares)] == [80, 20, 20] * 5 + [200, 50, 200]


def test_tableII_ofAnUnknownDataset_isRefused(marked: Dataset) -> None:
    with pytest.raises(DatasetUnavailable, match="no share sizes"):
        table_ii(replace(marked, name="letters"), seed=1)


def test_tableII_ofTooFewSamples_isRefused(marked: Dataset) -> None:
    few = replace(marked, train=marked.train.take(slice(0, 3_000)))

    with pytest.raises(DatasetUnavailable, match="wanted"):
        table_ii(few, seed=1)
