"""Tensors as bytes, and the weights file of any dtype."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load

from ml.history.tensors import (
    DTYPES,
    InvalidTensor,
    from_raw,
    raw_bytes,
    rounded,
    weights_file,
    weights_of,
)
from ml.models import build
from ml.models.table_i import table_i
from ml.weights import pack

NAN = float("nan")


def test_weightsFile_ofAFloat32Model_isItsWeightsFile() -> None:
    state = build(table_i(1), seed=1).state_dict()

    assert weights_file(state) == pack(state)


def test_weightsFile_ofSeveralDtypes_isThisFile() -> None:
    tensors = {
        "b": torch.tensor([1.0, NAN], dtype=torch.bfloat16),
        "a": torch.tensor([True]),
        "c": torch.tensor(-2, dtype=torch.int64),
    }
    header = (
        b'{"c":{"dtype":"I64","shape":[],"data_offsets":[0,8]},'
        b'"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},'
        b'"a":{"dtype":"BOOL","shape":[1],"data_offsets":[12,13]}}    '
    )

    assert weights_file(tensors) == (
        b"\xa8\0\0\0\0\0\0\0" + header + b"\xfe\xff\xff\xff\xff\xff\xff\xff" + b"\x80\x3f\xc0\x7f" + b"\x01"
    )


def test_weightsFile_ofSharedAndTransposedTensors_holdsBothWhole() -> None:
    tied = torch.arange(6.0).reshape(2, 3)
    found = load(weights_file({"a": tied, "b": tied.T}))

    assert torch.equal(found["a"], tied)
    assert torch.equal(found["b"], tied.T)


@pytest.mark.parametrize("name", DTYPES)
def test_fromRaw_ofRawBytes_isTheTensor(name: str) -> None:
    tensor = torch.tensor([[0, 1], [1, 1]]).to(DTYPES[name].torch)
    raw = raw_bytes(tensor)
    found = from_raw(raw.copy(), DTYPES[name], (2, 2))

    assert (found.dtype, found.shape, len(raw)) == (tensor.dtype, tensor.shape, 4 * tensor.itemsize)
    assert bytes(raw_bytes(found)) == bytes(raw)


def test_rawBytes_ofAConjugateView_areOfItsValues() -> None:
    tensor = torch.tensor([1 + 2j], dtype=torch.complex64)

    assert bytes(raw_bytes(tensor.conj())) == bytes(raw_bytes(torch.tensor([1 - 2j], dtype=torch.complex64)))


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2, dtype=torch.complex128), torch.zeros(2, 2).to_sparse()],
    ids=["complex128", "sparse"],
)
def test_weightsFile_ofWhatNoHistoryHolds_isRefused(tensor: torch.Tensor) -> None:
    with pytest.raises(InvalidTensor, match="tensor odd is"):
        weights_file({"odd": tensor})


def test_weightsOf_aCheckpoint_haveTheModelsNames() -> None:
    assert list(weights_of({"weights/a.b": torch.zeros(1), "state/c": torch.zeros(1)})) == ["a.b"]


def test_rounded_keepsWeightsAlone_floatsInHalfTheBytes() -> None:
    found = rounded(
        {
            "weights/a": torch.tensor([1 + 2**-9, NAN]),
            "weights/n": torch.tensor(7),
            "state/b": torch.zeros(1),
        }
    )

    assert found["weights/a"].dtype is torch.bfloat16
    assert found["weights/a"][0] == 1
    assert found["weights/a"][1].isnan()
    assert (found["weights/n"].dtype, len(found)) == (torch.int64, 2)
