"""ml.models.mlp: the plain perceptron."""

from __future__ import annotations

import pytest

from ml.architecture import check
from ml.errors import InvalidArchitecture
from ml.models.mlp import mlp


def test_mlp_twoHiddenLayers_hasTheseTensors() -> None:
    assert check(mlp(labels=(3, 4), input_shape=(1, 2, 3), hidden=(5, 4))).tensors == {
        "head.bias": (2,),
        "head.weight": (2, 4),
        "layers.1.bias": (5,),
        "layers.1.weight": (5, 6),
        "layers.3.bias": (4,),
        "layers.3.weight": (4, 5),
    }


def test_mlp_withAnAbsurdLayer_isRefused() -> None:
    with pytest.raises(InvalidArchitecture, match="between 1 and 65536"):
        mlp(hidden=(10**9,))
