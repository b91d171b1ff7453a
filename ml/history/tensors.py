"""Tensors as bytes: which dtypes a history holds, a weights file of any of them, weights in bf16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from ml.errors import QuorateError

WEIGHTS: Final = "weights/"  # names of a model's tensors begin with it; all others belong to the training
Raw = NDArray[np.uint8]  # the bytes of a tensor: little-endian, in row-major order


class InvalidTensor(QuorateError):
    """A tensor that a history cannot hold."""

    code = "invalid-tensor"
    default_fix = "Keep dense tensors of a dtype that docs/formats.md lists under Packs."


@dataclass(frozen=True)
class DType:
    """A dtype that a history holds: its name in safetensors, and the word in which differences are taken."""

    name: str
    torch: torch.dtype
    word_bytes: int

    @property
    def item_bytes(self) -> int:
        """Bytes of one item."""
        return self.torch.itemsize


DTYPES: Final[Mapping[str, DType]] = {
    name: DType(name, dtype, word_bytes)
    for name, dtype, word_bytes in (
        ("F64", torch.float64, 8),
        ("F32", torch.float32, 4),
        ("F16", torch.float16, 2),
        ("BF16", torch.bfloat16, 2),
        ("F8_E4M3", torch.float8_e4m3fn, 1),
        ("F8_E5M2", torch.float8_e5m2, 1),
        ("C64", torch.complex64, 4),
        ("I64", torch.int64, 8),
        ("I32", torch.int32, 4),
        ("I16", torch.int16, 2),
        ("I8", torch.int8, 1),
        ("U64", torch.uint64, 8),
        ("U32", torch.uint32, 4),
        ("U16", torch.uint16, 2),
        ("U8", torch.uint8, 1),
        ("BOOL", torch.bool, 1),
    )
}
_BY_TORCH: Final = {dtype.torch: dtype for dtype in DTYPES.values()}


def dtype_of(name: str, tensor: Tensor) -> DType:
    """The dtype of a tensor. Raises InvalidTensor for one that a history does not hold."""
    dtype = _BY_TORCH.get(tensor.dtype)
    if dtype is None or tensor.layout is not torch.strided or tensor.is_quantized:
        raise InvalidTensor(f"tensor {name[:100]} is {tensor.dtype}, {tensor.layout}: no history holds such")
    return dtype


def raw_bytes(tensor: Tensor) -> Raw:
    """The bytes of a tensor, row-major; they share its memory where it lies so already."""
    flat = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg().reshape(-1)
    if not flat.numel():
        return np.empty(0, np.uint8)
    return flat.view(torch.uint8).numpy()


def from_raw(raw: Raw, dtype: DType, shape: tuple[int, ...]) -> Tensor:
    """The tensor with these bytes, in the same memory.

    Raises InvalidTensor for a bool beyond 0 and 1, and for a shape that torch cannot make.
    """
    if dtype.torch is torch.bool and bool((raw > 1).any()):
        raise InvalidTensor("a bool tensor holds bytes other than 0 and 1")
    if not len(raw):
        try:
            return torch.empty(shape, dtype=dtype.torch)
        except RuntimeError as error:  # no items, and strides beyond 63 bits
            raise InvalidTensor(f"no tensor has the shape {shape}") from error
    return torch.frombuffer(raw, dtype=dtype.torch).reshape(shape)


def weights_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors of a checkpoint that are weights, under the names that the model gives them."""
    return {
        name.removeprefix(WEIGHTS): tensor for name, tensor in tensors.items() if name.startswith(WEIGHTS)
    }


def weights_file(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as safetensors without metadata, any values; its SHA-256 names the weights.

    Equal to ml.weights.pack where that takes the tensors. Those of one dtype lie in name order, wider dtypes
    first, as safetensors writes them. Raises InvalidTensor.
    """
    for name, tensor in tensors.items():
        dtype_of(name, tensor)
    return bytes(
        save(
            {
                name: tensors[name].detach().cpu().clone(memory_format=torch.contiguous_format)
                for name in sorted(tensors)
            }
        )
    )


def rounded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint's weights alone, floats rounded to bfloat16: small, good to evaluate.

    Training cannot go on from it bit for bit: the lower 16 bits of each weight and the optimizer are gone.
    """
    return {
        name: tensor.detach().to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if name.startswith(WEIGHTS)
    }
