"""The head of a base that is an ordinary classifier, on the features that a grown model sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from ml.growth.grown import Grown


def base_logits(model: Grown) -> Callable[[Tensor], Tensor]:
    """logits_BK of the base's labels, in float64; the base must have some."""
    assert model.classifier is not None
    head, scale = model.classifier.head, model.tensors["base.scale"].double()
    weight_KF, bias_K = head.weight.detach().double(), head.bias.detach().double()
    learned = weight_KF.shape[1]
    return lambda x_BF: (x_BF[:, -learned:] / scale) @ weight_KF.T + bias_K


def base_log_probabilities(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK of the base's labels."""
    logits = base_logits(model)
    return lambda x_BF: logits(x_BF.double()).log_softmax(dim=1)
