"""ml.lineage_spec and ml.round_rules: what a lineage says, and the rounds that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from ml.errors import InvalidSpec
from ml.lineage_spec import LineageSpec
from ml.round_rules import EXTEND, IMPROVE, PPM, TAKEN, RoundRules, ballot_score, measured_ppm
from ml.spec import Development, TaskSpec, canonical_json
from tests.ml.test_spec import TEST, TRAIN, make_spec

LINEAGE, HEAD = b"\x01" * 32, b"\x02" * 32


def make_lineage(**changes: Any) -> LineageSpec:
    fields: dict[str, Any] = {
        "name": "Digits for life",
        "dataset": "mnist",
        "input_shape": (1, 28, 28),
        "labels": tuple("0123456789"),
    }
    return LineageSpec(**fields | changes)


@pytest.fixture
def round_spec() -> TaskSpec:
    return make_lineage().round(EXTEND, LINEAGE, HEAD, Development(TRAIN, TEST))


def test_fromBytes_ofItsBytes_isTheSame(round_spec: TaskSpec) -> None:
    assert LineageSpec.from_bytes(make_lineage().to_bytes()) == make_lineage()
    assert TaskSpec.from_bytes(round_spec.to_bytes()) == round_spec


def test_allows_itsRounds_andNoOther(round_spec: TaskSpec) -> None:
    assert make_lineage().allows(round_spec)
    assert not make_lineage(labels=tuple("0123456798")).allows(round_spec)
    assert not make_lineage(rules=RoundRules(step_ppm=0)).allows(round_spec)
    assert not make_lineage().allows(make_spec())


def test_labels_longerThanTheChainCanRegister_areRefused() -> None:
    names = tuple("0123456789")
    assert make_lineage(labels=(*names, "é" * 16)).labels[-1] == "é" * 16
    with pytest.raises(InvalidSpec, match="more than 32 bytes"):
        make_lineage(labels=(*names, "é" * 17))


def test_round_ofKindFuse_isRefused() -> None:
    with pytest.raises(InvalidSpec, match="neither"):
        make_lineage().round("fuse", LINEAGE, HEAD, Development(TRAIN, TEST))


@pytest.mark.parametrize("change", ["round", "metric", "lineage", "rules"])
def test_taskSpec_whoseRoundIsSpoiled_isRefused(round_spec: TaskSpec, change: str) -> None:
    document = round_spec.to_json()
    if change == "round":
        del document["round"]
    elif change == "metric":
        document["metric"] = "accuracy"
    elif change == "lineage":
        document["round"]["lineage"] = "12"
    else:
        document["round"]["rules"]["step_ppm"] = PPM + 1
    with pytest.raises(InvalidSpec):
        TaskSpec.from_bytes(canonical_json(document))


def test_taskSpec_ofKindFuse_withRound_isRefused(round_spec: TaskSpec) -> None:
    document = make_spec().to_json() | {"round": round_spec.to_json()["round"]}
    with pytest.raises(InvalidSpec, match="unknown keys: round"):
        TaskSpec.from_bytes(canonical_json(document))


def test_labelDigest_tellsNamesAndDatasetsApart() -> None:
    one = make_lineage()
    assert one.label_digest(3) == make_lineage(name="another").label_digest(3)
    assert len({one.label_digest(i) for i in range(10)}) == 10
    assert one.label_digest(3) != make_lineage(dataset="digits").label_digest(3)


@pytest.mark.parametrize("likelihood", [0, 1, 2, 499_999, 500_000, 999_998, 999_999, PPM])
@pytest.mark.parametrize("taken", [False, True])
def test_ballotScore_tellsVerdictAndLikelihood(likelihood: int, taken: bool) -> None:
    score = ballot_score(likelihood, taken=taken)
    assert 0 <= score <= PPM
    assert (score >= TAKEN) == taken
    assert 0 <= likelihood - measured_ppm(score) <= 2


@pytest.mark.parametrize("field", ["step_ppm", "claim_tolerance_ppm", "old_drop_ppm", "new_bar_ppm"])
@pytest.mark.parametrize("value", [-1, PPM + 1])
def test_rules_outOfRange_areRefused(field: str, value: int) -> None:
    with pytest.raises(InvalidSpec, match=field):
        RoundRules(**{field: value})


def test_kinds_areTheWordsOfTheProtocol() -> None:
    assert (IMPROVE, EXTEND) == ("improve", "extend")
