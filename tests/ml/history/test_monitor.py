"""What the monitor takes for an accident, and what it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ml.data.samples import Dataset
from ml.history.monitor import Alarm, Monitor, Rules
from ml.threads import torch_threads

CALM = [(0.5, 1.2), (0.8, 0.6), (0.9, 0.4), (0.93, 0.3), (0.95, 0.25), (0.95, 0.22), (0.96, 0.2)]


def watched(epochs: Sequence[tuple[float, float]]) -> list[Alarm | None]:
    monitor = Monitor()
    return [monitor.see(step, accuracy, loss) for step, (accuracy, loss) in enumerate(epochs, 1)]


def curve(
    dataset: Dataset, seed: int, epochs: int, explode_at: int | None = None
) -> list[tuple[float, float]]:
    """Accuracy and loss of a real training on few digits; the learning rate may explode."""
    with torch.random.fork_rng(devices=[]), torch_threads(1):
        torch.manual_seed(seed)
        order = torch.randperm(len(dataset.train))[:300]
        x_ND = dataset.train.tensor().flatten(1)
        y_N = torch.from_numpy(np.asarray(dataset.train.labels_N))
        train, test = order[:200], order[200:]
        model = nn.Sequential(nn.Linear(x_ND.shape[1], 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
        optimizer = torch.optim.SGD(model.parameters(), [0.01, 0.02, 0.04][seed % 3], momentum=0.9)
        seen = []
        for epoch in range(epochs):
            if epoch == explode_at:
                for group in optimizer.param_groups:
                    group["lr"] *= 200
            losses = []
            for index in train[torch.randperm(len(train))].split(20):
                model.train()
                loss = functional.cross_entropy(model(x_ND[index]), y_N[index])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                losses.append(float(loss.detach()))
            model.eval()
            accuracy = float((model(x_ND[test]).argmax(1) == y_N[test]).float().mean())
            seen.append((accuracy, sum(losses) / len(losses)))
    return seen


@pytest.mark.parametrize(
    ("accuracy", "loss"),
    [(math.nan, 0.2), (0.9, math.nan), (0.9, math.inf), (0.9, -math.inf), (math.inf, 0.2), (0.9, 1e10)],
)
def test_see_noNumber_isAnAlarmFromTheFirstEpochOn(accuracy: float, loss: float) -> None:
    for before in (0, 5):
        alarm = watched([*CALM[:before], (accuracy, loss)])[-1]
        assert alarm is not None
        assert (alarm.reason, alarm.step) == ("nan", before + 1)


def test_see_lossThatUndoesWhatWasLearnt_isASpike() -> None:
    alarm = watched([*CALM, (0.94, 0.9)])[-1]
    assert alarm is not None
    assert (alarm.reason, alarm.step) == ("loss-spike", 8)
    assert alarm.values["loss"] == 0.9 > alarm.values["limit"] > alarm.values["median"]


def test_see_accuracyThatFalls_isACollapse() -> None:
    alarm = watched([*CALM, (0.4, 0.25)])[-1]
    assert alarm is not None
    assert (alarm.reason, alarm.step) == ("accuracy-collapse", 8)


def test_see_noise_isNoAlarm() -> None:
    noisy = [(0.90 + 0.03 * (-1) ** n, 0.30 + 0.05 * (-1) ** n) for n in range(20)]
    assert watched([*CALM, *noisy]) == [None] * 27


def test_see_tinyLossThatDoubles_isNoAlarm() -> None:
    assert watched([*CALM, *[(0.99, 0.001)] * 12, (0.99, 0.002), (0.99, 0.01)]) == [None] * 21


def test_see_lossThatRisesBeforeAnythingIsLearnt_needsHalfAsMuchAgain() -> None:
    assert watched([(0.1, 2.3), (0.1, 2.3), (0.1, 2.3), (0.1, 3.4)])[-1] is None
    alarm = watched([(0.1, 2.3), (0.1, 2.3), (0.1, 2.3), (0.1, 3.5)])[-1]
    assert alarm is not None and alarm.reason == "loss-spike"


def test_see_badEpochs_areNotWhatLaterOnesAreComparedWith() -> None:
    alarms = watched([*CALM, (0.94, 0.9), (0.95, 0.21), *[(0.94, 0.9)] * 9, (0.95, 0.2)])
    assert [alarm is not None for alarm in alarms[7:]] == [True, False, *[True] * 9, False]


def test_see_collapseAfterFewEpochsOfFastProgress_isFound() -> None:
    alarm = watched([(0.5, 0.5), (0.7, 0.5), (0.8, 0.5), (0.85, 0.5), (0.1, 0.5)])[-1]
    assert alarm is not None and alarm.reason == "accuracy-collapse"


def test_see_fewerEpochsThanLeast_neverIsASpike() -> None:
    assert watched([(0.9, 0.1), (0.9, 0.1), (0.1, 9.0)]) == [None] * 3


def test_restart_forgetsWhatWasRolledBack() -> None:
    monitor, fresh = Monitor(), Monitor()
    for step, (accuracy, loss) in enumerate([*CALM, (0.1, 5.0), (0.1, 5.0)], 1):
        monitor.see(step, accuracy, loss)
    monitor.restart(CALM)
    for step, (accuracy, loss) in enumerate(CALM, 1):
        fresh.see(step, accuracy, loss)
    for after in [(0.9, 0.4), (0.1, 2.0), (0.95, 0.2)]:
        assert monitor.see(8, *after) == fresh.see(8, *after)


def test_rules_stricter_alarmEarlier() -> None:
    monitor = Monitor(Rules(least=1, sigmas=0, undone=0, loss_share=0.01, points=0.01))
    assert monitor.see(1, 0.9, 1.0) is None
    assert monitor.see(2, 0.9, 1.02) is not None


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 20), marks=pytest.mark.long)])
def test_realRuns_raiseNoFalseAlarm(digits: Dataset, seeds: range) -> None:
    alarms = {seed: [a for a in watched(curve(digits, seed, 40)) if a is not None] for seed in seeds}
    assert {seed: found for seed, found in alarms.items() if found} == {}


@pytest.mark.parametrize("seed", range(6))
def test_realRun_whoseLearningRateExplodes_alarmsWithinTwoEpochs(digits: Dataset, seed: int) -> None:
    alarms = watched(curve(digits, seed, 22, explode_at=20))
    assert alarms[:20] == [None] * 20
    assert any(alarm is not None for alarm in alarms[20:])
