"""Growth by neurons alone: no new class, but new neurons that correct the answers to the known ones.

Krolevets (2019), appendix A (2 a): a participant adds classes "and/or" neurons. A hidden layer on the frozen
features, trained by gradient on the grower's own samples, moves the log-probabilities of those labels that
the grower shows: log p' = log s + log_softmax(log p + W relu(V x + b) + c), where s is what those labels have
together, and each counts as at least a millionth of it. W and c are zero before training. All other labels,
known or taught later, keep their probability: a label whose row of W and c is zero is none that the neurons
speak of.
Shapes: N own samples, M drawn ones, B batch, F features, K labels, S of them that are spoken of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.evaluate import LEAST_PROBABILITY
from ml.growth.lesson import Lesson, to_draw_from
from ml.growth.neurons import Layer, scaling, start, train
from ml.growth.statistics import HELD_OUT, draw

if TYPE_CHECKING:
    from ml.growth.grown import Grown

DRAWN: Final = 64  # of each label, at least
CHUNK: Final = 1_024  # samples whose old answers are computed at a time
FLOOR: Final = math.log(LEAST_PROBABILITY)  # answers further from the truth count the same, and can be mended
SIZES: Final = (0.0, 0.125, 0.25, 0.5, 1.0)
"""How much of the trained correction may be kept; samples that were left out choose."""
LOWEST: Final = -1e4  # old answers below it count the same: in float32 none is infinite then


def teach(lesson: Lesson) -> dict[str, Tensor]:
    """The tensors of the new part, by local name.

    Drawn features of every known label hold the old answers: the grower may have few samples of some.
    """
    assert lesson.parent is not None
    generator = Generator().manual_seed(lesson.seed)
    own = _Seen(lesson.features_NF, _answers(lesson.parent, lesson.features_NF), lesson.target_N)
    drawn = _drawn(lesson.parent, lesson.features_NF, generator)
    held_N = torch.arange(len(lesson.target_N)) % HELD_OUT == HELD_OUT - 1
    held_M = torch.arange(len(drawn.features)) % HELD_OUT == HELD_OUT - 1
    left_out = own.take(held_N) if held_N.any() else own, drawn.take(held_M)
    own, drawn = own.take(~held_N), drawn.take(~held_M)
    spoken_S = lesson.target_N.unique()
    inputs = scaling(torch.cat([own.features, drawn.features]))
    weights = start(lesson.part, generator)
    weights["out.weight"] = torch.zeros_like(weights["out.weight"])

    def loss(index_B: Tensor, generator: Generator) -> Tensor:
        index_M = torch.randint(len(drawn.features), (len(index_B),), generator=generator)
        return _loss(Layer(inputs | weights), own.take(index_B), drawn.take(index_M), spoken_S)

    weights = train(weights, loss, len(own.target), lesson.recipe, generator)
    sized = [_sized(weights, size) for size in SIZES]
    losses = [float(_loss(Layer(inputs | each), *left_out, spoken_S)) for each in sized]
    return inputs | sized[losses.index(min(losses))]


def corrected(model: Grown, answer: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`answer`, that of the parts with labels, moved by the neurons of each part without, in their order."""
    layers = [
        Layer({name: tensor.double() for name, tensor in model.of(part).items()})
        for part in model.plan.parts
        if not part.labels
    ]
    spoken = [_spoken(layer) for layer in layers]

    def run(features_BF: Tensor) -> Tensor:
        x_BF, log_p_BK = features_BF.double(), answer(features_BF)
        for layer, spoken_S in zip(layers, spoken, strict=True):
            log_p_BK = _moved(layer, x_BF, log_p_BK, spoken_S)
        return log_p_BK

    return run if layers else answer


@dataclass(frozen=True, eq=False)
class _Seen:
    """Samples: features, the old answers to them, the places of their labels."""

    features: Tensor
    log_p: Tensor
    target: Tensor

    def take(self, rows: Tensor) -> _Seen:
        """Some of them."""
        return _Seen(self.features[rows], self.log_p[rows], self.target[rows])


def _spoken(layer: Layer) -> Tensor:
    """The places of the labels that the neurons speak of."""
    rows_KH = torch.cat([layer.t["out.weight"], layer.t["out.bias"][:, None]], dim=1)
    return rows_KH.any(dim=1).nonzero()[:, 0]


def _moved(layer: Layer, x_BF: Tensor, log_p_BK: Tensor, spoken_S: Tensor) -> Tensor:
    """log_p_BK anew. What is spoken of keeps its sum, however large the layer's numbers are."""
    if not len(spoken_S):
        return log_p_BK
    old_BS = log_p_BK[:, spoken_S]
    share_B1 = old_BS.logsumexp(dim=1, keepdim=True)
    within_BS = (old_BS - share_B1).clamp_min(FLOOR)
    flow_BS = within_BS + layer.out(layer.hidden(x_BF, None))[:, spoken_S]
    return log_p_BK.index_copy(1, spoken_S, share_B1 + flow_BS.log_softmax(dim=1))


def _loss(layer: Layer, own: _Seen, drawn: _Seen, spoken_S: Tensor) -> Tensor:
    """Cross-entropy of the own samples, and the divergence from the old answers on drawn features."""
    fit = functional.nll_loss(_moved(layer, own.features, own.log_p, spoken_S), own.target)
    now_MK = _moved(layer, drawn.features, drawn.log_p, spoken_S)
    return fit + functional.kl_div(now_MK, drawn.log_p, reduction="batchmean", log_target=True)


def _drawn(parent: Grown, features_NF: Tensor, generator: Generator) -> _Seen:
    known, noise = to_draw_from(parent, features_NF)
    labels = len(known.mean_KF)
    target_M = torch.arange(max(len(features_NF), DRAWN * labels)) % labels
    features_MF = draw(known, noise, target_M, generator)
    return _Seen(features_MF, _answers(parent, features_MF), target_M)


def _answers(model: Grown, features_NF: Tensor) -> Tensor:
    return torch.cat([model.answer(chunk).clamp_min(LOWEST).float() for chunk in features_NF.split(CHUNK)])


def _sized(weights: Mapping[str, Tensor], size: float) -> dict[str, Tensor]:
    return {name: tensor * size if name.startswith("out.") else tensor for name, tensor in weights.items()}
