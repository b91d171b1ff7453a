"""ml.models.classifier: the module an architecture describes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from ml.architecture import Architecture, check
from ml.bounds import Bounds
from ml.errors import InvalidArchitecture
from ml.models import Classifier, build


def test_build_stateDict_isExactlyThePlan(small_model: Classifier, small_architecture: Architecture) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in small_model.state_dict().items()}

    assert shapes == check(small_architecture).tensors


def test_build_batchNorm_hasFloatTensorsOnly() -> None:
    kinds = [{"kind": "batch_norm"}, {"kind": "flatten"}]
    architecture = {"version": 1, "input": [2, 4, 4], "labels": [0], "layers": kinds}
    model = build(architecture)
    model.train()(torch.rand(8, 2, 4, 4))

    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == check(architecture).tensors
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_build_sameSeed_givesTheSameWeights(small_architecture: Architecture) -> None:
    first, second = build(small_architecture, seed=1), build(small_architecture, seed=1)

    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, build(small_architecture, seed=2).head.weight)


def test_build_withSeed_leavesTheGlobalGeneratorAlone(small_architecture: Architecture) -> None:
    before = torch.random.get_rng_state()
    build(small_architecture, seed=1)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_forward_isTheHeadOverTheFeatures(small_model: Classifier) -> None:
    x_BCHW = torch.rand(5, 1, 4, 4)
    features_BF = small_model.features(x_BCHW)

    assert features_BF.shape == (5, 4)
    assert torch.equal(small_model(x_BCHW), small_model.head(features_BF))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 10])
def test_convolution_ofAnyKernel_equalsTorchsSamePadding(kernel: int) -> None:
    conv: dict[str, Any] = {"kind": "conv", "out": 3, "kernel": kernel}
    model = build(
        {"version": 1, "input": [2, 9, 7], "labels": [0], "layers": [conv, {"kind": "flatten"}]}, seed=1
    )
    x_BCHW = torch.rand(4, 2, 9, 7)

    layer = model.layers[0]
    assert isinstance(layer, torch.nn.Conv2d)
    expected = functional.conv2d(x_BCHW, layer.weight, layer.bias, padding="same")
    torch.testing.assert_close(layer(x_BCHW), expected)


def test_build_aboveTheBounds_isRefused(small_architecture: Architecture) -> None:
    with pytest.raises(InvalidArchitecture, match="97 parameters"):
        build(small_architecture, Bounds(parameters=10))
