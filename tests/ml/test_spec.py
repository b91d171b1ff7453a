"""ml.spec: the task specification, its digest, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ml.bounds import Bounds
from ml.errors import InvalidSpec
from ml.models.mlp import mlp
from ml.spec import DataRef, Development, TaskSpec, canonical_json

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
TRAIN = DataRef(CID, "11" * 32, bytes=1_570_012, samples=2_000)
TEST = DataRef(CID, "22" * 32, bytes=392_512, samples=500)


def make_spec(**changes: Any) -> TaskSpec:
    fields: dict[str, Any] = {
        "name": "Handwritten digits",
        "scenario": 1,
        "dataset": "mnist",
        "input_shape": (1, 28, 28),
        "labels": tuple("0123456789"),
        "development": Development(TRAIN, TEST),
    }
    return TaskSpec(**fields | changes)


@pytest.fixture
def document() -> dict[str, Any]:
    """A good specification as plain JSON, to be spoiled."""
    return make_spec().to_json()


def test_toBytes_isCanonicalJson() -> None:
    assert make_spec().to_bytes() == (
        b'{"architecture":null,"bounds":{"macs":200000000,"parameters":2000000,"weights_bytes":8388608},'
        b'"dataset":"mnist","development":{"test":{"bytes":392512,"cid":"'
        + CID.encode()
        + b'","samples":500,'
        b'"sha256":"'
        + b"22" * 32
        + b'"},"train":{"bytes":1570012,"cid":"'
        + CID.encode()
        + b'","samples":2000,'
        b'"sha256":"' + b"11" * 32 + b'"}},"fusion":"strategy_2","input":{"shape":[1,28,28],"type":"uint8"},'
        b'"kind":"fuse","labels":["0","1","2","3","4","5","6","7","8","9"],"loss":"cross_entropy",'
        b'"metric":"accuracy","name":"Handwritten digits","rule":"standalone","scenario":1,"version":1}'
    )


def test_digest_isTheSha256OfTheBytes() -> None:
    assert make_spec().digest().hex() == "6f08000940a65de449304e02ca5a5b1419919031f702cabb12a37c660d46c769"


@pytest.mark.parametrize(
    "spec",
    [
        make_spec(),
        make_spec(scenario=2, architecture=mlp()),
        make_spec(metric="own_label_accuracy", rule="fused", fusion="strategy_1", bounds=Bounds(1, 2, 3)),
    ],
    ids=["scenario-1", "scenario-2", "all-set"],
)
def test_fromBytes_ofToBytes_isTheSameSpec(spec: TaskSpec) -> None:
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("version", True),
        ("kind", "merge"),
        ("name", ""),
        ("name", "x" * 101),
        ("name", "line\nbreak"),
        ("scenario", 3),
        ("scenario", True),
        ("scenario", 2),
        ("dataset", "../etc"),
        ("labels", ["0"]),
        ("labels", ["0", "0"]),
        ("labels", [str(i) for i in range(257)]),
        ("labels", ["0", 1]),
        ("labels", "0123456789"),
        ("metric", "f1"),
        ("loss", "hinge"),
        ("rule", "best"),
        ("fusion", "Strategy"),
        ("architecture", {"version": 1}),
        ("input", {"shape": [1, 28], "type": "uint8"}),
        ("input", {"shape": [1, 28, 513], "type": "uint8"}),
        ("input", {"shape": [0, 28, 28], "type": "uint8"}),
        ("input", {"shape": [1, 28, 28], "type": "float32"}),
        ("bounds", {"macs": 1, "parameters": 1}),
        ("bounds", {"macs": 1, "parameters": 10**9, "weights_bytes": 1}),
        ("bounds", {"macs": 1, "parameters": 0, "weights_bytes": 1}),
        ("bounds", {"macs": 1, "parameters": 1, "weights_bytes": 1, "more": 1}),
        ("development", {"train": vars(TRAIN)}),
        ("development", {"train": vars(TRAIN), "test": vars(TEST) | {"cid": "QmOld"}}),
        ("development", {"train": vars(TRAIN), "test": vars(TEST) | {"sha256": "22" * 31}}),
        ("development", {"train": vars(TRAIN), "test": vars(TEST) | {"bytes": 2**40}}),
        ("development", {"train": vars(TRAIN), "test": vars(TEST) | {"samples": -1}}),
        ("unknown", 1),
    ],
)
def test_fromBytes_withOneFieldSpoiled_isRefusedByName(
    document: dict[str, Any], path: str, value: object
) -> None:
    document[path] = value

    with pytest.raises(InvalidSpec, match=path):
        TaskSpec.from_bytes(canonical_json(document))


@pytest.mark.parametrize("key", list(make_spec().to_json()))
def test_fromBytes_withAFieldMissing_isRefusedByName(document: dict[str, Any], key: str) -> None:
    del document[key]

    with pytest.raises(InvalidSpec, match=f"{key} is missing"):
        TaskSpec.from_bytes(canonical_json(document))


@pytest.mark.parametrize("value", [[], "spec", 3, None])
def test_fromBytes_ofSomethingElseThanAnObject_isRefused(value: object) -> None:
    with pytest.raises(InvalidSpec, match="spec must be an object"):
        TaskSpec.from_bytes(canonical_json(value))


def test_scenario2_withArchitectureAboveTheBounds_isRefused() -> None:
    with pytest.raises(InvalidSpec, match="235146 parameters, the limit is 1000"):
        make_spec(scenario=2, architecture=mlp(), bounds=Bounds(parameters=1_000))


def test_scenario2_withAnotherInputShape_isRefused() -> None:
    with pytest.raises(InvalidSpec, match=r"takes \(1, 8, 8\)"):
        make_spec(scenario=2, architecture=mlp(input_shape=(1, 8, 8)))


def test_scenario2_withSomeOfTheLabels_isRefused() -> None:
    with pytest.raises(InvalidSpec, match="all of the task's label indices"):
        make_spec(scenario=2, architecture=mlp(labels=(0, 1)))


def test_construction_withBadValues_isRefusedAsInAFile() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.scenario"):
        make_spec(scenario=7)
