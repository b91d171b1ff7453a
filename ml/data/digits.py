"""The 1,797 handwritten digits bundled with scikit-learn (UCI optdigits), brought to the size of MNIST.

Each 8x8 image with values 0 to 16 becomes 28x28: every pixel is repeated 3x3 and a frame of 2 pixels is
added; values are scaled to 0..255 by integer arithmetic. The images are shuffled with a fixed seed; the last
297 are the test part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.data.samples import Dataset, Samples
from ml.errors import DatasetUnavailable

TEST_SAMPLES = 297
SPLIT_SEED = 1797


def load(directory: Path | None = None, cache: Path | None = None) -> Dataset:
    """The digits; both folders are ignored, since the data come with scikit-learn."""
    try:
        from sklearn.datasets import load_digits  # slow to import
    except ImportError as error:
        raise DatasetUnavailable(
            "the digits data set comes with scikit-learn, which is not installed",
            fix="pip install scikit-learn",
        ) from error
    bunch = load_digits()
    values_NHW = np.asarray(bunch.images, dtype=np.int64)
    pixels_NHW = np.repeat(np.repeat(values_NHW * 255 // 16, 3, axis=1), 3, axis=2).astype(np.uint8)
    framed_NHW = np.pad(pixels_NHW, ((0, 0), (2, 2), (2, 2)))
    order = np.random.default_rng(SPLIT_SEED).permutation(len(framed_NHW))
    shuffled = Samples(framed_NHW, np.asarray(bunch.target, dtype=np.int64)).take(order)
    return Dataset(
        name="digits",
        train=shuffled.take(slice(0, -TEST_SAMPLES)),
        test=shuffled.take(slice(-TEST_SAMPLES, None)),
        labels=tuple("0123456789"),
        input_shape=(1, 28, 28),
    )
