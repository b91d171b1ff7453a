"""ml.rounds: neurons alone are taken only when they beat the head."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ml.data.samples import Dataset, Samples
from ml.evaluate import likelihood_ppm
from ml.growth import Grown, found, grow, merge
from ml.round_rules import EXTEND, RoundRules
from ml.rounds import Candidate, Finding, judge

OLD = (0, 1, 2, 3)
SMALL = {"scales": 3, "orientations": 2}
OPTIONS = {"directions": 8, "hidden": 16}
RULES = RoundRules(step_ppm=0, old_drop_ppm=100_000, new_bar_ppm=700_000)


@pytest.fixture(scope="module")
def head(digits: Dataset) -> Grown:
    return found(digits.train.with_labels(OLD).take(slice(0, 60)), scattering=SMALL, options=OPTIONS)


@pytest.fixture(scope="module")
def helpful(head: Grown, digits: Dataset) -> Grown:
    return grow(head, digits.train.with_labels(OLD), "neurons", options=OPTIONS)


@pytest.fixture(scope="module")
def junk(helpful: Grown) -> Grown:
    """As many neurons, which add nothing."""
    silent = {n: t * 0 if ".out." in n else t for n, t in helpful.tensors.items()}
    return Grown(helpful.architecture, helpful.plan, silent)


@pytest.fixture(scope="module")
def teacher(head: Grown, digits: Dataset) -> Grown:
    return grow(head, digits.train.with_labels((6,)), "subspace", options=OPTIONS)


def found_of(head: Grown, models: list[Grown], shown: Samples, rules: RoundRules = RULES) -> list[Finding]:
    candidates = [Candidate(at, model, model.labels, 0) for at, model in enumerate(models)]

    def merged(indices: Sequence[int]) -> Grown:
        return merge(head, [models[at] for at in sorted(indices)])

    return list(judge(EXTEND, head, head.labels, candidates, shown, rules, merged))


def test_extend_neuronsThatHelp_areTaken(head: Grown, helpful: Grown, digits: Dataset) -> None:
    finding = found_of(head, [helpful], digits.test.with_labels(OLD))[0]

    assert finding.reason is None


def test_extend_neuronsThatAddNothing_areRefused(head: Grown, junk: Grown, digits: Dataset) -> None:
    finding = found_of(head, [junk], digits.test.with_labels(OLD))[0]

    assert finding.reason is not None
    assert "brings no class" in finding.reason


def test_extend_neuronsBelowTheStep_areRefused(head: Grown, helpful: Grown, digits: Dataset) -> None:
    shown = digits.test.with_labels(OLD)
    gain = likelihood_ppm(helpful, shown) - likelihood_ppm(head, shown)
    by_step = {
        step: found_of(head, [helpful], shown, RoundRules(step_ppm=step, old_drop_ppm=100_000))[0].reason
        for step in (gain, gain + 1)
    }

    assert by_step[gain] is None
    assert by_step[gain + 1] is not None


def test_extend_neuronsBesideAClass_areNotTakenTogether(
    head: Grown, helpful: Grown, teacher: Grown, digits: Dataset
) -> None:
    old, all_shown = digits.test.with_labels(OLD), digits.test.with_labels((*OLD, 6))
    shown = [finding.reason for finding in found_of(head, [helpful, teacher], all_shown)]

    assert shown[0] is not None
    assert "do not fit together" in shown[0]
    assert shown[1] is None
    assert found_of(head, [helpful, teacher], old)[1].reason == "no drawn sample shows its new label 6"
