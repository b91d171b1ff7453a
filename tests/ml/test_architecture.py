"""ml.architecture: costs are exact, and hostile architectures are refused before anything is allocated."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from ml.architecture import Architecture, check, follows, with_labels
from ml.bounds import Bounds
from ml.errors import InvalidArchitecture


def layers(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"version": 1, "input": [1, 28, 28], "labels": [0, 1], "layers": list(entries)} | changes


FLATTEN = {"kind": "flatten"}


def conv(out: Any, kernel: Any) -> dict[str, Any]:
    return {"kind": "conv", "out": out, "kernel": kernel}


def linear(out: Any) -> dict[str, Any]:
    return {"kind": "linear", "out": out}


def test_check_smallArchitecture_hasExactlyTheseTensors(small_architecture: Architecture) -> None:
    assert check(small_architecture).tensors == {
        "head.bias": (3,),
        "head.weight": (3, 4),
        "layers.0.bias": (3,),
        "layers.0.weight": (3, 1, 3, 3),
        "layers.4.bias": (4,),
        "layers.4.weight": (4, 12),
    }


def test_check_smallArchitecture_countsParametersAndMacs(small_architecture: Architecture) -> None:
    plan = check(small_architecture)

    assert plan.parameters == 30 + 52 + 15
    assert plan.macs == 432 + 48 + 48 + 12  # convolution, pool, linear, head


def test_check_everyKindOfLayer_isAccepted() -> None:
    plan = check(
        layers(
            conv(4, 5),
            {"kind": "batch_norm"},
            {"kind": "relu"},
            {"kind": "max_pool", "size": 2},
            {"kind": "avg_pool", "size": 3},
            {"kind": "dropout", "rate_ppm": 250_000},
            FLATTEN,
            linear(7),
        )
    )

    assert [layer.outputs for layer in plan.layers[3:6]] == [(4, 14, 14), (4, 4, 4), (4, 4, 4)]
    assert plan.features == 7


HOSTILE: dict[str, Any] = {
    "not an object": ["layers"],
    "nothing": None,
    "a billion parameters": layers(FLATTEN, linear(32_768), linear(32_768)),
    "a billion parameters in one number": layers(FLATTEN, linear(10**9)),
    "an integer beyond 64 bits": layers(FLATTEN, linear(10**30)),
    "a convolution that never ends": layers(conv(4_096, 64), conv(4_096, 64), FLATTEN),
    "activations of 2 GB": layers(conv(4_096, 1), FLATTEN, input=[1, 512, 512]),
    "65 layers": layers(*[{"kind": "relu"}] * 64, FLATTEN),
    "a list of a million layers": layers(*[{"kind": "relu"}] * 1_000_000),
    "no layer": layers(),
    "an unknown layer": layers({"kind": "lambda", "code": "__import__('os')"}),
    "a layer named by a dunder": layers({"kind": "__class__"}),
    "a layer without kind": layers({"out": 3}),
    "a layer that is a list": layers([1, 2]),
    "a layer within a layer": layers({"kind": "relu", "layers": [{"kind": "relu"}]}, FLATTEN),
    "an unknown key": layers(FLATTEN, path="/etc/passwd"),
    "a wrong version": layers(FLATTEN, version=2),
    "a float": layers(FLATTEN, linear(10.0)),
    "a boolean": layers(FLATTEN, linear(True)),
    "a string for a number": layers(FLATTEN, linear("10")),
    "a negative size": layers(FLATTEN, linear(-1)),
    "a size of zero": layers(conv(0, 3), FLATTEN),
    "a kernel of zero": layers(conv(1, 0), FLATTEN),
    "a kernel of 65": layers(conv(1, 65), FLATTEN),
    "a window larger than the image": layers({"kind": "max_pool", "size": 29}, FLATTEN),
    "a dropout of all": layers(FLATTEN, {"kind": "dropout", "rate_ppm": 1_000_000}),
    "a convolution after flatten": layers(FLATTEN, conv(1, 1)),
    "a linear on an image": layers(linear(3)),
    "an image at the end": layers(conv(1, 1)),
    "an input of two axes": layers(FLATTEN, input=[28, 28]),
    "an input of 10^9 pixels": layers(FLATTEN, input=[1, 40_000, 40_000]),
    "labels out of order": layers(FLATTEN, labels=[1, 0]),
    "a label twice": layers(FLATTEN, labels=[1, 1]),
    "a label of 256": layers(FLATTEN, labels=[256]),
    "no label": layers(FLATTEN, labels=[]),
    "a negative label": layers(FLATTEN, labels=[-1, 0]),
}


@pytest.mark.parametrize("architecture", HOSTILE.values(), ids=HOSTILE.keys())
def test_check_hostileArchitecture_isRefusedWithinAMegabyte(architecture: Any) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArchitecture):
            check(architecture)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 10_000_000


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(parameters=96), "97 parameters, the limit is 96"),
        (Bounds(weights_bytes=387), "388 bytes of weights, the limit is 387"),
        (Bounds(macs=539), "540 multiply-accumulates per sample, the limit is 539"),
    ],
)
def test_check_oneAboveABound_isRefused(
    small_architecture: Architecture, bounds: Bounds, message: str
) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        check(small_architecture, bounds)


def test_check_exactlyAtTheBounds_isAccepted(small_architecture: Architecture) -> None:
    assert check(small_architecture, Bounds(weights_bytes=388, parameters=97, macs=540)).parameters == 97


def test_check_hugeTopFeatures_isRefused() -> None:
    with pytest.raises(InvalidArchitecture, match="1568000 top-level features, the limit is 4096"):
        check(layers(conv(2000, 1), FLATTEN))


@pytest.mark.parametrize("labels", [[0, 1, 2], [1], [0, 2]])
def test_follows_theDesignWithSomeOfItsLabels(labels: list[int]) -> None:
    design = layers(FLATTEN, linear(8), labels=[0, 1, 2])
    assert follows(with_labels(design, labels), design)


@pytest.mark.parametrize(
    "other",
    [
        layers(FLATTEN, linear(9), labels=[0, 1]),
        layers(FLATTEN, linear(8), labels=[0, 3]),
        layers(FLATTEN, linear(8), labels=[0, 1], input=[1, 14, 56]),
        layers(FLATTEN, linear(8), {"kind": "relu"}, labels=[0, 1]),
    ],
)
def test_follows_anotherDesign_isRefused(other: dict[str, Any]) -> None:
    assert not follows(other, layers(FLATTEN, linear(8), labels=[0, 1, 2]))
