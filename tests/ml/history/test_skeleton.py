"""Nested values as a document and tensors: exact both ways, and no document of a stranger's does harm."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ml.canonical import canonical_json
from ml.history import skeleton
from ml.history.copies import Copies
from ml.history.skeleton import InvalidState


def written(value: object) -> tuple[bytes, dict[str, Tensor]]:
    copies, tensors = Copies(), dict[str, Tensor]()
    frozen = skeleton.frozen(value, ("state",), copies)
    copies.take()
    return skeleton.to_bytes(skeleton.encode(frozen, "state", copies.tensors(), tensors)), tensors


def again(value: object) -> Any:
    return skeleton.from_bytes(*written(value))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**200),
        0.1,
        5e-324,
        -0.0,
        math.inf,
        "",
        'é "\\\n\x00\u2028',
        b"\x00\xff",
        [],
        (),
        {},
        [1, (2.5, None, [True])],
        {"lr": 0.001, "betas": (0.9, 0.999), "foreach": None, "params": [0, 1]},
        {0: "int", "0": "text", 1.5: "float", (1, "a"): "tuple", None: "none"},
    ],
)
def test_value_comesBackExactly(value: object) -> None:
    found = again(value)
    assert repr(found) == repr(value)
    assert type(found) is type(value)


def test_nan_comesBack() -> None:
    assert math.isnan(again(math.nan))


def test_counterAndOrderedDict_comeBackAsCounterAndDict() -> None:
    assert again(Counter({3: 2, 5: 1})) == Counter({3: 2, 5: 1})
    assert isinstance(again(Counter({3: 2})), Counter)
    assert again(OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}
    assert list(again(OrderedDict(b=1, a=2))) == ["b", "a"]


def test_subclassesOfNumbers_comeBackAsNumbers() -> None:
    assert type(again(np.float64(0.1))) is float
    assert again(np.float64(0.1)) == 0.1


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(1.5),
        torch.arange(6).reshape(2, 3),
        torch.empty(0, 3),
        torch.tensor([True, False]),
        torch.tensor([math.nan, -0.0], dtype=torch.bfloat16),
        torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        torch.randn(4, 1, 3, 3).to(memory_format=torch.channels_last),
        torch.randn(3, 5).T,
        torch.randn(8)[::2],
        torch.tensor([1 + 2j]),
    ],
)
def test_tensor_comesBackWithItsBytesAndOrderInMemory(tensor: Tensor) -> None:
    found = again({"t": tensor})["t"]
    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    ours, theirs = (t.contiguous().reshape(-1).view(torch.uint8).tolist() for t in (found, tensor))
    assert ours == theirs
    if tensor.stride() != (2,):  # with gaps: comes back without
        assert found.stride() == tensor.stride()


@pytest.mark.parametrize("kind", ["u1", "u4", "u8", "i4", "i8", "f4", "f8", "?", ">u4"])
def test_array_comesBackExactly(kind: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(kind)
    found = again(array)
    assert found.shape == (2, 3)
    assert np.array_equal(found, array)


def test_copies_areSharedWithNobody() -> None:
    tensor = torch.zeros(3)
    value = {"a": tensor, "list": [1]}
    copies = Copies()
    frozen = skeleton.frozen(value, ("state",), copies)
    copies.take()
    tensor += 1
    value["list"] = [2]
    tensors: dict[str, Tensor] = {}
    text = skeleton.to_bytes(skeleton.encode(frozen, "state", copies.tensors(), tensors))
    first, second = skeleton.from_bytes(text, tensors), skeleton.from_bytes(text, tensors)
    assert first["a"].tolist() == [0, 0, 0]
    assert first["list"] == [1]
    first["a"] += 5
    assert second["a"].tolist() == [0, 0, 0]


def test_tensorsOfOneName_areKeptApart() -> None:
    value = {1: torch.zeros(1), "1": torch.ones(1), "a": {"b": torch.full((1,), 2.0)}, "a/b": torch.tensor(3)}
    found = again(value)
    assert [int(found[1]), int(found["1"]), int(found["a"]["b"]), int(found["a/b"])] == [0, 1, 2, 3]


def test_document_isCanonicalJson() -> None:
    data, _ = written({"é\u2028": [1.5, (None, -(2**70))], "b": torch.zeros(2, 2).T, "c": b"x"})
    assert data == canonical_json(json.loads(data))


@pytest.mark.parametrize("value", [object(), {"a": [1, {2}]}, {"a": [1, lambda: 0]}, np.array(["text"])])
def test_frozen_ofAnythingElse_isRefused(value: object) -> None:
    with pytest.raises(InvalidState, match="state"):
        written(value)


def test_frozen_saysWhere() -> None:
    with pytest.raises(InvalidState, match=r"state/groups/1/lr is a set"):
        written({"groups": [{}, {"lr": {0.1}}]})


def test_frozen_ofEndlessNesting_isRefused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidState, match="deeper"):
        written(value)


@pytest.mark.parametrize("tensor", [torch.zeros(2, device="meta"), torch.zeros(2, 2).to_sparse()])
def test_frozen_ofATensorWithoutNumbers_isRefused(tensor: Tensor) -> None:
    with pytest.raises(InvalidState, match="not dense"):
        written(tensor)


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        ["none"],
        [["none"], ["none"]],
        [["list", [0]]],
        [["list", [1, 1]], ["none"]],
        [["list", [2]], ["none"]],
        [["list", [-1]], ["none"]],
        [["list", [True]], ["none"]],
        [["dict", [[1]]], ["none"]],
        [["dict", [[1, 2]]], ["list", []], ["none"]],
        [["int", "1" * 5000]],
        [["int", 5]],
        [["float", "nonsense"]],
        [["bytes", "0"]],
        [["tensor", "there", [2, 2], "cpu"]],
        [["tensor", "there", [1, 0], "cpu"]],
        [["tensor", "there", [2**50, 1], "cpu"]],
        [["tensor", "there", [], "cuda:99"]],
        [["tensor", "there", [], "nowhere"]],
        [["tensor", "missing", [], "cpu"]],
        [["array", "there", "O", [1]]],
        [["array", "there", "<f8", [7]]],
        [["array", "there", "<f8", [-2, -1]]],
        [["counter", [[1, 2]]], ["list", []], ["none"]],
        [["exec", "1"]],
        [["bool", 1]],
    ],
)
def test_fromBytes_ofAMalformedDocument_isRefused(nodes: list[Any]) -> None:
    data = canonical_json({"format": skeleton.FORMAT, "nodes": nodes})
    with pytest.raises(InvalidState):
        skeleton.from_bytes(data, {"there": torch.zeros(2, 3)})


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format":"quorate/state/2","nodes":[["none"]]}', b"\x80"]
)
def test_fromBytes_ofAnotherFormat_isRefused(data: bytes) -> None:
    with pytest.raises(InvalidState):
        skeleton.from_bytes(data, {})


def test_fromBytes_ofAVeryDeepDocument_doesNotRecurse() -> None:
    nodes: list[Any] = [["list", [index + 1]] for index in range(100_000)] + [["none"]]
    found = skeleton.from_bytes(canonical_json({"format": skeleton.FORMAT, "nodes": nodes}), {})
    assert isinstance(found, list)
