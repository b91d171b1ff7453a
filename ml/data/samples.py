"""Labelled images in memory: bytes as stored, and the float tensors that models take.

Shapes: N samples, H height, W width, C channels (1: grey).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.errors import InvalidSamples


@dataclass(frozen=True, eq=False)
class Samples:
    """Grey images and their labels. Raises InvalidSamples if shapes, types or counts do not fit."""

    images_NHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]

    def __post_init__(self) -> None:
        images, labels = self.images_NHW, self.labels_N
        if images.dtype != np.uint8 or images.ndim != 3:
            raise InvalidSamples(f"images must be uint8 N x H x W, they are {images.dtype} {images.shape}")
        if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            raise InvalidSamples(
                f"labels must be int64, one an image; {labels.dtype} {labels.shape} for {len(images)}"
            )

    def __len__(self) -> int:
        return len(self.labels_N)

    def take(self, index: NDArray[np.int64] | slice) -> Samples:
        """The samples at `index`, in that order."""
        return Samples(self.images_NHW[index], self.labels_N[index])

    def with_labels(self, labels: tuple[int, ...]) -> Samples:
        """Those samples whose label is one of `labels`."""
        return self.take(np.flatnonzero(np.isin(self.labels_N, labels)))

    def tensor(self) -> Tensor:
        """x_N1HW: float32 pixels scaled to [0, 1]."""
        return torch.from_numpy(self.images_NHW.astype(np.float32) / np.float32(255)).unsqueeze(1)

    def digest(self) -> bytes:
        """SHA-256 over shape, labels and pixels, 32 bytes: names this set of samples in a cache."""
        state = hashlib.sha256(repr(self.images_NHW.shape).encode())
        state.update(np.ascontiguousarray(self.labels_N).data)
        state.update(np.ascontiguousarray(self.images_NHW).data)
        return state.digest()


def concatenate(parts: list[Samples]) -> Samples:
    """All samples of `parts`, in order."""
    return Samples(
        np.concatenate([part.images_NHW for part in parts]), np.concatenate([part.labels_N for part in parts])
    )


@dataclass(frozen=True)
class Dataset:
    """A data set with its published split."""

    name: str
    train: Samples
    test: Samples
    labels: tuple[str, ...]
    input_shape: tuple[int, int, int]  # channels, height, width
