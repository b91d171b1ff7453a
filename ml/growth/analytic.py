"""Growth by sums: ridge regression from the features to the labels, solved anew from sums that only grow.

Frozen: the features, and each part's sums (the Gram matrix of its samples, and the sum of each class), in
float64 as two float32 numbers. A column needs 2 · its own class's sum − the sum of all, so it can come
later than the samples it has to be told from (ACIL, Zhuang et al., NeurIPS 2022; RanPAC, McDonnell et al.,
2023). The sums do not depend on order, so neither does the answer. The solved head follows from them and is
stored nowhere.
Shapes: N samples, P features and the constant one, K labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from ml.growth.lesson import Lesson
from ml.growth.statistics import folds, rounded, suiting
from ml.threads import torch_threads

if TYPE_CHECKING:
    from ml.growth.grown import Grown

RIDGE: Final = 1e-6  # as a share of the mean of the Gram matrix's diagonal
UNTOLD: Final = 0.125  # temperature where no sample tells: of one class, or one sample of each
CHUNK: Final = 4_096  # samples in float64 at a time


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name."""
    labels = len(lesson.part.labels)
    gram_PP, sums_KP = _sums(lesson.features_NF, lesson.target_N, labels)
    tensors = _halves("gram", _packed(gram_PP)) | _halves("sums", sums_KP)
    if not lesson.part.founds:
        return tensors
    temperature = _temperature(lesson, gram_PP, sums_KP)
    return tensors | {"ridge": torch.tensor([RIDGE]), "temperature": torch.tensor([temperature])}


def _temperature(lesson: Lesson, gram_PP: Tensor, sums_KP: Tensor) -> float:
    """That which suits the outputs for samples left out."""
    scores, targets = [], []
    for fold_N in folds(lesson.target_N):
        features_NF, target_N = lesson.features_NF[fold_N], lesson.target_N[fold_N]
        gram, sums = _sums(features_NF, target_N, len(sums_KP))
        weight_KP = solve(gram_PP - gram, sums_KP - sums, RIDGE)
        scores.append(_with_one(features_NF) @ weight_KP.T)
        targets.append(target_N)
    if not scores or len(sums_KP) == 1:
        return UNTOLD
    return rounded(suiting(torch.cat(scores), torch.cat(targets)))


def answer(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK: a softmax over the ridge regression's outputs."""
    gram_PP, sums_KP = model_sums(model)
    weight_KP = solve(gram_PP, sums_KP, model.value("ridge"))
    temperature = model.value("temperature")
    return lambda features_BF: (_with_one(features_BF) @ weight_KP.T / temperature).log_softmax(dim=1)


def model_sums(model: Grown) -> tuple[Tensor, Tensor]:
    """gram_PP and sums_KP over all parts, in float64."""
    parts = [model.of(part) for part in model.plan.taught]
    triangle = torch.stack([_whole(tensors, "gram") for tensors in parts]).sum(dim=0)
    return _unpacked(triangle, model.plan.features + 1), torch.cat([_whole(t, "sums") for t in parts])


def solve(gram_PP: Tensor, sums_KP: Tensor, ridge: float) -> Tensor:
    """weight_KP with the least squared error to +1 for a sample's own label and −1 for the others."""
    target_KP = 2 * sums_KP - sums_KP.sum(dim=0)
    amount = ridge * gram_PP.diagonal().mean()
    eye_PP = torch.eye(len(gram_PP), dtype=torch.float64)
    with torch_threads(1):
        weight_PK, info = torch.linalg.solve_ex(gram_PP + amount * eye_PP, target_KP.T)
    weight_KP: Tensor = weight_PK.T
    return torch.full_like(weight_KP, torch.nan) if int(info) else weight_KP  # singular: no answer


def _sums(features_NF: Tensor, target_N: Tensor, labels: int) -> tuple[Tensor, Tensor]:
    side = features_NF.shape[1] + 1
    gram_PP, sums_KP = (
        torch.zeros(side, side, dtype=torch.float64),
        torch.zeros(labels, side, dtype=torch.float64),
    )
    for begin in range(0, len(target_N), CHUNK):
        x_NP = _with_one(features_NF[begin : begin + CHUNK])
        gram_PP += x_NP.T @ x_NP
        sums_KP.index_add_(0, target_N[begin : begin + CHUNK], x_NP)
    return gram_PP, sums_KP


def _with_one(features_NF: Tensor) -> Tensor:
    x_NF = features_NF.double()
    return torch.cat([x_NF, torch.ones(len(x_NF), 1, dtype=torch.float64)], dim=1)


def _packed(gram_PP: Tensor) -> Tensor:
    rows, columns = torch.triu_indices(*gram_PP.shape)
    return gram_PP[rows, columns]


def _unpacked(triangle: Tensor, side: int) -> Tensor:
    rows, columns = torch.triu_indices(side, side)
    gram_PP = torch.zeros(side, side, dtype=torch.float64)
    gram_PP[rows, columns] = triangle
    gram_PP[columns, rows] = triangle
    return gram_PP


def _halves(name: str, values: Tensor) -> dict[str, Tensor]:
    high = values.float()
    return {f"{name}.high": high, f"{name}.low": (values - high.double()).float()}


def _whole(tensors: dict[str, Tensor], name: str) -> Tensor:
    return tensors[f"{name}.high"].double() + tensors[f"{name}.low"].double()
