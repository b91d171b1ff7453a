"""Strategy I of Mendis et al.: A and B fully connected, started at random, trained freely (eqs. 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from ml.data.samples import Samples
from ml.fuse import early
from ml.fuse.early import DEFAULT, EarlyHead, HeadRecipe
from ml.fuse.features import FeatureCache
from ml.fuse.strategy import Labels, Members, Strategy
from ml.train import Progress


@dataclass(frozen=True)
class FullyConnected(Strategy):
    """Strategy I."""

    name: ClassVar[str] = "strategy_1"
    recipe: HeadRecipe = DEFAULT

    def head(self, members: Members, labels: Labels) -> EarlyHead:
        """As the base says."""
        return EarlyHead(members, labels)

    def fit(
        self,
        members: Members,
        development: Samples,
        labels: Labels,
        seed: int,
        cache: FeatureCache,
        progress: Progress | None,
    ) -> nn.Module:
        """As the base says."""
        head = self.head(members, labels)
        generator = Generator().manual_seed(seed)
        with torch.no_grad():
            for matrix in (head.a_FH, head.b_HD):
                matrix.normal_(0, matrix.shape[0] ** -0.5, generator=generator)
        early.fit_stages(head, (1.0,), members, development, labels, self.recipe, seed, cache, progress)
        return head

    def scores(self, head: nn.Module, members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
        """As the base says."""
        return early.scores(head, members, samples, cache)
