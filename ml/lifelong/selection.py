"""What choosing the lowest loss on shards does to that loss: it looks lower than on fresh images.

Krolevets (2019), section 3.0.1 and appendix A, commits a model when its loss on the drawn shards is below the
head's. Here each of several participants proposes a head in each round: some train on images of their own,
some only guess (random steps from the head). The lowest loss on the round's images is taken if it is below
the head's by at least a step. The gap is between the images that chose it and fresh ones.
Shapes: N samples, B batch, F features, K labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.lifelong.seen import Seen

ROUNDS: Final = 20
JUDGED_ON: Final = 1_000  # images drawn in a round, as in a task
STEPS_BEFORE: Final = 150  # of the first head: it has learned nearly all that these features hold
OWN: Final = 300  # images a participant trains on
TRAINERS: Final = 3
GUESSERS: Final = 17
GUESS: Final = 0.05  # one sigma of a guess, as a share of the head's spread
PPM: Final = 1_000_000


@dataclass(frozen=True)
class Rule:
    """Whether each round has images of its own, and by how much a model has to beat the head."""

    name: str
    fresh: bool
    step_ppm: int  # of likelihood


RULES: Final = tuple(
    Rule(f"{'fresh' if fresh else 'same'} shards, step {step}", fresh, step)
    for fresh in (False, True)
    for step in (0, 500, 2_000)
)


@dataclass(frozen=True)
class Course:
    """One rule over all rounds; likelihoods in ppm."""

    rule: str
    taken: int  # rounds in which a model was taken
    claimed_ppm: (
        float  # what the taken models gained over the heads before them, on the images that chose them
    )
    gained_ppm: float  # what they gained on images that nobody used
    gap_ppm: (
        float  # by how much the last head's gain since the start looks larger on the images that chose it
    )


def run(rule: Rule, train: Seen, fresh: Seen, seed: int) -> Course:
    """Rounds on `train`, cut into what participants have and what is drawn; `fresh` only measures."""
    generator = Generator().manual_seed(seed)
    x_NF, y_N = _scaled(train.features_NF), torch.from_numpy(train.samples.labels_N)
    fresh_NF, fresh_N = _scaled(fresh.features_NF), torch.from_numpy(fresh.samples.labels_N)
    order = torch.randperm(len(y_N), generator=generator)
    drawn, private = order[: ROUNDS * JUDGED_ON], order[ROUNDS * JUDGED_ON :]
    first = _trained(torch.zeros(10, x_NF.shape[1]), x_NF[private], y_N[private], steps=STEPS_BEFORE)
    start = likelihood(first, fresh_NF, fresh_N)
    head, taken, claimed, gap = first, 0, 0.0, 0.0
    for number in range(ROUNDS):
        at = number * JUDGED_ON if rule.fresh else 0
        judged_NF, judged_N = x_NF[drawn[at : at + JUDGED_ON]], y_N[drawn[at : at + JUDGED_ON]]
        proposals = [
            _proposal(who, head, x_NF, y_N, private, generator) for who in range(TRAINERS + GUESSERS)
        ]
        scores = [likelihood(model, judged_NF, judged_N) for model in proposals]
        best = max(range(len(scores)), key=scores.__getitem__)
        gain = scores[best] - likelihood(head, judged_NF, judged_N)
        if gain > rule.step_ppm:
            head, taken, claimed = proposals[best], taken + 1, claimed + gain
            looks = scores[best] - likelihood(first, judged_NF, judged_N)
            gap = looks - (likelihood(head, fresh_NF, fresh_N) - start)
    return Course(rule.name, taken, claimed, likelihood(head, fresh_NF, fresh_N) - start, gap)


def likelihood(head_KF: Tensor, x_NF: Tensor, y_N: Tensor) -> float:
    """As ml.evaluate.likelihood_ppm, of a linear head."""
    return PPM * math.exp(-float(functional.cross_entropy(x_NF @ head_KF.T, y_N)))


def _proposal(
    who: int, head_KF: Tensor, x_NF: Tensor, y_N: Tensor, private: Tensor, generator: Generator
) -> Tensor:
    if who >= TRAINERS:
        return head_KF + GUESS * head_KF.std() * torch.randn(head_KF.shape, generator=generator)
    own = private[torch.randint(len(private), (OWN,), generator=generator)]
    return _trained(head_KF, x_NF[own], y_N[own], steps=5)


def _trained(head_KF: Tensor, x_NF: Tensor, y_N: Tensor, steps: int) -> Tensor:
    """A few steps of gradient descent."""
    head_KF = head_KF.clone().requires_grad_(True)
    for _ in range(steps):
        (slope_KF,) = torch.autograd.grad(functional.cross_entropy(x_NF @ head_KF.T, y_N), head_KF)
        head_KF = (head_KF - 0.05 * slope_KF).detach().requires_grad_(True)
    return head_KF.detach()


def _scaled(features_NF: Tensor) -> Tensor:
    """Each sample's features about their mean, at unit spread: nothing is learned from the data."""
    x_NF = features_NF - features_NF.mean(dim=1, keepdim=True)
    return x_NF / x_NF.std(dim=1, keepdim=True)
