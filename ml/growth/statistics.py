"""What a model keeps of a class in place of its samples: mean and principal directions of the features.

A class is taken for a Gaussian whose spread is `directions` along its principal axes and one noise common to
all classes elsewhere (probabilistic PCA; Tipping & Bishop, 1999; after Bruna & Mallat's affine subspaces).
Shapes: N samples, F features, D directions of a class, K classes.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.canonical import sha256

LEAST: Final = 1e-12
KEPT: Final = 64
HELD_OUT: Final = 5  # every fifth sample is left out, in turn where each one counts
DOUBT: Final = (
    0.5  # samples that are taken to have been wrong, and as many right, beside those that were left out
)
FARTHEST: Final = 4.0  # times as far from 0 as the features at hand; honest statistics stay far below
STEPS: Final = range(-64, 17)  # quarters of a power of two about the mean difference of two labels' scores


@dataclass(frozen=True)
class Classes:
    """Statistics of several classes, in float64."""

    mean_KF: Tensor
    directions_KDF: Tensor  # each as long as the standard deviation along it; of length 0 where there is none

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], prefix: str) -> Classes:
        """Those that a weights file holds under `prefix`."""
        return cls(tensors[prefix + "mean"].double(), tensors[prefix + "directions"].double())

    def tensors(self) -> dict[str, Tensor]:
        """As a weights file holds them."""
        return {"directions": self.directions_KDF.float(), "mean": self.mean_KF.float()}

    @property
    def axes_KDF(self) -> Tensor:
        """The directions at length 1."""
        length_KD1: Tensor = self.directions_KDF.norm(dim=2, keepdim=True).clamp_min(LEAST)
        return self.directions_KDF / length_KD1


@dataclass(frozen=True)
class Fit:
    """The statistics of one class, and what its directions leave unexplained."""

    mean_F: Tensor
    directions_DF: Tensor
    left: float  # variance outside the directions, for one feature


_kept: OrderedDict[tuple[bytes, int], Fit] = OrderedDict()


def fit(features_NF: Tensor, directions: int) -> Fit:
    """The statistics of the class that `features_NF` are of; the last asked for are kept, by digest."""
    key = (sha256(features_NF.contiguous().numpy().data), directions)
    if key not in _kept:
        _kept[key] = _fit(features_NF, directions)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def _fit(features_NF: Tensor, directions: int) -> Fit:
    """The statistics of the class that `features_NF` are of: directions as far as they span, then zeros."""
    x_NF = features_NF.double()
    mean_F = x_NF.mean(dim=0)
    x_NF = x_NF - mean_F
    count, size = x_NF.shape
    if count < size:  # the same axes from the smaller matrix
        values, vectors = torch.linalg.eigh(x_NF @ x_NF.T)
        axes = vectors.flip(1)[:, :directions].T @ x_NF
        axes = axes / axes.norm(dim=1, keepdim=True).clamp_min(LEAST)
    else:
        values, vectors = torch.linalg.eigh(x_NF.T @ x_NF)
        axes = vectors.flip(1)[:, :directions].T
    variances = values.flip(0)[:directions].clamp_min(0) / count
    found = torch.zeros(directions, size, dtype=torch.float64)
    found[: len(axes)] = axes * variances.sqrt()[:, None]
    left = (float(x_NF.square().sum()) / count - float(variances.sum())) / max(1, size - directions)
    return Fit(mean_F, found, max(left, 0.0))


def gather(fits: Sequence[Fit]) -> Classes:
    """Several classes' statistics as one, rounded as a file will hold them."""
    mean_KF = torch.stack([f.mean_F for f in fits]).float().double()
    return Classes(mean_KF, torch.stack([f.directions_DF for f in fits]).float().double())


class Explained:
    """How well classes explain features: scores_NK = −distance² / (2 · noise · temperature).

    Along a direction of variance v a distance counts only noise / max(v, noise) of itself.
    """

    def __init__(self, classes: Classes, noise: float, temperature: float) -> None:
        variance_KD = classes.directions_KDF.square().sum(dim=2)
        weight_KD = 1 - noise / variance_KD.clamp_min(noise)
        self._mean_KF = classes.mean_KF
        self._rows_KDF = classes.axes_KDF * weight_KD.sqrt()[:, :, None]
        self._at_mean_KD = torch.einsum("kdf,kf->kd", self._rows_KDF, self._mean_KF)
        self._shape = classes.directions_KDF.shape
        self._scale = 1 / (2 * noise * temperature)

    def __call__(self, x_NF: Tensor) -> Tensor:
        """scores_NK of float64 features."""
        k, d, f = self._shape
        along_NKD = (x_NF @ self._rows_KDF.reshape(k * d, f).T).reshape(-1, k, d) - self._at_mean_KD
        square_NK = (
            x_NF.square().sum(1, keepdim=True) - 2 * x_NF @ self._mean_KF.T + self._mean_KF.square().sum(1)
        )
        return (along_NKD.square().sum(2) - square_NK) * self._scale


def settle(features_NF: Tensor, label_N: Tensor, directions: int) -> tuple[list[Fit], float, float]:
    """The classes 0, 1, ... of `label_N`, the noise, and the temperature that suits samples left out.

    The noise is what the samples themselves leave unexplained: next to nothing where a class has no more of
    them than directions. So the temperature is looked for on the distances, whatever the noise is.
    """
    classes = range(int(label_N.max()) + 1)
    fits = [fit(features_NF[label_N == c], directions) for c in classes]
    noise = rounded(noise_of(fits))
    everything = torch.ones_like(label_N, dtype=torch.bool)
    pairs = [(fold_N, ~fold_N) for fold_N in folds(label_N)] or [(everything, everything)]
    left_out = [_left_out(features_NF, label_N, directions, fold_N, seen_N) for fold_N, seen_N in pairs]
    scores_NK = torch.cat([scores for scores, _ in left_out])
    found = suiting(scores_NK, torch.cat([labels for _, labels in left_out]))
    return fits, noise, rounded(found / noise)


def folds(label_N: Tensor) -> list[Tensor]:
    """Which samples to leave out at a time: a fifth of every class, at least one, and never a whole class.

    So none where every class has but one sample.
    """
    place_N = torch.full_like(label_N, -1)
    for label in label_N.unique().tolist():
        chosen_N = label_N == label
        if (count := int(chosen_N.sum())) > 1:
            place_N[chosen_N] = torch.arange(count) % HELD_OUT
    found = [place_N == number for number in range(HELD_OUT)]
    return [fold_N for fold_N in found if fold_N.any()]


def _left_out(
    features_NF: Tensor, label_N: Tensor, directions: int, fold_N: Tensor, seen_N: Tensor
) -> tuple[Tensor, Tensor]:
    """Minus half the squared distances of samples from the classes as others show them; their labels."""
    trial = [fit(features_NF[seen_N & (label_N == c)], directions) for c in range(int(label_N.max()) + 1)]
    noise = noise_of(trial)
    return Explained(gather(trial), noise, 1 / noise)(features_NF[fold_N].double()), label_N[fold_N]


def noise_of(fits: Sequence[Fit]) -> float:
    """The noise common to these classes."""
    return max(sum(f.left for f in fits) / len(fits), 1e-9)


def suiting(scores_NK: Tensor, label_N: Tensor) -> float:
    """The temperature with which these scores of samples left out have the least cross-entropy.

    Few samples that are all told right would ask for none at all. So DOUBT samples count as told wrong, the
    next best label in place of their own (as Krichevsky & Trofimov, 1981, for shares; Platt, 1999, has one
    for scores). One class alone has nothing to be told from: its scores are taken for chi-squared distances.
    """
    scores_NK = scores_NK.nan_to_num()  # of what has no answer
    own_N = scores_NK.gather(1, label_N[:, None])[:, 0]
    if scores_NK.shape[1] == 1:
        return max(float(own_N.var(correction=0)) / max(float(own_N.abs().mean()), LEAST), LEAST)
    next_best_N, next_N = scores_NK.scatter(1, label_N[:, None], -torch.inf).max(dim=1)
    wrong = DOUBT / (len(label_N) + 2 * DOUBT)
    middle = round(4 * math.log2(max(float((own_N - next_best_N).abs().mean()), LEAST)))
    best, chosen = math.inf, 0.0
    for step in STEPS:
        temperature = 2 ** ((middle + step) / 4)
        log_p_NK = (scores_NK / temperature).log_softmax(dim=1)
        right, doubted = (functional.nll_loss(log_p_NK, truth_N) for truth_N in (label_N, next_N))
        loss = float((1 - wrong) * right + wrong * doubted)
        if loss < best:
            best, chosen = loss, temperature
    return chosen


def rounded(value: float) -> float:
    """`value` as a weights file holds it."""
    return float(torch.tensor(value, dtype=torch.float32))


def believable(classes: Classes, noise: float, features_NF: Tensor) -> tuple[Classes, float]:
    """Others' statistics, none of it further from 0 than FARTHEST times the features at hand: to draw from.

    Numbers that no frozen base makes can stand where no answer depends on them: as a direction along a
    feature that is always the same. Whoever drew from them would learn nothing, or NaN.
    """
    limit = FARTHEST * max(float(features_NF.double().norm(dim=1).max()), LEAST)
    mean_KF, directions_KDF = (
        rows * (limit / rows.norm(dim=-1, keepdim=True).clamp_min(LEAST)).clamp_max(1)
        for rows in (classes.mean_KF, classes.directions_KDF)
    )
    return Classes(mean_KF, directions_KDF), min(noise, limit**2 / features_NF.shape[1])


def draw(classes: Classes, noise: float, label_N: Tensor, generator: Generator) -> Tensor:
    """Features as the statistics expect them, a row for each of `label_N` (rows of `classes`), in float32."""
    along_ND = torch.randn(len(label_N), classes.directions_KDF.shape[1], generator=generator)
    rows: Tensor = classes.mean_KF.float()[label_N] + noise**0.5 * torch.randn(
        len(label_N), classes.mean_KF.shape[1], generator=generator
    )
    directions = classes.directions_KDF.float()
    for label in label_N.unique().tolist():
        chosen = label_N == label
        rows[chosen] += along_ND[chosen] @ directions[label]
    return rows


def cleaned(
    classes: Classes, noise: float, features_NF: Tensor, label_N: Tensor, generator: Generator
) -> Tensor:
    """Real features with what lies outside their class's directions replaced by noise, as in `draw`.

    So a network cannot tell drawn features from real ones by what the statistics do not hold.
    """
    axes, mean = classes.axes_KDF.float(), classes.mean_KF.float()
    rows: Tensor = mean[label_N] + noise**0.5 * torch.randn(features_NF.shape, generator=generator)
    for label in label_N.unique().tolist():
        chosen = label_N == label
        rows[chosen] += ((features_NF[chosen] - mean[label]) @ axes[label].T) @ axes[label]
    return rows
