"""Grown models with numbers that no training makes: they answer badly, and nothing else happens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ml.data.samples import Dataset, Samples
from ml.evaluate import accuracy_ppm, likelihood_ppm
from ml.growth import RULES, Grown, found, grow
from ml.growth.grown import from_tensors
from ml.growth.schemas import SCHEMAS
from tests.ml.growth.conftest import BRIEF, OPTIONS, SMALL, first, more

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


@pytest.mark.parametrize("labels", [(0, 1, 2, 3), (1, 2)], ids=["all labels", "some labels"])
@pytest.mark.parametrize("number", [1e-36, TINY])
def test_attack_46_headThatIsOverSure_canStillBeCorrected(
    number: float, labels: tuple[int, ...], digits: Dataset, some: Samples
) -> None:
    """Its accuracy hides that its answers are beyond float32: who grows it gets numbers all the same."""
    few = digits.train.with_labels((0, 1, 2, 3)).take(slice(0, 60))
    honest = found(few, scattering=SMALL, options=OPTIONS)
    head = altered(honest, {"temperature": number})
    child = grow(head, digits.train.with_labels(labels), "neurons", 3, options=OPTIONS, recipe=BRIEF)
    own = some.with_labels(labels)

    assert accuracy_ppm(head, some.with_labels(head.labels)) > 900_000
    assert all(bool(tensor.isfinite().all()) for tensor in child.tensors.values())
    assert likelihood_ppm(child, own) >= likelihood_ppm(head, own) - 10
    assert labels != head.labels or likelihood_ppm(child, own) > likelihood_ppm(head, own)


@pytest.mark.parametrize("rule", ["neurons", "progressive", "widened"])
def test_attack_46_directionThatNoAnswerDependsOn_spoilsNoGrowth(
    rule: str, digits: Dataset, some: Samples
) -> None:
    """Along a feature that is always the same, a class can claim any spread, and is drawn so."""
    honest = first(digits, "subspace" if rule == "neurons" else rule)
    still = int(honest.features(digits.train.take(slice(0, 400))).std(dim=0).argmin())
    name = next(name for name in honest.tensors if name.endswith("directions"))
    directions_KDF = honest.tensors[name].clone()
    directions_KDF[0, -1] = 0
    directions_KDF[0, -1, still] = HUGE
    head = from_tensors(honest.architecture, honest.plan, honest.tensors | {name: directions_KDF})
    labels = (0, 1, 2, 3) if rule == "neurons" else (4, 5, 6)
    own = digits.train.with_labels(labels)
    taught = () if rule == "neurons" else labels
    child, plain = (
        grow(parent, own, rule, 3, labels=taught, options=OPTIONS, recipe=BRIEF) for parent in (head, honest)
    )
    known = some.with_labels(child.labels)

    assert accuracy_ppm(head, known) >= accuracy_ppm(honest, known) - 20_000
    assert all(bool(tensor.isfinite().all()) for tensor in child.tensors.values())
    assert accuracy_ppm(child, known) >= accuracy_ppm(plain, known) - 150_000
