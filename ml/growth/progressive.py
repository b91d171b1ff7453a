"""Growth by columns: new neurons trained by gradient beside frozen ones, seen through lateral connections.

Progressive neural networks (Rusu et al., 2016, arXiv 1606.04671), the way of Krolevets (2019), section 3. A
new column answers for its own classes and for "something older"; what is older is drawn from the frozen
statistics of the classes before it, so no sample of them is needed and no task is named at test time.
Shapes: B batch, F features, L hidden neurons of earlier columns, O outputs, K labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.growth.base import base_log_probabilities
from ml.growth.lesson import Lesson, to_draw_from
from ml.growth.neurons import Layer, scaling, start, train
from ml.growth.part import Part
from ml.growth.statistics import Classes, cleaned, draw

if TYPE_CHECKING:
    from ml.growth.grown import Grown


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name."""
    classes, noise, statistics = lesson.statistics()
    past = None
    if lesson.parent is not None and lesson.part.older:
        past, noise = to_draw_from(lesson.parent, lesson.features_NF)
    generator = Generator().manual_seed(lesson.seed)
    everything = [draw(classes, noise, lesson.target_N, generator)]
    if past is not None:
        everything.append(draw(past, noise, _any(past, len(lesson.target_N), generator), generator))
    inputs = scaling(torch.cat(everything))
    weights = start(lesson.part, generator)
    lateral = _hidden(lesson.parent, torch.float32) if lesson.parent is not None else None

    def loss(index_B: Tensor, generator: Generator) -> Tensor:
        x_BF, target_B, weight_B = batch(lesson, classes, past, noise, index_B, generator)
        layer = Layer(inputs | weights)
        earlier_BL = lateral(x_BF) if lateral is not None else None
        loss_B = functional.cross_entropy(
            layer.out(layer.hidden(x_BF, earlier_BL)), target_B, reduction="none"
        )
        return (loss_B * weight_B).sum() / weight_B.sum()

    return statistics | inputs | train(weights, loss, len(lesson.target_N), lesson.recipe, generator)


def batch(
    lesson: Lesson,
    classes: Classes,
    past: Classes | None,
    noise: float,
    index_B: Tensor,
    generator: Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """New samples and drawn older ones, their targets (for these the place after the new labels) and weights.

    As many are drawn as there are new ones, and weigh as if every older class had as many as a new one.
    """
    target_B = lesson.target_N[index_B]
    x_BF = cleaned(classes, noise, lesson.features_NF[index_B], target_B, generator)
    if past is None:
        return x_BF, target_B, torch.ones(len(target_B))
    drawn_BF = draw(past, noise, _any(past, len(index_B), generator), generator)
    none_of_mine_B = torch.full_like(target_B, len(lesson.part.labels))
    weight = len(past.mean_KF) / len(lesson.part.labels)
    return (
        torch.cat([x_BF, drawn_BF]),
        torch.cat([target_B, none_of_mine_B]),
        torch.cat([torch.ones(len(target_B)), torch.full((len(target_B),), weight)]),
    )


def _any(past: Classes, count: int, generator: Generator) -> Tensor:
    return torch.randint(len(past.mean_KF), (count,), generator=generator)


def answer(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK: parts taught side by side break off their shares from the labels that all of them knew."""
    hidden = _hidden_of_each(model, torch.float64)
    layers = {part.index: Layer(_as(model, part, torch.float64)) for part in model.plan.taught}
    first = base_log_probabilities(model) if model.plan.base.labels else None

    def run(features_BF: Tensor) -> Tensor:
        x_BF = features_BF.double()
        log_p_BK = first(x_BF) if first is not None else x_BF[:, :0]
        seen = hidden(x_BF)
        parts = model.plan.taught
        at = 0
        while at < len(parts):
            group = [p for p in parts[at:] if p.after == parts[at].after]
            odds_BK = torch.cat([_odds(p.older, layers[p.index].out(seen[p.index])) for p in group], dim=1)
            rest_B1 = torch.zeros(len(x_BF), 1 if parts[at].older else 0, dtype=torch.float64)
            shares_BK = torch.cat([rest_B1, odds_BK], dim=1).log_softmax(dim=1)  # add up to 1 however large
            rest = rest_B1.shape[1]
            log_p_BK = torch.cat([log_p_BK + shares_BK[:, :rest], shares_BK[:, rest:]], dim=1)
            at += len(group)
        return log_p_BK

    return run


def _odds(older_labels: int, outputs_BO: Tensor) -> Tensor:
    """Of each own label against everything older: the last output stands for that."""
    return outputs_BO[:, :-1] - outputs_BO[:, -1:] if older_labels else outputs_BO


def _hidden(model: Grown, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """All columns' hidden neurons side by side: what a new column sees."""
    each = _hidden_of_each(model, dtype)

    def run(x_BF: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([x_BF[:, :0], *each(x_BF).values()], dim=1)

    return run


def _hidden_of_each(model: Grown, dtype: torch.dtype) -> Callable[[Tensor], dict[int, Tensor]]:
    parts = model.plan.taught
    layers = [Layer(_as(model, part, dtype)) for part in parts]

    def run(x_BF: Tensor) -> dict[int, Tensor]:
        seen: dict[int, Tensor] = {}  # by the part's index
        for part, layer in zip(parts, layers, strict=True):
            earlier = [flow_BH for index, flow_BH in seen.items() if index < part.after]
            seen[part.index] = layer.hidden(x_BF, torch.cat(earlier, dim=1) if earlier else None)
        return seen

    return run


def _as(model: Grown, part: Part, dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: tensor.to(dtype) for name, tensor in model.of(part).items()}
