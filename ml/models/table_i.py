"""The five CNNs of Mendis et al., Table I: three convolutions, two 2x2 max-pools, a hidden layer of 500.

The table gives no activation; rectifiers follow every pool, the last convolution and the hidden layer (before
or after a max-pool they give the same numbers, after it at a quarter of the work). Convolutions keep the
image size, as the table's reshaped sizes demand (28x28 -> 14x14 -> 7x7: 392, 784, 784, 588, 392 numbers).
"""

from __future__ import annotations

from collections.abc import Sequence

from ml.architecture import VERSION, Architecture, check
from ml.errors import InvalidArchitecture

HIDDEN = 500
KERNELS: dict[int, tuple[tuple[int, int], ...]] = {  # (kernels, side in pixels) of the three convolutions
    1: ((32, 5), (16, 5), (8, 2)),
    2: ((64, 5), (32, 5), (16, 2)),
    3: ((32, 5), (32, 10), (16, 4)),
    4: ((16, 10), (16, 10), (12, 5)),
    5: ((16, 10), (16, 5), (8, 5)),
}


def table_i(
    number: int, labels: Sequence[int] = tuple(range(10)), input_shape: Sequence[int] = (1, 28, 28)
) -> Architecture:
    """The architecture of Computing Contributor `number` (1 to 5) with one output for each of `labels`."""
    if number not in KERNELS:
        raise InvalidArchitecture(f"Table I has contributors 1 to {len(KERNELS)}, not {number}")
    first, second, third = ({"kind": "conv", "out": out, "kernel": side} for out, side in KERNELS[number])
    relu: dict[str, object] = {"kind": "relu"}
    pool: dict[str, object] = {"kind": "max_pool", "size": 2}
    layers: list[dict[str, object]] = [first, pool, relu, second, pool, relu, third, relu]
    layers += [{"kind": "flatten"}, {"kind": "linear", "out": HIDDEN}, relu]
    architecture = {"version": VERSION, "input": list(input_shape), "labels": list(labels), "layers": layers}
    check(architecture)
    return architecture
