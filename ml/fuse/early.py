"""What both strategies of Mendis et al. share: two weight matrices over concatenated top features.

    h = A^T fc,  y = softmax(B^T h)                                            (eqs. 1 and 2)

fc are the top features of all models in order; h has one entry for each label of each model. Neither layer
has a bias or an activation.
Shapes: N samples, B batch, F features of all models, H entries of h, D labels of the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from ml.augment import MODERATE, Augmentation, distorted_copies
from ml.data.samples import Samples
from ml.fuse.features import FeatureCache
from ml.fuse.strategy import Labels, Members
from ml.threads import torch_threads
from ml.train import Progress, cosine, follow, output_indices

SMALLEST_SCALE: Final = 0.1  # features that hardly ever rise are not blown up


class EarlyHead(nn.Module):
    """The matrices A and B, and which of their entries belong to a model's own labels (eqs. 3 and 4).

    `own_a` marks the blocks W_i: the features of model i by the labels of model i. `own_b` marks one entry
    per row: the row of label l of model i belongs to column l of the task. In eq. 4 every model has all D
    labels; a model with fewer keeps the rows of those it has, in ascending order.
    """

    def __init__(self, members: Members, labels: Labels) -> None:
        super().__init__()
        features = sum(member.plan.features for member in members)
        hidden = sum(len(member.labels) for member in members)
        self.a_FH = nn.Parameter(torch.zeros(features, hidden))
        self.b_HD = nn.Parameter(torch.zeros(hidden, len(labels)))
        own_a, own_b = torch.zeros(features, hidden), torch.zeros(hidden, len(labels))
        row = column = 0
        for member in members:
            own_a[row : row + member.plan.features, column : column + len(member.labels)] = 1
            for offset, label in enumerate(member.labels):
                own_b[column + offset, labels.index(label)] = 1
            row, column = row + member.plan.features, column + len(member.labels)
        self.register_buffer("own_a_FH", own_a, persistent=False)
        self.register_buffer("own_b_HD", own_b, persistent=False)
        self.own_a_FH: Tensor
        self.own_b_HD: Tensor

    def forward(self, fc_NF: Tensor, gamma: float = 1.0) -> Tensor:
        """B^T h, with every entry outside the marked ones weighed by `gamma` (eqs. 5 and 6)."""
        if gamma == 1.0:
            return fc_NF @ self.a_FH @ self.b_HD
        a_FH = self.a_FH * (self.own_a_FH + gamma * (1 - self.own_a_FH))
        b_HD = self.b_HD * (self.own_b_HD + gamma * (1 - self.own_b_HD))
        return fc_NF @ a_FH @ b_HD


@dataclass(frozen=True)
class HeadRecipe:
    """How to train A and B."""

    epochs: int = 20
    batch: int = 128
    least_steps: int = 0  # more epochs where the epochs above make fewer steps than this: for small sets
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    copies: int = 4  # distorted versions of each development sample, beside the original
    augmentation: Augmentation = MODERATE
    scaled: bool = (
        False  # train as if every feature had root mean square 1; A takes the factors back afterwards
    )
    averaging: float = 0.0  # decay of a moving average of A and B, which is kept in their place; 0: off

    def epochs_for(self, samples: int) -> int:
        """Epochs over a set of `samples`."""
        steps_per_epoch = -(-samples // self.batch)
        return max(self.epochs, -(-self.least_steps // steps_per_epoch))


DEFAULT: Final = HeadRecipe(least_steps=500, scaled=True)  # no member counts for more by larger features


def concatenated(members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
    """fc_NF: the top features of all members side by side."""
    return torch.cat([cache.block(member, samples).features_NF for member in members], dim=1)


def fit_stages(
    head: EarlyHead,
    gammas: Sequence[float],
    members: Members,
    development: Samples,
    labels: Labels,
    recipe: HeadRecipe,
    seed: int,
    cache: FeatureCache,
    progress: Progress | None,
) -> None:
    """Train `head` in place on `development` and distorted copies of it; features come through `cache`."""
    samples = distorted_copies(development, recipe.copies, recipe.augmentation, seed)
    fc_NF = concatenated(members, samples, cache)
    fit_head(head, gammas, fc_NF, output_indices(samples, labels), recipe, seed, progress)


def fit_head(
    head: EarlyHead,
    gammas: Sequence[float],
    fc_NF: Tensor,
    target_N: Tensor,
    recipe: HeadRecipe,
    seed: int,
    progress: Progress | None = None,
) -> None:
    """Train `head` in place on given features, for an equal share of the epochs under each of `gammas`."""
    generator = Generator().manual_seed(seed)
    scale_F = fc_NF.square().mean(dim=0).sqrt().clamp_min(SMALLEST_SCALE) if recipe.scaled else None
    average = {name: tensor.detach().clone() for name, tensor in head.state_dict().items()}
    step = 0
    optimizer = torch.optim.Adam(head.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    epochs = recipe.epochs_for(len(target_N))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: cosine(epoch, epochs))
    with torch_threads(1):
        for epoch in range(epochs):
            gamma = gammas[epoch * len(gammas) // epochs]
            order_N = torch.randperm(len(target_N), generator=generator)
            for start in range(0, len(order_N), recipe.batch):
                index_B = order_N[start : start + recipe.batch]
                fc_BF = fc_NF[index_B] if scale_F is None else fc_NF[index_B] / scale_F
                loss = functional.cross_entropy(head(fc_BF, gamma), target_N[index_B])
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                step += 1
                follow(average, head, min(recipe.averaging, step / (step + 10)))
            schedule.step()
            if progress is not None:
                progress(epoch + 1, epochs)
    head.load_state_dict(average)
    if scale_F is not None:
        with torch.no_grad():
            head.a_FH.div_(scale_F.unsqueeze(1))


@torch.inference_mode()
def scores(head: nn.Module, members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
    """scores_ND of a trained head, computed by one thread so that everyone gets the same."""
    with torch_threads(1):
        scores_ND: Tensor = head(concatenated(members, samples, cache))
    return scores_ND
