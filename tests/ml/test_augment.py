"""ml.augment: distortions of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator

from ml.augment import MODERATE, Augmentation, distort, distorted_copies
from ml.data.samples import Dataset, Samples

NOTHING = Augmentation(rotation_degrees=0, shift=0, scale=0, shear=0, elastic=0)


def generator(seed: int = 1) -> Generator:
    return Generator().manual_seed(seed)


def test_distort_byNothing_keepsTheImages() -> None:
    x_BCHW = torch.rand(3, 1, 28, 28)

    torch.testing.assert_close(distort(x_BCHW, NOTHING, generator()), x_BCHW, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(90, 0, 0, 0, 0),
        Augmentation(0, 0.3, 0, 0, 0),
        Augmentation(0, 0, 0.5, 0, 0),
        Augmentation(0, 0, 0, 0.5, 0),
        Augmentation(0, 0, 0, 0, 0.1),
    ],
    ids=["rotation", "shift", "scale", "shear", "elastic"],
)
def test_distort_byOneAmount_changesTheImage(augmentation: Augmentation) -> None:
    x_BCHW = torch.zeros(4, 1, 28, 28)
    x_BCHW[:, :, 4:12, 10:24] = 1

    moved_BCHW = distort(x_BCHW, augmentation, generator())
    assert (moved_BCHW - x_BCHW).abs().sum() > 20
    assert (moved_BCHW.min(), moved_BCHW.max()) >= (0, 0)


def test_distort_sameGeneratorState_givesTheSameImages() -> None:
    x_BCHW = torch.rand(3, 1, 28, 28)
    first, again, other = (distort(x_BCHW, MODERATE, generator(seed)) for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_distortedCopies_beginWithTheOriginals(digits: Dataset) -> None:
    few = digits.train.take(slice(0, 10))
    more = distorted_copies(few, copies=2, augmentation=MODERATE, seed=1)

    assert len(more) == 30
    assert (more.images_NHW[:10] == few.images_NHW).all()
    assert (more.labels_N == np.tile(few.labels_N, 3)).all()
    assert not (more.images_NHW[10:20] == more.images_NHW[20:]).all()


def test_distortedCopies_none_areTheSamplesThemselves(tiny_samples: Samples) -> None:
    assert distorted_copies(tiny_samples, 0, MODERATE, seed=1).digest() == tiny_samples.digest()
