"""ml.growth.architecture: what a grown architecture may say, and what it costs."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ml.bounds import Bounds
from ml.errors import InvalidArchitecture
from ml.growth.architecture import MAX_PARTS, check_grown, labels_of
from ml.models.mlp import mlp
from ml.weights import MAX_HEADER_BYTES

GOOD: dict[str, Any] = {
    "version": 1,
    "kind": "grown",
    "input": [1, 28, 28],
    "base": {"scattering": {"scales": 3, "orientations": 4}, "classifier": None, "directions": 0},
    "parts": [
        {"rule": "subspace", "labels": [0, 1], "after": 0, "directions": 80},
        {"rule": "subspace", "labels": [7, 5], "after": 1, "directions": 80},
        {"rule": "dual_memory", "labels": [3], "after": 1, "directions": 80, "hidden": 128},
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """GOOD with one place replaced; `path` is keys and numbers with points between."""
    document = copy.deepcopy(GOOD)
    at: Any = document
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in way:
        at = at[key]
    at[last] = value
    return document


def test_check_labels_areThoseOfTheParts_inOrder() -> None:
    assert check_grown(GOOD).labels == labels_of(GOOD) == (0, 1, 7, 5, 3)


def test_check_cost_isExact() -> None:
    plan = check_grown(GOOD)

    assert plan.features == 976  # 61 maps of 4 x 4
    assert plan.tensors["part.001.directions"] == (2, 80, 976)
    assert plan.parameters == 13 * 32 * 32 + 5 * 81 * 976 + 2 + 2 * 976 + 128 * 976 + 128 + 128 + 1


def test_check_tensors_oldOnesSortBeforeNewOnes() -> None:
    without = copy.deepcopy(GOOD)
    del without["parts"][2]

    assert list(check_grown(GOOD).tensors)[: len(check_grown(without).tensors)] == list(
        check_grown(without).tensors
    )


def test_check_classifierBase_bringsItsLabels() -> None:
    base = {"scattering": None, "classifier": mlp((2, 4), hidden=(5,)), "directions": 3}
    plan = check_grown({**GOOD, "base": base, "parts": []})

    assert plan.labels == (2, 4)
    assert plan.tensors["base.statistics.directions"] == (2, 3, 5)


def test_check_mostParts_haveRoomInTheHeader() -> None:
    layers: list[dict[str, object]] = [{"kind": "conv", "out": 1, "kernel": 1}, {"kind": "batch_norm"}] * 31
    deep = mlp((100,), hidden=(3,)) | {"layers": [*layers, {"kind": "flatten"}, {"kind": "linear", "out": 3}]}
    part = {"rule": "progressive", "directions": 1, "hidden": 1}
    document = {
        **GOOD,
        "base": {"scattering": None, "classifier": deep, "directions": 1},
        "parts": [part | {"labels": [n], "after": n} for n in range(MAX_PARTS)],
    }
    plan = check_grown(document)
    header = sum(
        len(f'"{name}":{{"dtype":"F32","shape":{list(shape)},"data_offsets":[99999999,99999999]}},')
        for name, shape in plan.tensors.items()
    )

    assert header < MAX_HEADER_BYTES
    with pytest.raises(InvalidArchitecture, match="list of 0 to 32 entries"):
        check_grown({**document, "parts": [part | {"labels": [n], "after": n} for n in range(MAX_PARTS + 1)]})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("version", 2, "version must be one of 1"),
        ("kind", "model", "kind must be one of grown"),
        ("input", [3, 28, 28], "scattering takes one channel"),
        ("input", [1, 28], "input must be a list"),
        ("base.scattering", None, "neither scattering nor a classifier"),
        ("base.scattering.scales", 0, "scales must be between 1 and 5"),
        ("base.scattering.orientations", 10**9, "orientations must be between 1 and 16"),
        ("base.scattering", {"scales": 2, "orientations": 16}, "features, the limit is 8192"),
        ("base.classifier", {"version": 1}, "architecture.input is missing"),
        ("base.classifier", mlp((0,), (1, 8, 8), (2,)), r"takes \(1, 8, 8\), not \(1, 28, 28\)"),
        ("base.directions", 1, "it has none"),
        ("parts", [], "parts must be a list of 1"),
        ("parts.1.rule", "magic", "rule must be one of"),
        ("parts.1.rule", "analytic", "unknown keys: directions"),
        ("parts.1.labels", [], "labels must be a list of 1"),
        ("parts.1.labels", [256], "must be between 0 and 255"),
        ("parts.1.labels", [5, 5], "names class 5, which is there already"),
        ("parts.1.labels", [1, 5], "names class 1, which is there already"),
        ("parts.1.after", 0, "must be at least 1: the base has no labels"),
        ("parts.1.after", 2, "after must be between 0 and 1"),
        ("parts.2.after", 0, "after must be 2, or 1"),
        ("parts.1.directions", 10**9, "directions must be between 1 and 1024"),
        ("parts.1.directions", True, "directions must be an integer"),
        ("parts.2.hidden", 0, "hidden must be between 1 and 4096"),
        ("parts.1", {"rule": "neurons", "labels": [7], "after": 1, "hidden": 4}, "list of 0 to 0 entries"),
        (
            "parts.1",
            {"rule": "neurons", "labels": [], "after": 1, "hidden": 4},
            r"parts\[2\].after must be 2",
        ),
        (
            "parts.2",
            {"rule": "neurons", "labels": [], "after": 1, "hidden": 4},
            r"parts\[2\].after must be 2",
        ),
        (
            "parts.0",
            {"rule": "neurons", "labels": [], "after": 0, "hidden": 4},
            "no labels that it could correct",
        ),
        ("more", 1, "unknown keys: more"),
    ],
)
def test_check_withOnePlaceSpoiled_isRefused(path: str, value: object, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        check_grown(changed(path, value))


def test_check_billionParameters_isRefusedByItsCost() -> None:
    huge = {"rule": "subspace", "labels": list(range(10, 256)), "after": 3, "directions": 1_024}
    wide = {"scattering": {"scales": 2, "orientations": 8}, "classifier": None, "directions": 0}
    document = {**GOOD, "base": wide, "parts": [*GOOD["parts"], huge]}

    with pytest.raises(InvalidArchitecture, match=r"has 1\d{9} parameters, the limit is 16000000"):
        check_grown(document)


def test_check_aboveTheTasksBounds_isRefused() -> None:
    with pytest.raises(InvalidArchitecture, match="multiply-accumulates per sample, the limit is 1000"):
        check_grown(GOOD, Bounds(macs=1_000))


@pytest.mark.parametrize("value", [None, 3, [], "grown"])
def test_check_noObject_isRefused(value: object) -> None:
    with pytest.raises(InvalidArchitecture, match="architecture must be an object"):
        check_grown(value)
