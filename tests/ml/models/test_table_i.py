"""ml.models.table_i: the five CNNs as the paper prints them."""

from __future__ import annotations

import pytest
import torch

from ml.architecture import check
from ml.errors import InvalidArchitecture
from ml.models import build, table_i


@pytest.mark.parametrize(("number", "flat"), [(1, 392), (2, 784), (3, 784), (4, 588), (5, 392)])
def test_tableI_reshapedVector_isThatOfThePaper(number: int, flat: int) -> None:
    plan = check(table_i(number))

    assert [layer.outputs for layer in plan.layers if layer.kind == "flatten"] == [(flat,)]
    assert plan.features == 500


@pytest.mark.parametrize(
    ("number", "kernels"),
    [
        (1, [(32, 1, 5, 5), (16, 32, 5, 5), (8, 16, 2, 2)]),
        (2, [(64, 1, 5, 5), (32, 64, 5, 5), (16, 32, 2, 2)]),
        (3, [(32, 1, 5, 5), (32, 32, 10, 10), (16, 32, 4, 4)]),
        (4, [(16, 1, 10, 10), (16, 16, 10, 10), (12, 16, 5, 5)]),
        (5, [(16, 1, 10, 10), (16, 16, 5, 5), (8, 16, 5, 5)]),
    ],
)
def test_tableI_convolutions_areThoseOfThePaper(number: int, kernels: list[tuple[int, ...]]) -> None:
    plan = check(table_i(number))

    assert [layer.tensors["weight"] for layer in plan.layers if layer.kind == "conv"] == kernels


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_tableI_withOwnLabels_hasOneOutputEach(number: int) -> None:
    model = build(table_i(number, labels=(0, 1, 5, 7, 8, 9)))

    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 6)
    assert model.labels == (0, 1, 5, 7, 8, 9)


@pytest.mark.parametrize("number", [0, 6])
def test_tableI_ofAnotherContributor_isRefused(number: int) -> None:
    with pytest.raises(InvalidArchitecture, match="contributors 1 to 5"):
        table_i(number)
