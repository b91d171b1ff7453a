"""How the parts of each family answer together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from torch import Tensor

from ml.growth import analytic, correction, progressive, subspace, widened
from ml.growth.base import base_log_probabilities

if TYPE_CHECKING:
    from ml.growth.grown import Grown

ANSWERS: Final[Mapping[str | None, Callable[[Grown], Callable[[Tensor], Tensor]]]] = MappingProxyType(
    {
        None: base_log_probabilities,
        "density": subspace.answer,
        "sums": analytic.answer,
        "columns": progressive.answer,
        "rows": widened.answer,
    }
)
"""By the names in ml.growth.schemas; a model without parts is its base."""


def answer_of(model: Grown) -> Callable[[Tensor], Tensor]:
    """log_p_BK: the parts with labels answer, neurons alone correct them."""
    return correction.corrected(model, ANSWERS[model.plan.family](model))
