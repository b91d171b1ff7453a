"""ml.evaluate: whole numbers that everyone gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ml import evaluate
from ml.architecture import Architecture
from ml.bench import random_samples
from ml.data.samples import Dataset, Samples
from ml.models import Classifier, build, table_i
from ml.models.mlp import mlp


class Answers:
    """Gives the answers it was told to."""

    def __init__(self, labels: list[int]) -> None:
        self.labels = np.array(labels, dtype=np.int64)

    def predict(self, samples: Samples) -> NDArray[np.int64]:
        return self.labels


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_outputs_anyNumberOfThreads_areTheSameBits(number: int, digits: Dataset) -> None:
    model = build(table_i(number), seed=number)
    samples = digits.test.take(slice(0, 150))
    one, two, four = (evaluate.outputs(model, samples, threads) for threads in (1, 2, 4))

    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(one, two, four, strict=True))


def test_correct_hundredModels_countTheSameWithAnyNumberOfThreads(digits: Dataset) -> None:
    for seed in range(100):
        model = build(mlp(hidden=(40,)), seed=seed)
        assert len({evaluate.correct(model, digits.test, threads) for threads in (1, 2, 4)}) == 1


def test_outputs_whateverTorchIsSetTo_areTheSameBits(digits: Dataset) -> None:
    model, samples = build(table_i(1), seed=1), digits.test.take(slice(0, 64))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = evaluate.outputs(model, samples)[1]
        torch.set_num_threads(4)
        four = evaluate.outputs(model, samples)[1]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)

    assert torch.equal(one, four)


def test_outputs_equalThePlainForwardPass(digits: Dataset) -> None:
    model, samples = build(table_i(5), seed=1).eval(), digits.test.take(slice(0, 40))
    features_NF, logits_NK = evaluate.outputs(model, samples)

    torch.testing.assert_close(features_NF, model.features(samples.tensor()))
    torch.testing.assert_close(logits_NK, model(samples.tensor()))


def test_outputs_ofNothing_areEmpty(small_model: Classifier, tiny_samples: Samples) -> None:
    features_NF, logits_NK = evaluate.outputs(small_model, tiny_samples.take(slice(0, 0)))

    assert (features_NF.shape, logits_NK.shape) == ((0, 4), (0, 3))


def test_choose_ties_goToTheLowestLabel() -> None:
    scores_NK = torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0], [3.0, 3.0, 3.0]])

    assert evaluate.choose(scores_NK, (4, 6, 9)).tolist() == [4, 6, 4]


def test_choose_withNaN_isWrong() -> None:
    nan, inf = float("nan"), float("inf")
    scores_NK = torch.tensor([[nan, 1.0], [1.0, nan], [inf, 1.0], [-inf, -inf]])

    assert evaluate.choose(scores_NK, (4, 6)).tolist() == [-1, -1, 4, 4]


def test_correct_modelThatOverflows_countsAsWrong(small_model: Classifier, tiny_samples: Samples) -> None:
    with torch.no_grad():
        for tensor in small_model.parameters():
            tensor.fill_(3e38)
        small_model.head.weight[0, 0] = -3e38  # infinity minus infinity

    assert evaluate.predict(small_model, tiny_samples).tolist() == [-1] * 6
    assert evaluate.accuracy_ppm(small_model, tiny_samples) == 0


@pytest.mark.parametrize(
    ("count", "total", "expected"), [(2, 3, 666_666), (3, 3, 1_000_000), (0, 3, 0), (0, 0, 0)]
)
def test_ppm_isRoundedDown(count: int, total: int, expected: int) -> None:
    assert evaluate.ppm(count, total) == expected


def test_accuracy_fourOfSix_is666666ppm(tiny_samples: Samples) -> None:
    assert evaluate.accuracy_ppm(Answers([0, 2, 5, 0, 0, -1]), tiny_samples) == 666_666


def test_confusion_countsByTrueAndGivenLabel(tiny_samples: Samples) -> None:
    counts = evaluate.confusion(Answers([0, 2, 5, 0, 0, -1]), tiny_samples, labels=6)

    assert counts[0].tolist() == [2, 0, 0, 0, 0, 0, 0]
    assert counts[2].tolist() == [1, 0, 1, 0, 0, 0, 0]
    assert counts[5].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert counts.sum() == 6


def test_perLabel_isTheShareOfEachLabel(tiny_samples: Samples) -> None:
    answers = Answers([0, 2, 5, 0, 0, -1])

    assert evaluate.per_label_ppm(answers, tiny_samples, 6) == (1_000_000, 0, 500_000, 0, 0, 500_000)


def test_ownLabelAccuracy_leavesOtherLabelsOut(digits: Dataset, contributors: tuple[Classifier, ...]) -> None:
    model = contributors[0]
    own = digits.test.with_labels((0, 1, 2, 3, 4))

    assert evaluate.own_label_accuracy_ppm(model, digits.test) == evaluate.accuracy_ppm(model, own)
    assert (
        evaluate.accuracy_ppm(model, digits.test)
        < 600_000
        < evaluate.own_label_accuracy_ppm(model, digits.test)
    )


def test_ownLabelAccuracy_ofOneLabel_isZero(digits: Dataset) -> None:
    model = build(mlp((3,), hidden=(4,)), seed=1)

    assert evaluate.accuracy_ppm(model, digits.test.with_labels((3,))) == 1_000_000
    assert evaluate.own_label_accuracy_ppm(model, digits.test) == 0


def test_evaluation_leavesTheModelAsItWas(small_model: Classifier, tiny_samples: Samples) -> None:
    before = {name: tensor.clone() for name, tensor in small_model.state_dict().items()}
    evaluate.correct(small_model, tiny_samples, threads=2)

    assert all(torch.equal(before[name], tensor) for name, tensor in small_model.state_dict().items())
    assert small_model.layers[0].weight.is_contiguous()


@pytest.fixture(scope="module")
def many() -> Samples:
    """Enough samples that models are compiled for them, and no whole number of batches."""
    return random_samples(evaluate.COMPILE_FROM + 37, seed=5)


@pytest.mark.parametrize("architecture", [table_i(5), mlp(hidden=(40,))], ids=["cnn", "perceptron"])
def test_predict_manySamples_countTheSameWithAnyNumberOfThreads(
    many: Samples, architecture: Architecture
) -> None:
    model = build(architecture, seed=1)
    answers = [evaluate.predict(model, many, threads).tolist() for threads in (1, 2, 4, 1)]

    assert all(again == answers[0] for again in answers)


def test_predict_manySamples_areTheAnswersOfThePlainPass(many: Samples) -> None:
    model = build(table_i(5), seed=1)

    assert (
        evaluate.predict(model, many) == evaluate.choose(evaluate.outputs(model, many)[1], model.labels)
    ).all()


def test_predict_manySamples_followsAChangeOfTheWeights(many: Samples) -> None:
    model = build(mlp(labels=(3, 4), hidden=(5,)), seed=1)
    evaluate.predict(model, many)
    with torch.no_grad():
        model.head.bias.copy_(torch.tensor([-100.0, 100.0]))

    assert set(evaluate.predict(model, many).tolist()) == {4}


class Probabilities:
    """Gives the probabilities it was told to."""

    def __init__(self, labels: tuple[int, ...], rows: list[list[float]]) -> None:
        self.labels = labels
        with np.errstate(divide="ignore"):
            self.log_p_NK = np.log(np.array(rows, dtype=np.float64))

    def log_probabilities(self, samples: Samples, threads: int = 1) -> NDArray[np.float64]:
        return self.log_p_NK


def test_likelihood_isTheGeometricMean(tiny_samples: Samples) -> None:
    two = tiny_samples.take(slice(0, 2))  # labels 0 and 2

    assert evaluate.likelihood_ppm(Probabilities((0, 2), [[0.5, 0.5], [0.875, 0.125]]), two) == 250_000
    assert evaluate.likelihood_ppm(Probabilities((0, 2), [[1.0, 0.0], [0.0, 1.0]]), two) == 1_000_000


def test_likelihood_isRoundedDown(tiny_samples: Samples) -> None:
    one = tiny_samples.take(slice(0, 1))

    assert evaluate.likelihood_ppm(Probabilities((0,), [[0.9999999]]), one) == 999_999


@pytest.mark.parametrize("given", [0.0, 1e-9, float("nan")], ids=["none", "little", "nan"])
def test_likelihood_counts_atLeastAMillionth(tiny_samples: Samples, given: float) -> None:
    two = tiny_samples.take(slice(0, 2))

    assert evaluate.likelihood_ppm(Probabilities((0, 2), [[1.0, 0.0], [1.0, given]]), two) == pytest.approx(
        1_000, abs=1
    )


def test_likelihood_labelTheModelLacks_countsAMillionth(tiny_samples: Samples) -> None:
    two = tiny_samples.take(slice(0, 2))

    assert evaluate.likelihood_ppm(Probabilities((0,), [[1.0], [1.0]]), two) == pytest.approx(1_000, abs=1)


@pytest.mark.parametrize("row", [[1.0, 1.0], [np.inf, 0.0], [1.0, np.nan]])
def test_attack_44_probabilitiesThatAddUpToMoreThanOne_countAMillionth(
    tiny_samples: Samples, row: list[float]
) -> None:
    one = Samples(tiny_samples.images_NHW[:1], np.array([0]))

    assert evaluate.likelihood_ppm(Probabilities((0, 2), [row]), one) <= 1


def test_likelihood_ofNothing_isZero(small_model: Classifier, tiny_samples: Samples) -> None:
    assert evaluate.likelihood_ppm(small_model, tiny_samples.take(slice(0, 0))) == 0


def test_likelihood_ofAClassifier_isExpOfItsCrossEntropy(
    digits: Dataset, contributors: tuple[Classifier, ...]
) -> None:
    samples = digits.test.with_labels((0, 1, 2, 3, 4))
    logits = evaluate.outputs(contributors[0], samples)[1].double()
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(samples.labels_N))

    assert evaluate.likelihood_ppm(contributors[0], samples) == pytest.approx(
        1e6 * float(torch.exp(-loss)), abs=2
    )


def test_likelihood_anyNumberOfThreads_isTheSame(
    digits: Dataset, contributors: tuple[Classifier, ...]
) -> None:
    figures = {evaluate.likelihood_ppm(contributors[1], digits.test, threads) for threads in (1, 2, 8)}

    assert len(figures) == 1
    assert evaluate.METRICS["likelihood"](contributors[1], digits.test, 1) in figures
