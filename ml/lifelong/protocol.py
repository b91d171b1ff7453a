"""Splits, orders and measures of class-incremental learning. Needs numpy alone: rivals run elsewhere.

R[i, j] is the accuracy on task j's test images after step i, over all labels taught so far; no task is named.
Shapes: T tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

CLASSES: Final = 10
SPLITS: Final = MappingProxyType({"5x2": (2, 2, 2, 2, 2), "5+5": (5, 5)})
HELD_OUT: Final = 6_000  # training images that no run trains on: all choices are made on them
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What one run comes to, in per cent and points; forgetting is a mean over all tasks but the last."""

    accuracy: float  # of the last model on all test images
    mean_task: float  # ACC: mean over tasks of R[T, j]
    incremental: float  # AIA: mean over steps of the mean over tasks taught so far
    forgetting_max: float  # Chaudhry et al. (2018): the best R[i, j] before the last step, less R[T, j]
    forgetting_first: float  # Avalanche: R[j, j] less R[T, j]
    backward: float  # BWT: its negative


def order(seed: int) -> tuple[int, ...]:
    """The classes in the order of this seed."""
    return tuple(int(c) for c in np.random.default_rng(seed).permutation(CLASSES))


def tasks(split: str, seed: int) -> tuple[tuple[int, ...], ...]:
    """The classes of each task."""
    left, found = list(order(seed)), []
    for size in SPLITS[split]:
        found.append(tuple(left[:size]))
        left = left[size:]
    return tuple(found)


def train_and_held_out(images: int, seed: int, share: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of this seed's training images (every `share`-th of them), and of those held out."""
    shuffled = np.random.default_rng((seed, 1)).permutation(images)
    held_out = HELD_OUT * images // 60_000
    return np.sort(shuffled[held_out::share]), np.sort(shuffled[:held_out])


def accuracies(
    predicted_N: NDArray[np.int64], label_N: NDArray[np.int64], split: Sequence[Sequence[int]]
) -> list[float]:
    """The accuracy on each task's images, a row of R."""
    right_N = predicted_N == label_N
    return [float(right_N[np.isin(label_N, task)].mean()) for task in split]


def measures(r_TT: Matrix, accuracy: float) -> Measures:
    """The measures of a whole matrix R, entries from 0 to 1; those above the diagonal are not read."""
    steps = len(r_TT)
    first = np.diag(r_TT)[:-1]
    last = r_TT[-1, :-1]
    best = np.array([r_TT[j:-1, j].max() for j in range(steps - 1)])
    return Measures(
        accuracy=100 * accuracy,
        mean_task=100 * float(r_TT[-1].mean()),
        incremental=100 * float(np.mean([r_TT[i, : i + 1].mean() for i in range(steps)])),
        forgetting_max=100 * float((best - last).mean()),
        forgetting_first=100 * float((first - last).mean()),
        backward=100 * float((last - first).mean()),
    )
