"""ml.rounds: which models a round takes, with real grown models of digits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ml.bounds import CEILING, Bounds
from ml.data.samples import Dataset, Samples
from ml.evaluate import likelihood_ppm
from ml.growth import Grown, merge
from ml.round_rules import EXTEND, IMPROVE, RoundRules
from ml.rounds import Candidate, Finding, judge
from tests.ml.growth.conftest import first, more

EASY = RoundRules(step_ppm=0, claim_tolerance_ppm=0, old_drop_ppm=200_000, new_bar_ppm=500_000)


@pytest.fixture(scope="module")
def models(digits: Dataset) -> list[Grown]:
    """The head, and two growths of it."""
    parent = first(digits, "subspace")
    return [parent, more(parent, digits, "subspace", (4, 5, 6)), more(parent, digits, "subspace", (7, 8, 9))]


def extended(
    models: list[Grown], samples: Samples, claims: Sequence[int], bounds: Bounds = CEILING
) -> list[bool]:
    """Which of the growths are taken."""
    parent, *grown = models
    candidates = [Candidate(i, m, m.labels, claims[i]) for i, m in enumerate(grown)]

    def merged(indices: Sequence[int]) -> Grown:
        return merge(parent, [grown[i] for i in sorted(indices)], bounds)

    found = judge(EXTEND, parent, parent.labels, candidates, samples, EASY, merged)
    return [finding.reason is None for finding in found]


def improved(head: Grown, model: Grown, samples: Samples) -> Finding:
    candidate = Candidate(0, model, model.labels, 0)
    return judge(IMPROVE, head, head.labels, [candidate], samples, EASY, lambda _: head)[0]


def test_extend_growthsThatFitTogether_areAllTaken(models: list[Grown], digits: Dataset) -> None:
    assert extended(models, digits.test, (0, 0)) == [True, True]


def test_extend_growthsBeyondTheBoundsTogether_areNotBothTaken(models: list[Grown], digits: Dataset) -> None:
    bounds = Bounds(parameters=max(model.parameters for model in models))
    assert sorted(extended(models, digits.test, (0, 0), bounds)) == [False, True]


def test_extend_headThatWouldBeWorseThanRecorded_isNotMerged(models: list[Grown], digits: Dataset) -> None:
    """Each holds what it claims; the head of both would be doubted in the round after."""
    claims = [likelihood_ppm(model, digits.test.with_labels(model.labels)) for model in models[1:]]
    together = likelihood_ppm(merge(models[0], models[1:]), digits.test)
    assert together < min(claims)
    assert sorted(extended(models, digits.test, claims)) == [False, True]
    assert extended(models, digits.test, (together, together)) == [True, True]


@pytest.mark.parametrize("labels", [(4, 5, 6, 7, 8, 9), ()])
def test_judge_withoutASampleOfTheHeadsLabels_takesNothing(
    models: list[Grown], digits: Dataset, labels: tuple[int, ...]
) -> None:
    samples = digits.test.with_labels(labels)
    assert extended(models, samples, (0, 0)) == [False, False]
    assert "no drawn sample" in str(improved(models[0], models[0], samples).reason)


def test_attack_08_headSubmittedAgain_isNoImprovement_evenWithoutAStep(
    models: list[Grown], digits: Dataset
) -> None:
    assert "below the head's" in str(improved(models[0], models[0], digits.test).reason)
