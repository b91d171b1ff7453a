"""What fusion is compared with: the best single model, the verifier alone, pooled data, and FedAvg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ml import evaluate
from ml.architecture import Architecture
from ml.data.samples import Samples, concatenate
from ml.errors import InvalidFusion
from ml.models.classifier import Classifier, build
from ml.train import Progress, Recipe, fit, train


def best_single(models: Sequence[Classifier], choosing: Samples, threads: int = 1) -> Classifier:
    """The model with the highest accuracy on `choosing`, first of equals. Raises InvalidFusion for none."""
    if not models:
        raise InvalidFusion("no model to choose from: none was accepted")
    return max(models, key=lambda model: evaluate.correct(model, choosing, threads))


def verifier_only(
    architecture: Architecture,
    development: Samples,
    recipe: Recipe,
    seed: int,
    progress: Progress | None = None,
) -> Classifier:
    """A network trained on the development samples alone: what cooperation adds is what lies above it."""
    return train(architecture, development, recipe, seed, progress)


def centralised(
    architecture: Architecture,
    private: Sequence[Samples],
    development: Samples,
    recipe: Recipe,
    seed: int,
    progress: Progress | None = None,
) -> Classifier:
    """A network trained on everybody's samples together: what one could do if nothing were private."""
    return train(architecture, concatenate([*private, development]), recipe, seed, progress)


def fedavg(
    architecture: Architecture,
    private: Sequence[Samples],
    recipe: Recipe,
    rounds: int,
    seed: int,
    progress: Progress | None = None,
) -> Classifier:
    """Federated averaging (McMahan et al., AISTATS 2017) of one architecture over private samples.

    In each round every contributor trains the shared weights for `recipe.steps` steps on its own samples; the
    new shared weights are their mean, weighed by sample counts. Everyone's labels are among those of
    `architecture`.
    """
    shared = build(architecture, seed=seed)
    for turn in range(rounds):
        rate = recipe.learning_rate * (1 - turn / rounds)
        sum_of_weights: dict[str, Tensor] = {}
        for index, samples in enumerate(private):
            client = build(architecture, seed=seed)
            client.load_state_dict(shared.state_dict())
            local_seed = seed + 1_000 * turn + index
            fit(client, samples, replace(recipe, learning_rate=rate), local_seed)
            _add(sum_of_weights, client, len(samples))
            if progress is not None:
                progress(turn * len(private) + index + 1, rounds * len(private))
        total = sum(len(samples) for samples in private)
        shared.load_state_dict({name: tensor / total for name, tensor in sum_of_weights.items()})
    return shared.eval()


@torch.no_grad()
def _add(total: dict[str, Tensor], client: Classifier, weight: int) -> None:
    for name, tensor in client.state_dict().items():
        total[name] = total.get(name, torch.zeros_like(tensor)) + weight * tensor
