"""ml.data.life_shares: who holds what in a lineage."""

from __future__ import annotations

import numpy as np
import pytest

from ml.data import load
from ml.data.life_shares import ROUNDS, LifeShares, Pool, share_out
from ml.data.samples import Samples, concatenate
from ml.errors import DatasetUnavailable, InvalidSamples


@pytest.fixture(scope="module")
def shares() -> LifeShares:
    return share_out(load("digits"), seed=1)


def all_parts(shares: LifeShares) -> list[Samples]:
    parties = [shares.initiator, *shares.participants]
    return [*(s for p in parties for s in (p.train, p.check)), shares.development, *shares.rounds]


def test_shareOut_givesEveryTrainingSample_once(shares: LifeShares) -> None:
    together = concatenate(all_parts(shares))
    train = load("digits").train
    assert len(together) == len(train)
    of = lambda samples: sorted(image.tobytes() for image in samples.images_NHW)  # noqa: E731
    assert of(together) == of(train)


def test_shareOut_bySameSeed_isTheSame_andByAnotherNot(shares: LifeShares) -> None:
    again, other = share_out(load("digits"), seed=1), share_out(load("digits"), seed=2)
    assert again.participant(3).train.digest() == shares.participant(3).train.digest()
    assert other.participant(3).train.digest() != shares.participant(3).train.digest()


def test_shards_showTheLabelsAsked_freshForEveryRound(shares: LifeShares) -> None:
    seen = [concatenate(shares.shards(number, (0, 1, 2))) for number in range(1, ROUNDS + 1)]
    assert all(set(np.unique(samples.labels_N)) == {0, 1, 2} for samples in seen)
    images = [image.tobytes() for samples in seen for image in samples.images_NHW]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("number", [0, ROUNDS + 1])
def test_shards_beyondTheRounds_areRefused(shares: LifeShares, number: int) -> None:
    with pytest.raises(InvalidSamples, match="fresh samples for 10 rounds"):
        shares.shards(number, (0, 1))


def test_pool_givesSoManyOfEachLabel_noneTwice_andNoMoreThanThereAre() -> None:
    pool = Pool(load("digits").train, seed=1)
    share = pool.share((3, 7), 100, 20)
    counts = [np.bincount(part.labels_N)[[3, 7]].tolist() for part in (share.train, share.check)]
    assert counts == [[100, 100], [20, 20]]
    images = [image.tobytes() for part in (share.train, share.check) for image in part.images_NHW]
    assert len(set(images)) == 240
    with pytest.raises(DatasetUnavailable, match="100 images of class 7 wanted"):
        pool.draw((7,), 100)
