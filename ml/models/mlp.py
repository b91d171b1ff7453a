"""The plain multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from ml.architecture import VERSION, Architecture, check


def mlp(
    labels: Sequence[int] = tuple(range(10)),
    input_shape: Sequence[int] = (1, 28, 28),
    hidden: Sequence[int] = (256, 128),
) -> Architecture:
    """Fully connected layers of the `hidden` sizes with rectifiers, one output for each of `labels`."""
    layers: list[dict[str, object]] = [{"kind": "flatten"}]
    for size in hidden:
        layers += [{"kind": "linear", "out": size}, {"kind": "relu"}]
    architecture = {"version": VERSION, "input": list(input_shape), "labels": list(labels), "layers": layers}
    check(architecture)
    return architecture
