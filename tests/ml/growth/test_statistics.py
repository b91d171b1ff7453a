"""ml.growth.statistics: how sure a model is of itself follows from samples that were left out."""

from __future__ import annotations

import math

import pytest
import torch

from ml.data.samples import Dataset
from ml.evaluate import likelihood_ppm
from ml.growth import found
from ml.growth.statistics import folds, suiting
from tests.ml.growth.conftest import OPTIONS, SMALL

QUARTER = 2**0.25  # between two temperatures that are tried


@pytest.mark.parametrize("count", [2, 10, 1_000])
def test_suiting_allToldRight_oneInTwiceAsManyMayBeWrong(count: int) -> None:
    scores = torch.tensor([[0.0, -7.0]] * count, dtype=torch.float64)
    found = suiting(scores, torch.zeros(count, dtype=torch.long))

    exact = 7 / math.log(2 * count + 1)  # p = (count + 1/2) / (count + 1)
    assert exact / QUARTER < found < exact * QUARTER


def test_suiting_aThirdToldWrong_isTheirShare() -> None:
    scores = torch.tensor([[0.0, -5.0]] * 300, dtype=torch.float64)
    label = (torch.arange(300) % 3 == 0).long()

    exact = 5 / math.log(2)
    assert exact / QUARTER < suiting(scores, label) < exact * QUARTER


def test_suiting_scalesWithTheScores() -> None:
    scores = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 3
    label = torch.arange(50) % 4

    assert suiting(scores * 2**20, label) == suiting(scores, label) * 2**20


def test_folds_leaveEachSampleOutOnce_andNoClassAsAWhole() -> None:
    label = torch.tensor([0] * 12 + [1] * 2 + [2])
    left_out = torch.stack(folds(label)).long()

    assert left_out.sum(dim=0).tolist() == [1] * 14 + [0]  # the only sample of its class stays
    assert all((~fold.bool() & (label == c)).any() for fold in left_out for c in range(3))
    assert folds(torch.tensor([0, 1, 2])) == []


@pytest.mark.parametrize("samples", [12, 26, 60, 250])
def test_found_fewSamples_isAboutAsSureOfUnseenOnes(digits: Dataset, samples: int) -> None:
    own, unseen = digits.train.with_labels((0, 1, 2)), digits.test.with_labels((0, 1, 2))
    few = own.take(slice(0, samples))
    model = found(few, scattering=SMALL, options=OPTIONS)

    assert likelihood_ppm(model, few) < likelihood_ppm(model, unseen) + 200_000


@pytest.mark.parametrize("rule", ["subspace", "analytic", "dual_memory"])
@pytest.mark.parametrize("labels", [(0,), (0, 1, 2)])
def test_found_oneSampleOfEach_answers(digits: Dataset, rule: str, labels: tuple[int, ...]) -> None:
    rows = [int((digits.train.labels_N == label).argmax()) for label in labels]
    model = found(digits.train.take(rows), rule, scattering=SMALL, options=OPTIONS)

    assert likelihood_ppm(model, digits.train.take(rows)) > 1_000_000 // (2 * len(labels))
