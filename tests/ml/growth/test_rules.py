"""Every growth rule: it learns new digits, keeps the old, and touches no old number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from ml import evaluate, weights
from ml.bounds import Bounds
from ml.data.samples import Dataset, Samples
from ml.errors import InvalidArchitecture, InvalidGrowth, InvalidPackage
from ml.growth import Grown, adopt, check_frozen, found, from_bytes, grow, merge, to_bytes
from ml.growth.neurons import Recipe
from ml.growth.schemas import SCHEMAS
from ml.models.mlp import mlp
from ml.train import Recipe as Training
from ml.train import train
from tests.ml.growth.conftest import BRIEF, OPTIONS, SMALL, first, more

TEACHING = [rule for rule, schema in SCHEMAS.items() if schema.teaches]
PLAIN = Training(steps=150, augmentation=None, learning_rate=0.003)


@dataclass(frozen=True)
class Line:
    """One rule's models."""

    parent: Grown  # 0 to 3
    child: Grown  # and 4 to 6
    grandchild: Grown  # and 7 to 9
    merged: Grown  # the parent with 4 to 6 and 7 to 9, taught side by side


@pytest.fixture(scope="module", params=TEACHING)
def line(request: pytest.FixtureRequest, digits: Dataset) -> Line:
    rule = request.param
    parent = first(digits, rule)
    child, sibling = more(parent, digits, rule, (4, 5, 6)), more(parent, digits, rule, (7, 8, 9))
    return Line(parent, child, more(child, digits, rule, (7, 8, 9)), merge(parent, [child, sibling]))


def test_growth_learnsTheNew_andKeepsTheOld(line: Line, digits: Dataset, some: Samples) -> None:
    old, new = some.with_labels((0, 1, 2, 3)), some.with_labels((4, 5, 6))

    assert evaluate.accuracy_ppm(line.child, new) > 850_000
    assert evaluate.accuracy_ppm(line.child, old) > evaluate.accuracy_ppm(line.parent, old) - 80_000
    assert evaluate.accuracy_ppm(line.grandchild, some) > 850_000


def test_growth_leavesEveryOldTensor(line: Line) -> None:
    check_frozen(to_bytes(line.parent), to_bytes(line.child))
    check_frozen(to_bytes(line.child), to_bytes(line.grandchild))


def test_growth_leavesAreItsParentsAndThenMore(line: Line) -> None:
    parent, child = weights.leaves(to_bytes(line.parent)), weights.leaves(to_bytes(line.child))

    assert child[: len(parent)] == parent
    assert len(child) > len(parent)


def test_merge_answersForAllLabels(line: Line, digits: Dataset, some: Samples) -> None:
    assert line.merged.labels == tuple(range(10))
    assert evaluate.accuracy_ppm(line.merged, some) > 850_000


def test_bytes_ofAFile_giveTheSameAnswers(line: Line, digits: Dataset, some: Samples) -> None:
    again = from_bytes(to_bytes(line.merged), line.merged.architecture)

    assert np.array_equal(again.log_probabilities(some), line.merged.log_probabilities(some))


def test_answers_anyNumberOfThreads_areTheSameBits(line: Line, digits: Dataset, some: Samples) -> None:
    one, two, eight = (line.grandchild.log_probabilities(some, threads) for threads in (1, 2, 8))

    assert one.tobytes() == two.tobytes() == eight.tobytes()
    assert one.dtype == np.float64


def test_answers_areProbabilities(line: Line, digits: Dataset, some: Samples) -> None:
    assert np.exp(line.merged.log_probabilities(some)).sum(axis=1) == pytest.approx(1)


def test_grow_again_givesTheSameBytes(line: Line, digits: Dataset, some: Samples) -> None:
    rule = line.child.plan.parts[-1].rule

    assert to_bytes(more(line.parent, digits, rule, (4, 5, 6))) == to_bytes(line.child)


def test_grow_classThatExists_isRefused(line: Line, digits: Dataset, some: Samples) -> None:
    with pytest.raises(InvalidGrowth, match="knows class 3 already"):
        more(line.parent, digits, line.parent.plan.parts[0].rule, (3, 4))


@pytest.mark.parametrize("rule", ["subspace", "analytic"])
def test_exactRules_inAnyOrder_answerAlike(digits: Dataset, some: Samples, rule: str) -> None:
    start = first(digits, rule)
    forth = more(more(start, digits, rule, (4, 5, 6)), digits, rule, (7, 8, 9))
    back = more(more(start, digits, rule, (7, 8, 9)), digits, rule, (4, 5, 6))
    columns = [back.labels.index(label) for label in forth.labels]
    a, b = forth.log_probabilities(some), back.log_probabilities(some)[:, columns]

    assert a == pytest.approx(b, abs=1e-9)


def test_subspace_oldStatistics_doNotDependOnTheNew(
    parent: Grown, child: Grown, digits: Dataset, some: Samples
) -> None:
    old = some.with_labels((0, 1, 2, 3))
    before, after = parent.log_probabilities(old), child.log_probabilities(old)[:, :4]
    odds_before, odds_after = before - before[:, :1], after - after[:, :1]

    assert odds_after == pytest.approx(odds_before, abs=1e-9)


@pytest.mark.parametrize(
    ("rule", "scattering"),
    [(rule, None) for rule in ("subspace", "progressive", "dual_memory")]
    + [(rule, SMALL) for rule in ("subspace", "progressive", "widened", "dual_memory")],
)
def test_adoptedClassifier_grows(
    digits: Dataset, some: Samples, rule: str, scattering: dict[str, int] | None
) -> None:
    known = digits.train.with_labels((0, 1, 2, 3, 4))
    classifier = train(mlp((0, 1, 2, 3, 4), hidden=(32,)), known, PLAIN, seed=1)
    base = adopt(classifier, known, scattering=scattering, directions=12)
    child = more(base, digits, rule, (8, 6), Recipe(least_steps=300))
    check_frozen(to_bytes(base), to_bytes(child))

    assert child.labels == (0, 1, 2, 3, 4, 8, 6)
    assert (base.predict(some) == evaluate.predict(classifier, some)).all()
    assert evaluate.accuracy_ppm(child, some.with_labels(child.labels)) > 850_000


def test_analytic_overAClassifier_isRefused(digits: Dataset, some: Samples) -> None:
    known = digits.train.with_labels((0, 1))
    classifier = train(mlp((0, 1), hidden=(4,)), known, PLAIN, seed=1)

    with pytest.raises(InvalidArchitecture, match="needs sums of all labels"):
        more(adopt(classifier, known, directions=2), digits, "analytic", (4, 5))


def test_analytic_besideSubspace_isRefused(parent: Grown, digits: Dataset, some: Samples) -> None:
    with pytest.raises(InvalidArchitecture, match="analytic cannot stand beside subspace"):
        more(parent, digits, "analytic", (4, 5))


def test_dualMemory_besideSubspace_answers(parent: Grown, digits: Dataset, some: Samples) -> None:
    child = more(parent, digits, "dual_memory", (4, 5))

    assert evaluate.accuracy_ppm(child, some.with_labels(child.labels)) > 850_000


def test_grow_unknownRule_namesThem(parent: Grown, digits: Dataset, some: Samples) -> None:
    with pytest.raises(InvalidGrowth, match="no growth rule 'magic'"):
        grow(parent, digits.train.with_labels((5,)), "magic")


def test_grow_pastTheBounds_isRefusedBeforeTraining(parent: Grown, digits: Dataset, some: Samples) -> None:
    with pytest.raises(InvalidArchitecture, match="parameters, the limit is 10000"):
        grow(
            parent,
            digits.train.with_labels((5,)),
            "subspace",
            options=OPTIONS,
            bounds=Bounds(parameters=10_000),
        )


def test_merge_sameClassTwice_isRefused(parent: Grown, child: Grown, digits: Dataset, some: Samples) -> None:
    other = more(parent, digits, "subspace", (6, 7))

    with pytest.raises(InvalidGrowth, match="growths 0 and 1 both teach class 6"):
        merge(parent, [child, other])


def test_merge_childOfAnother_isRefused(parent: Grown, child: Grown, digits: Dataset, some: Samples) -> None:
    nudged = dict(child.tensors)
    nudged["part.000.mean"] = torch.nextafter(nudged["part.000.mean"], torch.tensor(9.0))
    stranger = Grown(child.architecture, child.plan, nudged)

    with pytest.raises(InvalidGrowth, match=r"growth 0 changed the old tensor part\.000\.mean"):
        merge(parent, [stranger])


def test_merge_orderIsTheOneGiven(parent: Grown, child: Grown, sibling: Grown) -> None:
    assert merge(parent, [sibling, child]).labels == (0, 1, 2, 3, 7, 8, 9, 4, 5, 6)


def test_merge_leavesAreThoseOfEachGrowth(parent: Grown, child: Grown, sibling: Grown) -> None:
    old, a, b = (weights.leaves(to_bytes(model)) for model in (parent, child, sibling))

    assert weights.leaves(to_bytes(merge(parent, [child, sibling]))) == a + b[len(old) :]


def test_growth_ofAMerged_answersForAll(parent: Grown, child: Grown, digits: Dataset, some: Samples) -> None:
    seven, eight = more(parent, digits, "subspace", (7,)), more(parent, digits, "subspace", (8,))
    last = more(merge(parent, [seven, eight]), digits, "subspace", (4, 5, 6, 9))

    assert evaluate.accuracy_ppm(last, some) > 850_000


def test_found_withATensorOfZero_isRefused(parent: Grown) -> None:
    data = weights.pack(parent.tensors | {"part.000.noise": torch.zeros(1)})

    with pytest.raises(InvalidPackage, match=r"part\.000\.noise must be above 0"):
        from_bytes(data, parent.architecture)


def test_found_fewSamplesOfAClass_stillAnswers(digits: Dataset, some: Samples) -> None:
    few = digits.train.with_labels((0, 1)).take(slice(0, 12))
    model = found(few, scattering=SMALL, options=OPTIONS, recipe=BRIEF)

    assert evaluate.accuracy_ppm(model, some.with_labels((0, 1))) > 900_000
