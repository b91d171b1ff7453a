"""ml.fuse.gradual: Strategy II starts from eqs. 3 and 4 and keeps to them while gamma is 0."""

from __future__ import annotations

import torch
from torch import Generator

from ml.data.shares import Shares
from ml.fuse import FeatureCache, fuse
from ml.fuse.early import EarlyHead, HeadRecipe, fit_stages
from ml.fuse.gradual import Gradual, start
from ml.models import Classifier

LABELS = tuple(range(10))
SHORT = HeadRecipe(epochs=2, copies=0)


def started(members: tuple[Classifier, ...]) -> EarlyHead:
    head = EarlyHead(members, LABELS)
    start(head, members, Generator().manual_seed(1))
    return head


def test_start_ofA_isRandomInTheBlocksAndZeroElsewhere(contributors: tuple[Classifier, ...]) -> None:
    head = started(contributors)

    assert (head.a_FH[head.own_a_FH == 0] == 0).all()
    assert (head.a_FH[head.own_a_FH == 1] != 0).all()


def test_start_ofB_isEquation4(contributors: tuple[Classifier, ...]) -> None:
    head = started(contributors)

    assert torch.equal(head.b_HD, head.own_b_HD)
    assert head.b_HD.sum() == 5 + 5 + 5 + 6 + 5


def test_firstStage_trainsOwnEntriesOnly(contributors: tuple[Classifier, ...], shares: Shares) -> None:
    head, before = started(contributors), started(contributors)
    fit_stages(head, (0.0,), contributors, shares.development, LABELS, SHORT, 1, FeatureCache(), None)

    assert (head.a_FH[head.own_a_FH == 0] == 0).all()
    assert (head.b_HD[head.own_b_HD == 0] == 0).all()
    assert not torch.equal(head.a_FH, before.a_FH)
    assert not torch.equal(head.b_HD, before.b_HD)


def test_secondStage_trainsTheRestToo(contributors: tuple[Classifier, ...], shares: Shares) -> None:
    fused = fuse(Gradual(SHORT), contributors, shares.development, LABELS, seed=1)

    assert isinstance(fused.head, EarlyHead)
    assert (fused.head.a_FH[fused.head.own_a_FH == 0] != 0).float().mean() > 0.5
    assert (fused.head.b_HD[fused.head.own_b_HD == 0] != 0).all()
