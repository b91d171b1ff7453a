"""Nested Python values as one JSON document and named tensors: exact, and safe to read from a stranger.

The document is a flat list of nodes. A node is a list that begins with its kind; a container names the
positions of its parts, each later than itself and each named once, so nothing nests without end. Floats are
hexadecimal text and integers decimal text: both come back exactly.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ml.canonical import parse_canonical_json
from ml.errors import InvalidJson, QuorateError
from ml.history.copies import Copies

Node: TypeAlias = list[Any]

FORMAT: Final = "quorate/state/1"
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 64
PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})
ARRAYS: Final = ("|b1", "|i1", "|u1", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8")  # NumPy's names of types


class InvalidState(QuorateError):
    """A value that no checkpoint can hold, or a checkpoint whose document is not well formed."""

    code = "invalid-state"
    default_fix = "Record only what torch's own state_dict() holds: numbers, text, lists, dicts and tensors."


class Kept:
    """A tensor within a frozen value: which copy holds its numbers, how it lay in memory, and where."""

    __slots__ = ("device", "index", "strides")

    def __init__(self, index: int, strides: list[int], device: str) -> None:
        self.index, self.strides, self.device = index, strides, device


def frozen(value: object, path: tuple[object, ...], copies: Copies) -> Any:
    """`value` as it is now, whatever becomes of it: containers and arrays copied, tensors added to `copies`.

    Takes None, bool, int, float, str, bytes, list, tuple, dict, Counter, dense tensors and NumPy arrays.
    Raises InvalidState for anything else and says where it is: `path` leads to `value`.
    """
    if type(value) in PLAIN:
        return value
    if len(path) > MAX_DEPTH:
        raise InvalidState(f"{_shown(path)} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_quantized or value.device.type == "meta":
            raise InvalidState(f"{_shown(path)} is a tensor of {value.layout} on {value.device}, not dense")
        return Kept(copies.add(value), strides_of(value), str(value.device))
    if isinstance(value, Mapping):
        items = {
            frozen(key, path, copies): item if type(item) in PLAIN else frozen(item, (*path, key), copies)
            for key, item in value.items()
        }
        return Counter(items) if isinstance(value, Counter) else items
    if isinstance(value, (list, tuple)):
        parts = [
            item if type(item) in PLAIN else frozen(item, (*path, at), copies)
            for at, item in enumerate(value)
        ]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in ARRAYS:
        return value.copy()
    if isinstance(value, (int, float, str)):
        return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))  # a subclass
    raise InvalidState(f"{_shown(path)} is a {type(value).__name__}, which no checkpoint can hold")


def encode(value: object, name: str, copies: Sequence[Tensor], tensors: dict[str, Tensor]) -> list[Node]:
    """The nodes of a frozen value; its tensors go into `tensors` under names that begin with `name`."""
    nodes: list[Node] = []
    _encode(value, name, nodes, copies, tensors)
    return nodes


def to_bytes(nodes: Sequence[Node]) -> bytes:
    """The canonical JSON of these nodes, as ml.canonical would write it but at the speed of C.

    There are no floats, the two keys are in order, and the integers (places, strides) are far below 2^53.
    """
    text = json.dumps({"format": FORMAT, "nodes": nodes}, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def from_bytes(data: bytes, tensors: Mapping[str, Tensor]) -> Any:
    """The value that `data` describes; its tensors are copies of those in `tensors`. Raises InvalidState."""
    try:
        document = parse_canonical_json(data, MAX_BYTES)
    except InvalidJson as error:
        raise InvalidState(f"the document of the checkpoint cannot be read: {error.message}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidState(f"the checkpoint's document is not of the format {FORMAT}")
    nodes = document.get("nodes")
    if not isinstance(nodes, list) or not nodes:
        raise InvalidState("the checkpoint's document holds no nodes")
    values: list[Any] = [None] * len(nodes)
    unused = set(range(1, len(nodes)))
    for index in reversed(range(len(nodes))):
        try:
            values[index] = _decode(nodes[index], index, values, unused, tensors)
        except (TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as error:
            raise InvalidState(f"node {index} of the checkpoint's document is malformed: {error}") from error
    if unused:
        raise InvalidState(f"nothing holds node {min(unused)} of the checkpoint's document")
    return values[0]


def strides_of(tensor: Tensor) -> list[int]:
    """How `tensor` lies in memory if that is dense but not the usual order (as channels_last), else []."""
    if tensor.dim() < 2:
        return []
    usual, step = [], 1
    for size in reversed(tensor.shape):
        usual.append(step)
        step *= max(1, size)
    strides = list(tensor.stride())
    return strides if strides != usual[::-1] and _dense(tensor.shape, strides) else []


def laid_out(tensor: Tensor, strides: Sequence[int], device: str) -> Tensor:
    """A copy of `tensor` with these strides ([]: the usual ones) on this device."""
    shape = list(tensor.shape)
    if not strides:
        return tensor.detach().to(device, copy=True)
    if not _dense(shape, strides):
        raise ValueError(f"strides {list(strides)} do not fit the shape {shape}")
    return torch.empty_strided(shape, list(strides), dtype=tensor.dtype, device=device).copy_(tensor)


def _dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    if len(shape) != len(strides) or not all(type(s) is int and 0 <= s < 2**48 for s in strides):
        return False
    expected = 1
    for stride, size in sorted((t, s) for s, t in zip(shape, strides, strict=True) if s != 1):
        if stride != expected:
            return False
        expected *= size
    return prod(shape) > 0


def _is_here(device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    return (
        torch.get_device_module(device).is_available()
        and (device.index or 0) < torch.accelerator.device_count()
    )


def _encode(
    value: object, name: str, nodes: list[Node], copies: Sequence[Tensor], tensors: dict[str, Tensor]
) -> int:
    """Append the nodes of `value`; returns the index of the first."""
    index = len(nodes)
    node: Node = []
    nodes.append(node)
    match value:
        case None:
            node += ["none"]
        case bool():
            node += ["bool", value]
        case int():
            node += ["int", str(value)]
        case float():
            node += ["float", value.hex()]
        case str():
            node += ["text", value]
        case bytes():
            node += ["bytes", value.hex()]
        case Kept():
            kept = _keep(copies[value.index], name, tensors)
            node += ["tensor", kept, value.strides, value.device]
        case np.ndarray():
            kind = value.dtype.newbyteorder("<").str
            raw = np.frombuffer(value.astype(kind).tobytes(), np.uint8).copy()
            node += ["array", _keep(torch.from_numpy(raw), name, tensors), kind, list(value.shape)]
        case list() | tuple():
            parts = [_encode(item, f"{name}/{at}", nodes, copies, tensors) for at, item in enumerate(value)]
            node += ["list" if isinstance(value, list) else "tuple", parts]
        case dict():
            pairs = [
                [
                    _encode(key, f"{name}/key", nodes, copies, tensors),
                    _encode(item, f"{name}/{key}", nodes, copies, tensors),
                ]
                for key, item in value.items()
            ]
            node += ["counter" if isinstance(value, Counter) else "dict", pairs]
        case _:
            raise InvalidState(f"{name[:200]} is not frozen")
    return index


def _shown(path: Sequence[object]) -> str:
    return "/".join(str(key)[:40] for key in path)[:200]


def _keep(tensor: Tensor, name: str, tensors: dict[str, Tensor]) -> str:
    free = name
    while free in tensors:
        free += "~"
    tensors[free] = tensor
    return free


def _decode(node: Any, index: int, values: list[Any], unused: set[int], tensors: Mapping[str, Tensor]) -> Any:
    """The value of one node; those of later nodes are in `values`."""

    def part(at: object) -> Any:
        if type(at) is not int or at <= index:
            raise ValueError(f"names node {at!r}")
        unused.remove(at)
        value, values[at] = values[at], None
        return value

    match node:
        case ["none"]:
            return None
        case ["bool", bool(value)]:
            return value
        case ["int", str(text)] if len(text) <= 100:
            return int(text)
        case ["float", str(text)]:
            return float.fromhex(text)
        case ["text", str(text)]:
            return text
        case ["bytes", str(text)]:
            return bytes.fromhex(text)
        case ["tensor", str(name), list(strides), str(device)]:
            if not _is_here(torch.device(device)):
                raise ValueError(f"{name} was on {device}, which this machine lacks")
            return laid_out(tensors[name], strides, device)
        case ["array", str(name), str(kind), list(shape)] if kind in ARRAYS:
            return np.frombuffer(tensors[name].numpy().tobytes(), kind).reshape(shape).copy()
        case ["list", list(parts)]:
            return [part(at) for at in parts]
        case ["tuple", list(parts)]:
            return tuple(part(at) for at in parts)
        case ["dict", list(pairs)]:
            return {part(key): part(value) for key, value in pairs}
        case ["counter", list(pairs)]:
            return Counter({part(key): part(value) for key, value in pairs})
    raise ValueError(f"{str(node)[:80]} is of no known kind")
