"""ml.fuse.early: eqs. 1 to 6 of Mendis et al. on numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from ml.fuse.early import EarlyHead
from ml.models import Classifier, build
from ml.models.mlp import mlp


def member(labels: tuple[int, ...], features: int) -> Classifier:
    return build(mlp(labels, input_shape=(1, 2, 2), hidden=(features,)), seed=1)


@pytest.fixture
def head() -> EarlyHead:
    """Model 1: two features, labels 0 and 2; model 2: three features, label 1. Task labels: 0, 1, 2."""
    return EarlyHead((member((0, 2), 2), member((1,), 3)), (0, 1, 2))


def test_ownEntries_ofA_areTheBlocksOfEquation3(head: EarlyHead) -> None:
    assert head.own_a_FH.tolist() == [
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
    ]


def test_ownEntries_ofB_areTheStackedIdentitiesOfEquation4(head: EarlyHead) -> None:
    # rows: label 0 and label 2 of model 1, label 1 of model 2; columns: labels 0, 1, 2 of the task
    assert head.own_b_HD.tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]


def test_ownEntries_ofModelsWithAllLabels_areEquation4Itself() -> None:
    head = EarlyHead((member((0, 1, 2), 2), member((0, 1, 2), 2)), (0, 1, 2))

    assert head.own_b_HD.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 2


def test_ownEntries_taskLabelsThatDoNotStartAtZero_findTheirColumns() -> None:
    head = EarlyHead((member((4, 9), 1),), (4, 7, 9))

    assert head.own_b_HD.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_hidden_hasOneEntryForEachLabelOfEachModel(head: EarlyHead) -> None:
    assert head.a_FH.shape == (5, 3)
    assert head.b_HD.shape == (3, 3)


def fill(head: EarlyHead) -> None:
    with torch.no_grad():
        head.a_FH.copy_(torch.arange(15.0).reshape(5, 3))
        head.b_HD.copy_(torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]))


def test_forward_withGamma1_isEquations1And2(head: EarlyHead) -> None:
    fill(head)
    # fc = (1, 0, 2, 0, 1): h = (0 + 2*6 + 12, 1 + 2*7 + 13, 2 + 2*8 + 14) = (24, 28, 32)
    # B^T h = (24 + 64, 48 + 28, 84 + 32)
    assert head(torch.tensor([[1.0, 0.0, 2.0, 0.0, 1.0]])).tolist() == [[88.0, 76.0, 116.0]]


def test_forward_withGamma0_usesOwnEntriesOnly(head: EarlyHead) -> None:
    fill(head)
    # h = (0, 1, 2*8 + 14) = (0, 1, 30); own entries of B: (0,0) = 1, (1,2) = 3, (2,1) = 0
    assert head(torch.tensor([[1.0, 0.0, 2.0, 0.0, 1.0]]), gamma=0.0).tolist() == [[0.0, 0.0, 3.0]]


def test_forward_withGammaBetween_weighsTheOthers(head: EarlyHead) -> None:
    fill(head)
    # h = (0 + .5*24, 1 + .5*27, .5*2 + 30) = (12, 14.5, 31)
    # column 0: 12*1 + .5*(31*2); column 1: .5*(12*2 + 14.5*1) + 31*0; column 2: 14.5*3 + .5*(31*1)
    out = head(torch.tensor([[1.0, 0.0, 2.0, 0.0, 1.0]]), gamma=0.5)
    assert out.tolist() == [[43.0, 19.25, 59.0]]


def test_stateDict_holdsAAndBOnly(head: EarlyHead) -> None:
    assert sorted(head.state_dict()) == ["a_FH", "b_HD"]
