"""Notices that a training has gone wrong: no number, a loss spike, an accuracy collapse.

A spike or a collapse is a value far from the median of the last epochs, by both of two measures: more than
the epochs' own noise explains, and enough to undo a good part of what was learnt (so that noise around a tiny
loss X
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

Reason = Literal["nan", "loss-spike", "accuracy-collapse"]

MAD_TO_SIGMA: Final = 1.4826  # of a normal distribution
MAX_LOSS: Final = 1e9  # more than this counts as infinite, and fits no ledger


@dataclass(frozen=True)
class Rules:
    """When to raise an alarm.

    window       how many good epochs the median is taken over: enough to tell noise, few enough to follow
                 a falling loss
    least        epochs that must have been seen: a median of fewer says nothing
    sigmas       how far from the median noise may reach: beyond 6 normal noise is once in 500 million
    undone       share of the progress since the first epoch that a bad epoch must undo
    loss_share   and at least this share of the median loss: matters while nothing is learnt yet
    points       and at least this much accuracy: one sample in ten of a small test set
    """

    window: int = 5
    least: int = 3
    sigmas: float = 6.0
    undone: float = 0.25
    loss_share: float = 0.5
    points: float = 0.1


@dataclass(frozen=True)
class Alarm:
    """What was noticed, at which step; `values` holds the figures that decided.

    row  of the record: the one that is bad; for nan, which has none, the one that it went on from
    """

    reason: Reason
    step: int
    values: Mapping[str, float]
    row: int | None = None


class Monitor:
    """Sees one epoch after the other. Purely a function of what it has seen: every node comes to the same."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._accuracies: list[float] = []
        self._losses: list[float] = []

    def see(self, step: int, accuracy: float, loss: float) -> Alarm | None:
        """An alarm if this epoch is bad. Later ones are then compared with the good ones before it."""
        if not (math.isfinite(accuracy) and math.isfinite(loss) and loss <= MAX_LOSS):
            return Alarm("nan", step, {"accuracy": accuracy, "loss": loss})
        alarm = self._spike(step, loss) or self._collapse(step, accuracy)
        if alarm is None:
            self._accuracies.append(accuracy)
            self._losses.append(loss)
        return alarm

    def restart(self, seen: Sequence[tuple[float, float]]) -> None:
        """After a rollback: forget all but these pairs of accuracy and loss, which lead to the target."""
        self._accuracies, self._losses = [], []
        for accuracy, loss in seen:
            self.see(0, accuracy, loss)

    def _spike(self, step: int, loss: float) -> Alarm | None:
        if len(self._losses) < self.rules.least:
            return None
        median, noise = self._noise(self._losses)
        learnt = self._losses[0] - min(self._losses)
        limit = median + max(noise, self.rules.undone * learnt, self.rules.loss_share * abs(median))
        values = {"loss": loss, "median": median, "limit": limit}
        return Alarm("loss-spike", step, values) if loss > limit else None

    def _collapse(self, step: int, accuracy: float) -> Alarm | None:
        if len(self._accuracies) < self.rules.least:
            return None
        median, noise = self._noise(self._accuracies)
        learnt = max(self._accuracies) - self._accuracies[0]
        limit = median - max(noise, self.rules.undone * learnt, self.rules.points)
        values = {"accuracy": accuracy, "median": median, "limit": limit}
        return Alarm("accuracy-collapse", step, values) if accuracy < limit else None

    def _noise(self, series: Sequence[float]) -> tuple[float, float]:
        """Median of the window, and how far from it noise may reach."""
        recent = series[-self.rules.window :]
        changes = [after - before for before, after in pairwise(recent)] or [0.0]
        usual = statistics.median(changes)
        deviation = statistics.median(abs(change - usual) for change in changes)
        return statistics.median(recent), self.rules.sigmas * MAD_TO_SIGMA * deviation / math.sqrt(2)
