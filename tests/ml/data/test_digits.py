"""ml.data.digits: scikit-learn's digits at the size of MNIST."""

from __future__ import annotations

import numpy as np

from ml.data.samples import Dataset


def test_digits_split_is1500And297(digits: Dataset) -> None:
    assert (len(digits.train), len(digits.test)) == (1_500, 297)
    assert digits.train.images_NHW.shape == (1_500, 28, 28)
    assert digits.input_shape == (1, 28, 28)


def test_digits_pixels_areBlocksOfThreeInAFrameOfTwo(digits: Dataset) -> None:
    images = digits.train.images_NHW
    blocks = images[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3)

    assert (blocks == blocks[:, :, :1, :, :1]).all()
    assert images.sum() == images[:, 2:26, 2:26].sum(dtype=np.uint64)
    assert (images.min(), images.max()) == (0, 255)


def test_digits_everyDigit_isInBothParts(digits: Dataset) -> None:
    assert np.bincount(digits.train.labels_N).min() > 130
    assert np.bincount(digits.test.labels_N).min() == 18


def test_digits_bytes_areTheSameEverywhere(digits: Dataset) -> None:
    assert digits.train.digest().hex() == "f43fe59b55c95a8e8359eff89518a1f79cedb2d5898ad65e62c4e1e2527f1630"
