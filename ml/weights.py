"""Weights as bytes: the only owner of the file format.

A weights file is safetensors in its one canonical form: no metadata, float32 only, tensors in name order, no
gaps. What comes from outside is checked here, before torch sees a byte; pickles and archives are refused by
their first bytes.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from ml.architecture import Architecture, Shape, check
from ml.bounds import CEILING, Bounds
from ml.canonical import canonical_json, sha256, shallow_json
from ml.errors import InvalidPackage
from ml.merkle import root
from ml.models.classifier import Classifier

MAX_HEADER_BYTES: Final = 65_536
MAX_TENSORS: Final = 1_024
MAX_RANK: Final = 4
HEADER_DEPTH: Final = 3  # the header, a tensor, its shape
FOREIGN: Final = (
    (b"PK", "a zip archive, as torch.save writes"),
    (b"\x80", "a Python pickle"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "a numpy file"),
    (b"\x89HDF", "an HDF5 file"),
)


_PART = re.compile(r"^part\.\d{3}\.")


@dataclass(frozen=True)
class Entry:
    """One tensor of a weights file; `begin` and `end` count bytes from the start of the file."""

    name: str
    shape: Shape
    begin: int
    end: int


def to_bytes(module: nn.Module) -> bytes:
    """The weights file of `module`. Raises InvalidPackage unless all its tensors are finite float32."""
    return pack({name: tensor.detach() for name, tensor in module.state_dict().items()})


def model_digest(model: Classifier) -> bytes:
    """32 bytes that name a model: its architecture and its weights."""
    return sha256(sha256(canonical_json(model.architecture)) + sha256(to_bytes(model)))


def from_bytes(data: bytes, architecture: Architecture, bounds: Bounds = CEILING) -> Classifier:
    """The classifier of `architecture` with the weights in `data`, in evaluation mode.

    Raises InvalidArchitecture or InvalidPackage; nothing is allocated before both are known to be good.
    """
    plan = check(architecture, bounds)
    tensors = unpack(data, plan.tensors)
    for name, tensor in tensors.items():
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InvalidPackage(f"{name} holds a negative variance")
    model = Classifier(architecture, plan)
    model.load_state_dict(tensors, strict=True)
    return model.eval()


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as a weights file. Raises InvalidPackage unless all are finite float32."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            raise InvalidPackage(f"tensor {name} is {tensor.dtype}, weights are float32")
        if not bool(torch.isfinite(tensor).all()):
            raise InvalidPackage(
                f"tensor {name} holds NaN or infinity", fix="Train again with a lower learning rate."
            )
    return bytes(save({name: tensors[name].cpu().contiguous() for name in sorted(tensors)}))


def unpack(data: bytes, shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """The tensors in `data`, which must have exactly the names and `shapes` given. Raises InvalidPackage."""
    expected_bytes = sum(4 * prod(shape) for shape in shapes.values()) + 8 + MAX_HEADER_BYTES
    if len(data) > expected_bytes:
        raise InvalidPackage(f"weights file has {len(data)} bytes, at most {expected_bytes} are expected")
    entries = {entry.name: entry for entry in parse(data)}
    if missing := sorted(shapes.keys() - entries.keys()):
        raise InvalidPackage(f"weights file lacks the tensors {', '.join(missing[:5])}")
    if extra := sorted(entries.keys() - shapes.keys()):
        raise InvalidPackage(
            f"weights file holds tensors the architecture lacks: {', '.join(extra[:5])[:200]}"
        )
    for name, shape in shapes.items():
        if entries[name].shape != tuple(shape):
            raise InvalidPackage(
                f"tensor {name} has shape {entries[name].shape}, the architecture asks for {shape}"
            )
    return {name: _tensor(data, entries[name]) for name in sorted(shapes)}


def tensors(data: bytes) -> dict[str, Tensor]:
    """All tensors of a weights file, by name, whatever its architecture. Raises InvalidPackage."""
    return {entry.name: _tensor(data, entry) for entry in parse(data)}


def tensor_root(data: bytes) -> bytes:
    """Merkle root, 32 bytes, with one leaf per tensor in name order (ml.merkle). Raises InvalidPackage.

    A leaf is the JSON list [name, "F32", axis, ...] without spaces, a line feed, and the tensor's bytes.
    """
    return root([_leaf(data, entry) for entry in parse(data)])


def leaves(data: bytes) -> list[bytes]:
    """SHA-256 of each tensor's leaf, as in tensor_root, in name order. Raises InvalidPackage.

    A leaf does not say which part of a grown model it stands in (part.003.mean is part.mean): its place does,
    and parts of two growths can be put in one file with the leaves they had. Where a file's tensors are those
    of another and then more, its leaves begin with the other's.
    """
    return [sha256(_leaf(data, replace(e, name=_PART.sub("part.", e.name)))) for e in parse(data)]


def parse(data: bytes) -> list[Entry]:
    """The table of contents of a weights file in canonical form, in name order. Raises InvalidPackage.

    Reads the header only, whatever the rest holds.
    """
    _refuse_foreign(data)
    (header_bytes,) = struct.unpack_from("<Q", data)
    if not 2 <= header_bytes <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise InvalidPackage(
            f"weights file claims a header of {header_bytes} bytes, limit {MAX_HEADER_BYTES}"
        )
    header = data[8 : 8 + header_bytes]
    entries = _entries(_header_object(header), begin=8 + header_bytes)
    if not entries or entries[-1].end != len(data):
        raise InvalidPackage("weights file does not end where its last tensor ends")
    if header != _canonical_header(entries):
        raise InvalidPackage("the header of the weights file is not in canonical form")
    return entries


def _refuse_foreign(data: bytes) -> None:
    for magic, meaning in FOREIGN:
        if data.startswith(magic) and data[8:9] != b"{":
            raise InvalidPackage(f"this is {meaning}, not safetensors; it was not opened")
    if len(data) < 10 or data[8:9] != b"{":
        raise InvalidPackage("this is not a safetensors file; it was not opened")


def _header_object(header: bytes) -> dict[str, Any]:
    try:
        value = shallow_json(header, HEADER_DEPTH, integers_only=True)
    except ValueError as error:
        raise InvalidPackage(f"the header of the weights file cannot be read: {str(error)[:200]}") from error
    if not isinstance(value, dict) or len(value) > MAX_TENSORS:
        raise InvalidPackage(
            f"the header of the weights file is not an object with at most {MAX_TENSORS} tensors"
        )
    return value


def _entries(header: dict[str, Any], begin: int) -> list[Entry]:
    entries: list[Entry] = []
    for name in sorted(header):
        shape = _entry_shape(name, header[name])
        end = begin + 4 * prod(shape)
        entries.append(Entry(name, shape, begin, end))
        begin = end
    return entries


def _entry_shape(name: str, value: object) -> Shape:
    shown = name[:60]
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise InvalidPackage(f"header entry {shown!r} is not a tensor with dtype, shape and data_offsets")
    if value["dtype"] != "F32":
        raise InvalidPackage(f"tensor {shown!r} is {str(value['dtype'])[:20]!r}, weights are F32")
    shape = value["shape"]
    if not isinstance(shape, list) or not 1 <= len(shape) <= MAX_RANK:
        raise InvalidPackage(f"tensor {shown!r} must have 1 to {MAX_RANK} axes")
    if not all(type(side) is int and 0 < side <= CEILING.parameters for side in shape):
        raise InvalidPackage(f"tensor {shown!r} has an axis outside 1..{CEILING.parameters}")
    return tuple(shape)


def _canonical_header(entries: list[Entry]) -> bytes:
    """The bytes that safetensors writes for these tensors, padded with spaces to a multiple of 8."""
    first = entries[0].begin
    table = {
        entry.name: {
            "dtype": "F32",
            "shape": list(entry.shape),
            "data_offsets": [entry.begin - first, entry.end - first],
        }
        for entry in entries
    }
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text + b" " * (-len(text) % 8)


def _tensor(data: bytes, entry: Entry) -> Tensor:
    array = np.frombuffer(data, "<f4", (entry.end - entry.begin) // 4, entry.begin)
    if not np.isfinite(array).all():
        raise InvalidPackage(f"tensor {entry.name} holds NaN or infinity")
    return torch.from_numpy(array.astype(np.float32).reshape(entry.shape))


def _leaf(data: bytes, entry: Entry) -> bytes:
    head = json.dumps([entry.name, "F32", *entry.shape], separators=(",", ":"), ensure_ascii=False)
    return head.encode("utf-8", "surrogatepass") + b"\n" + data[entry.begin : entry.end]
