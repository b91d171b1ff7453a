"""Grown models with numbers that no training makes: they answer badly, and nothing else happens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ml.data.samples import Dataset, Samples
from ml.evaluate import accuracy_ppm, likelihood_ppm
from ml.growth import RULES, Grown, grow
from ml.growth.grown import from_tensors
from ml.growth.schemas import SCHEMAS
from tests.ml.growth.conftest import BRIEF, OPTIONS, first, more

HUGE = 3e38
TINY = 1e-45


def altered(model: Grown, changes: dict[str, float]) -> Grown:
    """`model` with every tensor whose name ends with a key filled with one number."""

    def value(name: str, tensor: Tensor) -> Tensor:
        number = next((v for end, v in changes.items() if name.endswith(end)), None)
        return tensor if number is None else torch.full_like(tensor, number)

    return from_tensors(model.architecture, model.plan, {n: value(n, t) for n, t in model.tensors.items()})


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("progressive", {"out.bias": HUGE}),
        ("progressive", {"out.weight": HUGE}),
        ("subspace", {"noise": TINY, "mean": 1.0, "directions": 0.0}),
        ("dual_memory", {"noise": TINY, "mean": 1.0, "directions": 0.0, "out.weight": 0.0, "out.bias": 0.0}),
        ("widened", {"head.bias": HUGE}),
        ("analytic", {"sums.high": HUGE}),
    ],
)
def test_attack_44_scoresTooLargeToTellApart_areNoCertainty(
    rule: str, changes: dict[str, float], digits: Dataset, some: Samples
) -> None:
    for model in (first(digits, rule), more(first(digits, rule), digits, rule, (4, 5, 6))):
        guess = altered(model, changes)
        own = some.with_labels(model.labels)
        total_N = np.exp(guess.log_probabilities(own)).sum(axis=1)
        assert not (total_N > 1 + 1e-9).any()
        assert likelihood_ppm(guess, own) <= 1_000_000 // min(4, len(model.labels)) + 1


@pytest.mark.parametrize("number", [0.0, HUGE, -HUGE])
def test_attack_45_sumsThatHaveNoSolution_answerNothing(
    number: float, digits: Dataset, some: Samples
) -> None:
    own = some.with_labels((0, 1, 2, 3))
    model = altered(first(digits, "analytic"), {"gram.high": number, "gram.low": 0.0})
    assert likelihood_ppm(model, own) < 500_000
    assert accuracy_ppm(model, own) < 500_000


@pytest.mark.parametrize("rule", list(RULES))
def test_attack_44_anyTensorOfExtremes_isAnsweredWithoutAnError(
    rule: str, digits: Dataset, some: Samples
) -> None:
    model = first(digits, rule if SCHEMAS[rule].teaches else "subspace")
    if not SCHEMAS[rule].teaches:
        model = grow(model, digits.train.with_labels(model.labels), rule, options=OPTIONS, recipe=BRIEF)
    own = some.with_labels(model.labels).take(slice(0, 8))
    for name in model.tensors:
        for number in (HUGE, TINY):
            guess = altered(model, {name: number})
            assert 0 <= likelihood_ppm(guess, own) <= 1_000_000
            assert not (np.exp(guess.log_probabilities(own)).sum(axis=1) > 1 + 1e-9).any()
