"""Neurons alone: they answer better for labels that the model knows, and touch nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml import weights
from ml.data.samples import Dataset, Samples
from ml.errors import InvalidArchitecture, InvalidGrowth, InvalidSamples
from ml.evaluate import accuracy_ppm, likelihood_ppm
from ml.growth import (
    Grown,
    adopt,
    check_extension,
    check_frozen,
    found,
    from_bytes,
    grow,
    improve,
    merge,
    to_bytes,
)
from ml.models.mlp import mlp
from ml.train import Recipe as Training
from ml.train import train
from tests.ml.growth.conftest import BRIEF, OPTIONS, SMALL, first, more

OLD = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def lean(digits: Dataset) -> Grown:
    """Knows 0 to 3 from few samples."""
    return found(digits.train.with_labels(OLD).take(slice(0, 60)), scattering=SMALL, options=OPTIONS)


@pytest.fixture(scope="module")
def better(lean: Grown, digits: Dataset) -> Grown:
    return corrected(lean, digits.train)


def corrected(model: Grown, samples: Samples, labels: tuple[int, ...] | None = None) -> Grown:
    own = samples.with_labels(model.labels if labels is None else labels)
    return grow(model, own, "neurons", 3, options=OPTIONS, recipe=BRIEF)


def with_out(model: Grown, factor: float) -> Grown:
    """`model` whose last part, neurons alone, says so many times as much."""
    prefix = model.plan.parts[-1].prefix
    scaled = {
        f"{prefix}out.{name}": model.tensors[f"{prefix}out.{name}"] * factor for name in ("weight", "bias")
    }
    return Grown(model.architecture, model.plan, model.tensors | scaled)


def test_neurons_ownSamples_answerBetter(lean: Grown, better: Grown, some: Samples) -> None:
    old = some.with_labels(OLD)

    assert better.labels == lean.labels
    assert likelihood_ppm(better, old) > likelihood_ppm(lean, old) + 20_000
    assert accuracy_ppm(better, old) >= accuracy_ppm(lean, old)


def test_neurons_oldTensors_stayBitForBit(lean: Grown, better: Grown) -> None:
    old, new = (weights.leaves(to_bytes(model)) for model in (lean, better))

    check_extension(lean.architecture, better.architecture)
    check_frozen(to_bytes(lean), to_bytes(better))
    assert new[: len(old)] == old
    assert len(new) == len(old) + 6


def test_neurons_untrained_changeNothing(lean: Grown, better: Grown, some: Samples) -> None:
    before, after = lean.log_probabilities(some), with_out(better, 0).log_probabilities(some)

    assert after == pytest.approx(before, abs=1e-9)


def test_neurons_again_giveTheSameBytes(lean: Grown, better: Grown, digits: Dataset) -> None:
    assert to_bytes(corrected(lean, digits.train)) == to_bytes(better)


def test_neurons_samplesOfTwoLabels_leaveTheOthersProbabilities(
    lean: Grown, digits: Dataset, some: Samples
) -> None:
    child = corrected(lean, digits.train, (1, 3))
    before, after = lean.log_probabilities(some), child.log_probabilities(some)
    own, others = some.with_labels((1, 3)), some.with_labels((0, 2))

    assert after[:, [0, 2]].tobytes() == before[:, [0, 2]].tobytes()
    assert likelihood_ppm(child, own) > likelihood_ppm(lean, own)
    assert accuracy_ppm(child, others) >= accuracy_ppm(lean, others) - 40_000


@pytest.mark.parametrize("rule", ["subspace", "dual_memory", "progressive", "widened"])
def test_laterClass_keepsItsShare_andTheCorrection(digits: Dataset, some: Samples, rule: str) -> None:
    parent = first(digits, rule)
    better = corrected(parent, digits.train)
    last = more(better, digits, rule, (4, 5, 6))
    moved, log_p = better.log_probabilities(some), last.log_probabilities(some)
    share = np.logaddexp.reduce(log_p[:, :4], axis=1, keepdims=True)

    check_frozen(to_bytes(better), to_bytes(last))
    assert log_p[:, :4] - share == pytest.approx(moved, abs=1e-6)
    assert np.exp(log_p).sum(axis=1) == pytest.approx(1)
    assert accuracy_ppm(last, some.with_labels(last.labels)) > 850_000


def test_laterSubspace_hasTheShareThatItHasWithoutNeurons(
    lean: Grown, better: Grown, digits: Dataset, some: Samples
) -> None:
    plain, last = (more(model, digits, "subspace", (4, 5, 6)) for model in (lean, better))

    assert last.log_probabilities(some)[:, 4:] == pytest.approx(
        plain.log_probabilities(some)[:, 4:], abs=1e-9
    )


def test_neurons_followNeuronsAndClasses_sameAnswersFromAFile(
    better: Grown, digits: Dataset, some: Samples
) -> None:
    taught = more(better, digits, "subspace", (4, 5, 6))
    last = corrected(corrected(taught, digits.train), digits.train)
    again = from_bytes(to_bytes(last), last.architecture)
    one, eight = (again.log_probabilities(some, threads) for threads in (1, 8))

    check_frozen(to_bytes(taught), to_bytes(last))
    assert likelihood_ppm(last, some.with_labels(last.labels)) > likelihood_ppm(
        taught, some.with_labels(last.labels)
    )
    assert one.tobytes() == eight.tobytes() == last.log_probabilities(some).tobytes()


def test_neurons_ofAnyMagnitude_leaveProbabilities(better: Grown, digits: Dataset, some: Samples) -> None:
    loud = more(with_out(better, 1e30), digits, "subspace", (4, 5, 6))

    assert np.exp(loud.log_probabilities(some)).sum(axis=1) == pytest.approx(1)


def test_neurons_onAnAdoptedClassifier_answerBetter(digits: Dataset, some: Samples) -> None:
    few = digits.train.with_labels(OLD).take(slice(0, 60))
    recipe = Training(steps=60, augmentation=None, learning_rate=0.003)
    base = adopt(train(mlp(OLD, hidden=(32,)), few, recipe, seed=1), few, directions=8)
    child = corrected(base, digits.train)
    last = more(child, digits, "subspace", (8,))

    check_frozen(to_bytes(base), to_bytes(child))
    assert likelihood_ppm(child, some.with_labels(OLD)) > likelihood_ppm(base, some.with_labels(OLD))
    assert last.labels == (*OLD, 8)


def test_improve_makesNeuronsAnew(better: Grown, digits: Dataset) -> None:
    other = improve(better, digits.train.with_labels(OLD).take(slice(0, 200)))

    assert other.architecture == better.architecture
    assert not torch.equal(other.tensors["part.001.hidden.weight"], better.tensors["part.001.hidden.weight"])


def test_merge_neuronsWithAnotherGrowth_isRefused(lean: Grown, better: Grown, digits: Dataset) -> None:
    other = more(lean, digits, "subspace", (7,))

    for pair in ([better, other], [other, better]):
        with pytest.raises(InvalidGrowth, match="adds neurons alone"):
            merge(lean, pair)
    assert to_bytes(merge(lean, [better])) == to_bytes(better)


def test_neurons_unknownClass_isRefused(lean: Grown, digits: Dataset) -> None:
    with pytest.raises(InvalidGrowth, match="does not know class 5"):
        corrected(lean, digits.train, (0, 5))


def test_neurons_withLabels_areRefused(lean: Grown, digits: Dataset) -> None:
    with pytest.raises(InvalidGrowth, match="teaches no class"):
        grow(lean, digits.train.with_labels((0,)), "neurons", labels=(0,))


def test_neurons_withoutSamples_areRefused(lean: Grown, digits: Dataset) -> None:
    with pytest.raises(InvalidSamples, match="needs samples"):
        corrected(lean, digits.train, ())


def test_otherRules_withoutLabels_areRefused(lean: Grown, digits: Dataset) -> None:
    with pytest.raises(InvalidGrowth, match="no class to teach is named"):
        grow(lean, digits.train.with_labels(()), "subspace", labels=())


def test_neurons_asAFirstPart_areRefused(digits: Dataset) -> None:
    with pytest.raises(InvalidGrowth, match="does not know class 0"):
        found(digits.train, "neurons", scattering=SMALL, options=OPTIONS)


def test_neurons_onSums_areRefused(digits: Dataset) -> None:
    with pytest.raises(InvalidArchitecture, match="neurons cannot stand beside analytic"):
        corrected(first(digits, "analytic"), digits.train)
