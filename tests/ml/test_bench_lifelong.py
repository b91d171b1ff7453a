"""The life-long bench: splits, measures, one rule from end to end, and its report."""

from __future__ import annotations

import numpy as np
import pytest

from ml.data.samples import Dataset
from ml.growth.neurons import Recipe
from ml.lifelong import ours, selection
from ml.lifelong.protocol import SPLITS, accuracies, measures, order, tasks, train_and_held_out
from ml.lifelong.report import table, targets
from ml.lifelong.seen import Seen
from tests.ml.growth.conftest import SMALL, data_free

R = np.array([[1.0, 0.0, 0.0], [0.75, 1.0, 0.0], [0.5, 0.875, 0.75]])


def test_measures_ofAKnownMatrix() -> None:
    found = measures(R, accuracy=0.7)

    assert (found.accuracy, found.mean_task) == (70.0, pytest.approx(100 * 2.125 / 3))
    assert found.incremental == pytest.approx(100 * (1 + 0.875 + 2.125 / 3) / 3)
    assert found.forgetting_first == pytest.approx(31.25)  # (1 - 0.5 + 1 - 0.875) / 2
    assert found.backward == pytest.approx(-31.25)


def test_measures_forgettingMax_takesTheBestBefore() -> None:
    better_later = R.copy()
    better_later[0, 0] = 0.5

    assert measures(better_later, 0.7).forgetting_max == pytest.approx(100 * (0.25 + 0.125) / 2)
    assert measures(better_later, 0.7).forgetting_first == pytest.approx(100 * (0 + 0.125) / 2)


@pytest.mark.parametrize("split", list(SPLITS))
def test_tasks_shareOutAllClasses_inTheSeedsOrder(split: str) -> None:
    assert tuple(label for task in tasks(split, 3) for label in task) == order(3)
    assert order(3) != order(4)


def test_heldOut_isTrainedOnByNobody() -> None:
    train, held_out = train_and_held_out(60_000, seed=2)

    assert (len(train), len(held_out)) == (54_000, 6_000)
    assert not set(train.tolist()) & set(held_out.tolist())


def test_accuracies_areThoseOfEachTask() -> None:
    labels, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])

    assert accuracies(predicted, labels, ((0, 1), (2,))) == [pytest.approx(2 / 3), 0.0]


@pytest.fixture(scope="module")
def digits_seen(digits: Dataset) -> Seen:
    everything = digits.train.with_labels(tuple(range(10)))
    return Seen(everything, data_free(tuple(range(10))))


def test_run_exactRule_isTheJointModel(digits_seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "SCATTERING", SMALL)
    setting = ours.Setting("analytic", recipe=Recipe(epochs=1))
    train, test = digits_seen.take(np.arange(0, 1_000)), digits_seen.take(np.arange(1_000, 1_300))
    found = ours.run(setting, train, test, tasks("5+5", 0), seed=0)

    assert found["predictions_unlike_joint"] <= 1
    assert found["old_weights_changed"] == 0
    assert found["measures"]["accuracy"] > 90


def test_selection_onTheSameShards_looksBetterThanItIs(
    digits_seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "JUDGED_ON", 40)
    monkeypatch.setattr(selection, "ROUNDS", 8)
    monkeypatch.setattr(selection, "OWN", 50)
    train, fresh = digits_seen.take(np.arange(0, 900)), digits_seen.take(np.arange(900, 1_500))
    course = selection.run(selection.Rule("same", fresh=False, step_ppm=0), train, fresh, seed=1)

    assert course.taken > 0
    assert course.claimed_ppm > course.gained_ppm


def test_report_saysWhatWasMissed() -> None:
    exact = {
        "accuracy": 98.4,
        "below_joint": 0.0,
        "excess_forgetting": 0.0,
        "old_weights_changed": 0.0,
        "seconds": 1.0,
    }
    row = {key: {"mean": value, "sd": 0.1} for key, value in exact.items()} | {"seeds": 2}
    report = {
        "seeds": [0, 1],
        "summary": {"5x2": {"subspace": row}},
        "few_labels": {"subspace": row},
        "selection": {},
    }
    report["targets"] = targets(report)

    assert [t["reached"] for t in report["targets"]] == [False, True, True, True, False]
    assert "MISSED   5x2 subspace: per cent on all ten: 98.400 (target 98.5)" in table(report)
