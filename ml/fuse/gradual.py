"""Strategy II of Mendis et al.: gradual fusion, after ModDrop (Neverova et al., PAMI 2016).

A starts block-diagonal: W_i, random, maps the features of model i to its own labels (eq. 3). B starts as
stacked identities: label l of model i to label l of the task (eq. 4). With gamma = 0 only those entries are
trained, so every model keeps what is its own; then, with gamma = 1, all of A and B (eqs. 5 and 6).
"""

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
class Gradual(Strategy):
    """Strategy II. Half of the epochs with gamma = 0, then half with gamma = 1; the paper leaves it open."""

    name: ClassVar[str] = "strategy_2"
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
        start(head, members, Generator().manual_seed(seed))
        early.fit_stages(head, (0.0, 1.0), members, development, labels, self.recipe, seed, cache, progress)
        return head

    def scores(self, head: nn.Module, members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
        """As the base says."""
        return early.scores(head, members, samples, cache)


@torch.no_grad()
def start(head: EarlyHead, members: Members, generator: Generator) -> None:
    """Set A and B to eqs. 3 and 4."""
    head.a_FH.normal_(generator=generator).mul_(head.own_a_FH)
    row = 0
    for member in members:
        head.a_FH[row : row + member.plan.features] *= member.plan.features**-0.5
        row += member.plan.features
    head.b_HD.copy_(head.own_b_HD)
