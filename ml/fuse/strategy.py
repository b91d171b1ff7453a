"""The base of every fusion rule, and what a fusion yields.

Shapes: N samples, D labels of the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ml import weights
from ml.data.samples import Samples
from ml.errors import InvalidFusion
from ml.evaluate import choose
from ml.fuse.features import FeatureCache
from ml.models.classifier import Classifier
from ml.train import Progress

Members = tuple[Classifier, ...]
Labels = tuple[int, ...]


class Strategy(ABC):
    """One way to fuse models whose own weights stay as they are.

    A rule says how its head is built, trained and used. Everything the rule learns is in the head's
    `state_dict`.
    """

    name: ClassVar[str]  # as in a task specification

    @abstractmethod
    def head(self, members: Members, labels: Labels) -> nn.Module:
        """An untrained head for these members."""

    @abstractmethod
    def fit(
        self,
        members: Members,
        development: Samples,
        labels: Labels,
        seed: int,
        cache: FeatureCache,
        progress: Progress | None,
    ) -> nn.Module:
        """A head trained on `development`, the same for the same arguments."""

    @abstractmethod
    def scores(self, head: nn.Module, members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
        """scores_ND: the larger, the likelier the label."""

    def load(self, members: Members, labels: Labels, data: bytes) -> nn.Module:
        """The head whose weights file is `data`. Raises InvalidPackage."""
        head = self.head(members, labels)
        head.load_state_dict(
            weights.unpack(data, {name: tuple(tensor.shape) for name, tensor in head.state_dict().items()})
        )
        return head.eval()


@dataclass(frozen=True, eq=False)
class Fused:
    """A fused model. It answers like a single one: ml.evaluate takes both."""

    strategy: Strategy
    models: Members
    labels: Labels
    head: nn.Module
    cache: FeatureCache

    def scores(self, samples: Samples) -> Tensor:
        """scores_ND, before any softmax."""
        return self.strategy.scores(self.head, self.models, samples, self.cache)

    def predict(self, samples: Samples) -> NDArray[np.int64]:
        """The label of each sample; ml.evaluate.WRONG where the scores hold NaN."""
        return choose(self.scores(samples), self.labels)

    def to_bytes(self) -> bytes:
        """The head as a weights file (ml.weights)."""
        return weights.to_bytes(self.head)


def check_members(models: Sequence[Classifier], labels: Sequence[int]) -> Members:
    """The models as a tuple. Raises InvalidFusion if there are none or one does not fit the task."""
    if not models:
        raise InvalidFusion(
            "no model to fuse: none was accepted", fix="Lower MAFR or ask for more contributors."
        )
    if list(labels) != sorted(set(labels)):
        raise InvalidFusion(f"the task's labels must ascend without repetition; they are {list(labels)[:9]}")
    for index, model in enumerate(models):
        if foreign := set(model.labels) - set(labels):
            raise InvalidFusion(f"model {index} has labels outside the task: {sorted(foreign)[:9]}")
        if model.plan.input_shape != models[0].plan.input_shape:
            raise InvalidFusion(
                f"model {index} takes {model.plan.input_shape}, not {models[0].plan.input_shape}"
            )
    return tuple(models)
