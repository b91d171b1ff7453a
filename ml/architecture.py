"""The schema of an architecture, and its cost: known from the JSON alone, before anything is allocated.

An architecture is a JSON object of integers and strings:

    {"version": 1, "input": [channels, height, width], "labels": [0, 1, ...], "layers": [{"kind": ...}, ...]}

`labels` are the task's label indices, ascending, that the outputs stand for. `layers` ends with a flat
vector, the top-level features; a linear head with one output per label follows by itself. The allow-list is
KINDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from ml.bounds import CEILING, MAX_ACTIVATIONS, MAX_CHANNELS, MAX_LABELS, MAX_LAYERS, MAX_SIDE_PIXELS, Bounds
from ml.errors import InvalidArchitecture
from ml.fields import Fields

Architecture: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = tuple[int, ...]

VERSION = 1
MAX_KERNEL = 64
MAX_FEATURES = 65_536
MAX_TOP_FEATURES = 4_096  # of the last layer: fusion holds them for every sample of every model at once
KINDS = ("conv", "batch_norm", "relu", "max_pool", "avg_pool", "dropout", "flatten", "linear")


@dataclass(frozen=True)
class Layer:
    """One checked layer: what it is, what goes in and out for one sample, its tensors by local name."""

    kind: str
    inputs: Shape
    outputs: Shape
    tensors: Mapping[str, Shape]
    macs: int
    size: int = 0  # kernel or window side in pixels
    rate_ppm: int = 0  # share of dropped activations


@dataclass(frozen=True)
class Plan:
    """A checked architecture with its exact cost."""

    input_shape: tuple[int, int, int]  # channels, height, width
    labels: tuple[int, ...]
    layers: tuple[Layer, ...]
    features: int
    tensors: Mapping[str, Shape]  # by full name, in name order: exactly what a weights file holds
    parameters: int  # all numbers in the weights file, batch-norm statistics included
    macs: int


def check(architecture: object, bounds: Bounds = CEILING) -> Plan:
    """The plan of `architecture`. Raises InvalidArchitecture if the schema, a shape or a bound is violated.

    Allocates nothing that grows with the numbers in `architecture`.
    """
    fields = Fields(architecture, "architecture", InvalidArchitecture)
    fields.one_of("version", (VERSION,))
    shape_in = input_shape(fields)
    labels = _labels(fields)
    entries = fields.items("layers", 1, MAX_LAYERS)
    fields.done()

    layers: list[Layer] = []
    shape: Shape = shape_in
    for index, entry in enumerate(entries):
        layer = _layer(entry, f"architecture.layers[{index}]", shape)
        numbers = prod(layer.outputs)
        if numbers > MAX_ACTIVATIONS:
            raise InvalidArchitecture(
                f"layer {index} puts out {numbers} numbers, the limit is {MAX_ACTIVATIONS}"
            )
        layers.append(layer)
        shape = layer.outputs
    if len(shape) != 1:
        raise InvalidArchitecture(f"the layers end with shape {shape}; end them with flatten or linear")

    if shape[0] > MAX_TOP_FEATURES:
        raise InvalidArchitecture(
            f"the model has {shape[0]} top-level features, the limit is {MAX_TOP_FEATURES}",
            cost=shape[0],
            limit=MAX_TOP_FEATURES,
        )

    tensors = {f"layers.{i}.{name}": s for i, layer in enumerate(layers) for name, s in layer.tensors.items()}
    tensors |= {"head.weight": (len(labels), shape[0]), "head.bias": (len(labels),)}
    plan = Plan(
        input_shape=shape_in,
        labels=labels,
        layers=tuple(layers),
        features=shape[0],
        tensors=dict(sorted(tensors.items())),
        parameters=sum(prod(s) for s in tensors.values()),
        macs=sum(layer.macs for layer in layers) + shape[0] * len(labels),
    )
    check_bounds(plan.parameters, plan.macs, bounds)
    return plan


def with_labels(design: Architecture, labels: Iterable[int]) -> Architecture:
    """`design` with one output for each of `labels`: what it is to a contributor that has only these."""
    return {**design, "labels": sorted(labels)}


def follows(architecture: Architecture, design: Architecture) -> bool:
    """Whether a checked `architecture` is `design` with all its labels or some of them."""
    labels = architecture["labels"]
    return architecture == with_labels(design, labels) and set(labels) <= set(design["labels"])


def check_bounds(parameters: int, macs: int, bounds: Bounds) -> None:
    """Refuse a model that costs more than `bounds`. Raises InvalidArchitecture."""
    for what, cost, limit in (
        ("parameters", parameters, bounds.parameters),
        ("bytes of weights", 4 * parameters, bounds.weights_bytes),
        ("multiply-accumulates per sample", macs, bounds.macs),
    ):
        if cost > limit:
            raise InvalidArchitecture(
                f"the model has {cost} {what}, the limit is {limit}", cost=cost, limit=limit
            )


def input_shape(fields: Fields) -> tuple[int, int, int]:
    """Channels, height and width, read from an architecture's `input`."""
    entries = fields.items("input", 3, 3)
    channels = fields.bounded(entries[0], "architecture.input[0]", 1, MAX_CHANNELS)
    height = fields.bounded(entries[1], "architecture.input[1]", 1, MAX_SIDE_PIXELS)
    width = fields.bounded(entries[2], "architecture.input[2]", 1, MAX_SIDE_PIXELS)
    return channels, height, width


def _labels(fields: Fields) -> tuple[int, ...]:
    entries = fields.items("labels", 1, MAX_LABELS)
    labels = [
        fields.bounded(e, f"architecture.labels[{i}]", 0, MAX_LABELS - 1) for i, e in enumerate(entries)
    ]
    if sorted(set(labels)) != labels:
        raise InvalidArchitecture(
            f"architecture.labels must ascend without repetition; they are {labels[:9]}"
        )
    return tuple(labels)


def _layer(entry: object, where: str, shape: Shape) -> Layer:
    fields = Fields(entry, where, InvalidArchitecture)
    kind = fields.one_of("kind", KINDS)
    if kind in ("conv", "batch_norm", "max_pool", "avg_pool") and len(shape) != 3:
        raise InvalidArchitecture(f"{where}: {kind} needs channels, height and width; its input is {shape}")
    if kind == "linear" and len(shape) != 1:
        raise InvalidArchitecture(f"{where}: put flatten before the first linear; its input is {shape}")
    layer = _read_layer(kind, fields, shape)
    fields.done()
    return layer


def _read_layer(kind: str, fields: Fields, shape: Shape) -> Layer:
    match kind:
        case "conv":  # stride 1; zero padding keeps height and width, the odd pixel at the bottom and right
            channels, height, width = shape
            out = fields.integer("out", 1, MAX_CHANNELS)
            kernel = fields.integer("kernel", 1, MAX_KERNEL)
            weight = (out, channels, kernel, kernel)
            macs = prod(weight) * height * width
            tensors = {"weight": weight, "bias": (out,)}
            return Layer(kind, shape, (out, height, width), tensors, macs, size=kernel)
        case "linear":
            out = fields.integer("out", 1, MAX_FEATURES)
            return Layer(kind, shape, (out,), {"weight": (out, shape[0]), "bias": (out,)}, out * shape[0])
        case "batch_norm":
            tensors = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), shape[:1])
            return Layer(kind, shape, shape, tensors, prod(shape))
        case "max_pool" | "avg_pool":  # stride equals the window; the remainder is dropped
            channels, height, width = shape
            size = fields.integer("size", 1, min(MAX_KERNEL, height, width))
            return Layer(kind, shape, (channels, height // size, width // size), {}, prod(shape), size=size)
        case "dropout":
            return Layer(kind, shape, shape, {}, 0, rate_ppm=fields.integer("rate_ppm", 0, 900_000))
        case "flatten":
            return Layer(kind, shape, (prod(shape),), {}, 0)
        case _:  # relu
            return Layer(kind, shape, shape, {}, 0)
