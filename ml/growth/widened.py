"""Growth by rows: the head gets a row for each new label, on frozen features; the plainest growth.

Old rows are frozen and compete with the new ones in one softmax. The new rows are trained by gradient; older
classes are drawn from their statistics.
Shapes: B batch, F features, K labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.growth.base import base_logits
from ml.growth.lesson import Lesson, to_draw_from
from ml.growth.neurons import Layer, scaling, start, train
from ml.growth.statistics import cleaned, draw

if TYPE_CHECKING:
    from ml.growth.grown import Grown


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name."""
    classes, noise, statistics = lesson.statistics()
    parent = lesson.parent if lesson.part.older else None
    past = None
    if parent is not None:
        past, noise = to_draw_from(parent, lesson.features_NF)
    inputs = scaling(lesson.features_NF)
    generator = Generator().manual_seed(lesson.seed)
    weights = start(lesson.part, generator)
    old_logits = _logits(parent) if parent is not None else None

    def loss(index_B: Tensor, generator: Generator) -> Tensor:
        target_B = lesson.target_N[index_B]
        x_BF = cleaned(classes, noise, lesson.features_NF[index_B], target_B, generator)
        before: list[Tensor] = []
        weight_B = torch.ones(len(index_B))
        if past is not None and old_logits is not None:
            known = len(past.mean_KF)
            drawn_B = torch.randint(known, (len(index_B),), generator=generator)
            x_BF = torch.cat([x_BF, draw(past, noise, drawn_B, generator)])
            target_B = torch.cat([target_B + known, drawn_B])
            weight_B = torch.cat([weight_B, weight_B * (known / len(lesson.part.labels))])
            before.append(old_logits(x_BF.double()).float())
        logits_BK = torch.cat([*before, _rows(inputs | weights, x_BF)], dim=1)
        loss_B = functional.cross_entropy(logits_BK, target_B, reduction="none")
        return (loss_B * weight_B).sum() / weight_B.sum()

    return statistics | inputs | train(weights, loss, len(lesson.target_N), lesson.recipe, generator)


def answer(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK: one softmax over all rows."""
    logits = _logits(model)
    return lambda features_BF: logits(features_BF.double()).log_softmax(dim=1)


def _logits(model: Grown) -> Callable[[Tensor], Tensor]:
    base = base_logits(model) if model.plan.base.labels else None
    rows = [{n: t.double() for n, t in model.of(part).items()} for part in model.plan.taught]

    def run(x_BF: Tensor) -> Tensor:
        parts = [_rows(tensors, x_BF) for tensors in rows]
        return torch.cat([base(x_BF), *parts] if base is not None else parts, dim=1)

    return run


def _rows(tensors: dict[str, Tensor], x_BF: Tensor) -> Tensor:
    return Layer(tensors).scaled(x_BF) @ tensors["head.weight"].T + tensors["head.bias"]
