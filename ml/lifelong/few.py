"""The same on the 4,500 labels of a task (ml.data.shares): five times 500 and the initiator's 2,000.

Shapes: N samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.data.samples import Dataset, Samples, concatenate
from ml.data.shares import table_ii
from ml.lifelong.seen import Seen


def labelled(dataset: Dataset, seen: Seen, seed: int) -> Seen:
    """The 4,500 training samples of Table II, with their features out of `seen`, those of `dataset.train`."""
    shares = table_ii(dataset, seed)
    samples = concatenate([*(share.train for share in shares.contributors), shares.development])
    return seen.take(places(dataset.train, samples))


def places(everything: Samples, some: Samples) -> NDArray[np.int64]:
    """Where in `everything` the images of `some` stand."""
    where = {image.tobytes(): place for place, image in enumerate(everything.images_NHW)}
    return np.array([where[image.tobytes()] for image in some.images_NHW], dtype=np.int64)
