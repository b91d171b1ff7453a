"""Parts of the life-long demo: who has which images, the measures, and what the cheat changes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dapp import packages
from dapp.demo.lifelong import cheating
from dapp.demo.lifelong.budget import DIGITS
from dapp.demo.lifelong.materials import Material, share_out
from dapp.demo.lifelong.measures import Course
from dapp.stages.train import Trained
from ml.data import load
from ml.data.samples import Samples
from ml.data.shards import unpack
from ml.errors import InvalidGrowth
from ml.growth import check_frozen, found, grow, to_bytes

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])


@cache
def material() -> Material:
    return share_out(load("digits"), DIGITS, seed=1)


def answers(*right: int) -> np.ndarray:
    """Answers of which the first `right` of each class are correct."""
    found_N = LABELS.copy()
    for label, count in enumerate(right):
        found_N[np.flatnonzero(label == LABELS)[count:]] = 9
    return found_N


def test_step_ofTheFirstClasses_hasNothingToForget() -> None:
    first = Course(LABELS).step((0,), answers(3, 0, 0))
    assert (first.accuracy_all_seen_ppm, first.accuracy_old_ppm, first.forgetting_ppm) == (
        750_000,
        None,
        None,
    )


def test_step_forgettingIsFromTheBestEarlier_backwardFromWhenTaught() -> None:
    course = Course(LABELS)
    course.step((0,), answers(2, 0, 0))
    improved = course.step((), answers(4, 0, 0))
    taught = course.step((1,), answers(3, 4, 0))
    last = course.step((2,), answers(1, 2, 4))
    assert (improved.forgetting_ppm, improved.backward_transfer_ppm) == (-500_000, 500_000)
    assert (taught.accuracy_old_ppm, taught.forgetting_ppm) == (750_000, 250_000)
    assert taught.backward_transfer_ppm == 250_000
    assert (last.accuracy_all_seen_ppm, last.accuracy_old_ppm) == (583_333, 375_000)
    assert last.forgetting_ppm == (750_000 + 500_000) // 2  # 100 % to 25 %, 100 % to 50 %
    assert last.backward_transfer_ppm == (-250_000 - 500_000) // 2


def rows(samples: Samples) -> list[bytes]:
    return [image.tobytes() for image in samples.images_NHW]


def test_shareOut_noImageIsInTwoParts() -> None:
    m = material()
    shares = [*m.initiator.values(), *m.participants]
    parts = [part for share in shares for part in (share.train, share.check)]
    parts += [m.public, *(unpack(shard) for shards in m.shards.values() for shard in shards)]
    images = load("digits").train
    distinct = len(set(rows(images)))
    assert distinct == len(images)
    used = [row for part in parts for row in rows(part)]
    assert len(used) == len(set(used)) and set(used) <= set(rows(images))


def test_shareOut_shardsOfARoundShowOldAndNewClasses() -> None:
    shown = {
        key: {int(n) for shard in shards for n in unpack(shard).labels_N}
        for key, shards in material().shards.items()
    }
    assert shown["5+5", 0] == set(range(5))
    assert shown["5+5", 1] == set(range(8))
    assert shown["5+5", 2] == shown["5+5", 3] == shown["5x2", 3] == set(range(10))
    assert shown["5x2", 0] == set(range(4))


def test_nudge_changesOneNumberOfOneOldTensor_andIsNoticed() -> None:
    own = material().participants[0].train
    options = DIGITS.options
    head = found(own.with_labels((0, 1)), scattering=DIGITS.scattering, options=options)
    child = grow(head, own.with_labels((2, 3)), "subspace", options=options)
    manifest, data = packages.packed(bytes(32), child, 500_000)
    check_frozen(to_bytes(head), data)
    nudged = cheating.nudge(Trained(manifest, data), "part.000.mean").trained
    before, after = (np.frombuffer(d, np.uint8) for d in (data, nudged.weights))
    assert len(before) == len(after) and 1 <= np.count_nonzero(before != after) <= 4
    assert nudged.manifest.weights.sha256 != manifest.weights.sha256
    with pytest.raises(InvalidGrowth, match=r"part\.000\.mean changed at number 0"):
        check_frozen(to_bytes(head), nudged.weights)
