"""Growth by subspaces: a class is a mean and its principal directions, and nothing else is ever learned.

Frozen: the features and every class's statistics. A class does not depend on any other, so teaching class by
class gives, bit for bit, the same model as teaching all at once.
Shapes: B batch, F features, G groups, K labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ml.growth.base import base_log_probabilities
from ml.growth.lesson import Lesson, older
from ml.growth.neurons import Layer
from ml.growth.part import Part
from ml.growth.statistics import Explained

if TYPE_CHECKING:
    from ml.growth.grown import Grown


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name."""
    return lesson.statistics()[2]


def answer(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK: a gate weighs groups of classes by how well they explain the features (FearNet's amygdala;
    Kemker & Kanan, 2018); within its group an expert decides, where the group has one, else the gate itself.
    """
    noise, temperature = model.value("noise"), model.value("temperature")
    gates = [Explained(classes, noise, temperature) for classes in older(model)]
    experts = [*_base_expert(model), *(_expert(model, part) for part in model.plan.taught)]

    def run(features_BF: Tensor) -> Tensor:
        x_BF = features_BF.double()
        scores = [gate(x_BF) for gate in gates]
        groups_BG = torch.stack([scores_BK.logsumexp(dim=1) for scores_BK in scores], dim=1)
        shares_BG = groups_BG.log_softmax(
            dim=1
        )  # add up to 1 however large the scores are, as do all `within_BK`
        answers = []
        for number, (scores_BK, expert) in enumerate(zip(scores, experts, strict=True)):
            within_BK = scores_BK.log_softmax(dim=1) if expert is None else expert(x_BF)
            answers.append(shares_BG[:, number : number + 1] + within_BK)
        return torch.cat(answers, dim=1)

    return run


def _base_expert(model: Grown) -> list[Callable[[Tensor], Tensor]]:
    return [base_log_probabilities(model)] if model.plan.base.labels else []


def _expert(model: Grown, part: Part) -> Callable[[Tensor], Tensor] | None:
    if "out.weight" not in part.tensors:
        return None
    layer = Layer({name: tensor.double() for name, tensor in model.of(part).items()})
    return lambda x_BF: layer.out(layer.hidden(x_BF, None)).log_softmax(dim=1)
