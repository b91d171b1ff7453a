"""Accuracy, forgetting and backward transfer after every step, on test images that decide nothing.

R[i, j] is the accuracy on the classes of group j after step i, over all classes known then; no group is
named to the model. Forgetting is that of Chaudhry et al. (2018): the best earlier R[l, j] less R[i, j], mean
over the groups taught before. Backward transfer: R[i, j] less R as it was when j was taught, the same mean.
Shapes: N samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.evaluate import ppm

FORGETTING = (
    "mean over earlier groups of classes: best earlier accuracy less the present one"
    " (Chaudhry et al., 2018; docs/lifelong.md)"
)
BACKWARD = "mean over earlier groups of classes: present accuracy less that when they were taught (BWT)"


@dataclass(frozen=True)
class Measured:
    """What a model can do after a step. The last three are of classes known before; None: there are none."""

    accuracy_all_seen_ppm: int
    accuracy_old_ppm: int | None = None
    forgetting_ppm: int | None = None
    backward_transfer_ppm: int | None = None


class Course:
    """The steps of one model."""

    def __init__(self, label_N: NDArray[np.int64]) -> None:
        self._label_N = label_N
        self._groups: list[tuple[int, ...]] = []
        self._taught_at: list[int] = []
        self._rows: list[list[int]] = []

    def step(self, taught: tuple[int, ...], predicted_N: NDArray[np.int64]) -> Measured:
        """Measure a model that learned `taught` just now (nothing new: it was improved).

        predicted_N: its answers to all test images; those of classes that it does not know are not looked at.
        """
        old = len(self._groups)
        if taught:
            self._groups.append(taught)
            self._taught_at.append(len(self._rows))
        self._rows.append([self._accuracy_ppm(group, predicted_N) for group in self._groups])
        row, earlier = self._rows[-1], self._rows[:-1]
        seen = tuple(label for group in self._groups for label in group)
        accuracy = self._accuracy_ppm(seen, predicted_N)
        if not old or not earlier:
            return Measured(accuracy)
        before = tuple(label for group in self._groups[:old] for label in group)
        lost = [max(r[j] for r in earlier if j < len(r)) - row[j] for j in range(old)]
        gained = [row[j] - self._rows[self._taught_at[j]][j] for j in range(old)]
        return Measured(
            accuracy,
            self._accuracy_ppm(before, predicted_N),
            round(sum(lost) / old),
            round(sum(gained) / old),
        )

    def _accuracy_ppm(self, labels: tuple[int, ...], predicted_N: NDArray[np.int64]) -> int:
        chosen_N = np.isin(self._label_N, labels)
        right = int(np.count_nonzero(predicted_N[chosen_N] == self._label_N[chosen_N]))
        return ppm(right, int(np.count_nonzero(chosen_N)))
