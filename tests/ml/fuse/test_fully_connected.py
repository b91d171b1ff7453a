"""ml.fuse.fully_connected: Strategy I starts at random everywhere."""

from __future__ import annotations

from ml.data.shares import Shares
from ml.fuse import fuse
from ml.fuse.early import EarlyHead, HeadRecipe
from ml.fuse.fully_connected import FullyConnected
from ml.models import Classifier


def test_head_beforeTraining_isRandomEverywhere(contributors: tuple[Classifier, ...], shares: Shares) -> None:
    still = HeadRecipe(epochs=1, copies=0, learning_rate=0.0)
    head = fuse(FullyConnected(still), contributors, shares.development, range(10), seed=1).head

    assert isinstance(head, EarlyHead)
    assert (head.a_FH != 0).all()
    assert (head.b_HD != 0).all()
    assert abs(float(head.b_HD.detach().std()) - 26**-0.5) < 0.03
