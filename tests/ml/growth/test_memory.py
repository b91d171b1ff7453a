"""ml.growth.memory: what is learned is plastic until the ledger takes it."""

from __future__ import annotations

import pytest

from ml import evaluate
from ml.data.samples import Dataset, Samples
from ml.errors import InvalidGrowth
from ml.growth import DualMemory, Grown, merge, to_bytes
from tests.ml.growth.conftest import BRIEF, OPTIONS, more


@pytest.fixture(scope="module")
def learned(parent: Grown, digits: Dataset) -> DualMemory:
    """4 and 5 learned one after the other, beside 0 to 3."""
    memory = DualMemory(parent).learn(digits.train.with_labels((4,)), 1, OPTIONS, BRIEF)
    return memory.learn(digits.train.with_labels((5,)), 1, OPTIONS, BRIEF)


def test_learn_answersForOldAndNew(learned: DualMemory, some: Samples) -> None:
    known = some.with_labels((0, 1, 2, 3, 4, 5))

    assert learned.model.labels == (0, 1, 2, 3, 4, 5)
    assert evaluate.accuracy_ppm(learned.model, known) > 900_000


def test_learn_leavesTheLongTermMemory(learned: DualMemory, parent: Grown) -> None:
    assert to_bytes(learned.long_term) == to_bytes(parent)
    assert len(learned.model.plan.parts) == 2  # the short-term part was trained anew, not added to


def test_consolidate_ownProposal_emptiesTheShortTermMemory(learned: DualMemory) -> None:
    after = learned.consolidate(learned.model)

    assert to_bytes(after.long_term) == to_bytes(learned.model)
    assert (after.short_term, after.recent) == (None, None)


def test_consolidate_othersGrowth_keepsWhatItDoesNotTeach(
    learned: DualMemory, parent: Grown, digits: Dataset
) -> None:
    after = learned.consolidate(merge(parent, [more(parent, digits, "subspace", (4, 9))]))

    assert after.recent is not None
    assert set(after.recent.labels_N.tolist()) == {5}


def test_consolidate_anotherHead_isRefused(learned: DualMemory, digits: Dataset, parent: Grown) -> None:
    nudged = dict(learned.model.tensors)
    nudged["part.000.mean"] = nudged["part.000.mean"] * 2
    stranger = Grown(learned.model.architecture, learned.model.plan, nudged)

    with pytest.raises(InvalidGrowth, match=r"part\.000\.mean changed"):
        learned.consolidate(stranger)


def test_forget_isTheLongTermMemoryAlone(learned: DualMemory) -> None:
    assert learned.forget().model is learned.long_term
    with pytest.raises(InvalidGrowth, match="empty"):
        learned.forget().forget()
