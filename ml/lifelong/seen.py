"""Features of a whole data set, computed once and kept on disk: every seed and every rule sees the same.

Shapes: N samples, F features.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml import whole
from ml.canonical import canonical_json, sha256
from ml.data.samples import Samples
from ml.evaluate import in_batches
from ml.growth.architecture import framed
from ml.growth.grown import BATCH
from ml.growth.part import Scattering
from ml.growth.scattering import Transform, filters

CHUNK: Final = 2_500


@dataclass(frozen=True)
class Seen:
    """Samples and what the data-free block makes of each."""

    samples: Samples
    features_NF: Tensor

    def take(self, index_N: NDArray[np.int64]) -> Seen:
        """Those at `index_N`, in that order."""
        return Seen(self.samples.take(index_N), self.features_NF[torch.from_numpy(index_N)])

    def with_labels(self, labels: tuple[int, ...]) -> Seen:
        """Those whose label is one of `labels`."""
        return self.take(np.flatnonzero(np.isin(self.samples.labels_N, labels)))

    def __len__(self) -> int:
        return len(self.samples)


def see(samples: Samples, scattering: Mapping[str, int], folder: Path, jobs: int) -> Seen:
    """`samples` with their features: from `folder`, else computed by `jobs` processes and left there."""
    name = sha256(samples.digest() + canonical_json(dict(scattering))).hex()[:16]
    path = folder / f"features-{name}.bin"
    if not path.is_file():
        parts = [samples.take(slice(at, at + CHUNK)) for at in range(0, len(samples), CHUNK)]
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            rows = list(pool.map(features, parts, [dict(scattering)] * len(parts)))
        whole.write(path, b"".join(rows))
    rows_NF = np.fromfile(path, dtype=np.float32).reshape(len(samples), -1)
    return Seen(samples, torch.from_numpy(rows_NF))


def features(part: Samples, scattering: Mapping[str, int]) -> bytes:
    """float32 rows of `part`, as bytes."""
    scales = scattering["scales"]
    height, width = part.images_NHW.shape[1:]
    block = Scattering(scales, scattering["orientations"], (framed(height, scales), framed(width, scales)))
    transform = Transform(block, **filters(block))
    rows_NF = in_batches(lambda batch: (transform(batch.tensor()),), part, BATCH, 1)[0]
    return rows_NF.numpy().tobytes()
