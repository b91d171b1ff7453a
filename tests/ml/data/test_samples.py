"""ml.data.samples: images and labels in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.data.samples import Samples, concatenate
from ml.errors import InvalidSamples


def test_tensor_scalesPixelsToOne() -> None:
    samples = Samples(np.array([[[0, 51], [204, 255]]], dtype=np.uint8), np.array([3], dtype=np.int64))

    torch.testing.assert_close(samples.tensor(), torch.tensor([[[[0.0, 0.2], [0.8, 1.0]]]]))


def test_withLabels_keepsOrderAndThoseLabelsOnly(tiny_samples: Samples) -> None:
    kept = tiny_samples.with_labels((0, 5))

    assert kept.labels_N.tolist() == [0, 5, 0, 5]
    assert kept.images_NHW[:, 0, 0].tolist() == [0, 32, 48, 80]


def test_concatenate_keepsOrder(tiny_samples: Samples) -> None:
    both = concatenate([tiny_samples.take(slice(4, 6)), tiny_samples.take(slice(0, 1))])

    assert both.labels_N.tolist() == [2, 5, 0]


def test_digest_dependsOnLabelsPixelsAndShape(tiny_samples: Samples) -> None:
    other_label = Samples(tiny_samples.images_NHW, tiny_samples.labels_N + 1)
    other_pixel = Samples(tiny_samples.images_NHW ^ 1, tiny_samples.labels_N)
    other_shape = Samples(tiny_samples.images_NHW.reshape(6, 2, 8), tiny_samples.labels_N)

    digests = {samples.digest() for samples in (tiny_samples, other_label, other_pixel, other_shape)}
    assert len(digests) == 4
    assert tiny_samples.take(np.arange(6)).digest() == tiny_samples.digest()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 4, 4)), np.zeros(2, dtype=np.int64)),
        (np.zeros((2, 16), dtype=np.uint8), np.zeros(2, dtype=np.int64)),
        (np.zeros((2, 4, 4), dtype=np.uint8), np.zeros(3, dtype=np.int64)),
        (np.zeros((2, 4, 4), dtype=np.uint8), np.zeros(2, dtype=np.uint8)),
    ],
    ids=["float images", "flat images", "a label too many", "small labels"],
)
def test_samples_thatDoNotFit_areRefused(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(InvalidSamples):
        Samples(images, labels)
