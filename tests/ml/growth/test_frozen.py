"""ml.growth.frozen: one changed bit of an old tensor is found, and so is a class that moved."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from ml import weights
from ml.errors import InvalidArchitecture, InvalidGrowth, InvalidPackage
from ml.growth import Grown, check_extension, check_frozen, from_bytes, to_bytes


def without(tensors: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: tensor for other, tensor in tensors.items() if other != name}


def test_frozen_honestGrowth_passes(parent: Grown, child: Grown) -> None:
    check_frozen(to_bytes(parent), to_bytes(child))
    check_extension(parent.architecture, child.architecture)


@pytest.mark.parametrize("name", ["base.scattering.low", "part.000.directions", "part.000.temperature"])
def test_frozen_oneUlp_isFoundAndNamed(parent: Grown, child: Grown, name: str) -> None:
    tensors = {n: t.clone() for n, t in child.tensors.items()}
    flat = tensors[name].view(-1)
    flat[-1] = torch.nextafter(flat[-1], torch.tensor(float("inf")))

    with pytest.raises(InvalidGrowth, match=f"old tensor {name} changed at number {len(flat) - 1}$"):
        check_frozen(to_bytes(parent), weights.pack(tensors))


def test_frozen_negativeZero_isAChange(parent: Grown, child: Grown) -> None:
    old = parent.tensors | {"part.000.noise": torch.zeros(1)}
    new = child.tensors | {"part.000.noise": -torch.zeros(1)}

    with pytest.raises(InvalidGrowth, match=r"part\.000\.noise changed"):
        check_frozen(weights.pack(old), weights.pack(new))


def test_frozen_missingTensor_isNamed(parent: Grown, child: Grown) -> None:
    with pytest.raises(InvalidGrowth, match=r"part\.000\.mean is missing"):
        check_frozen(to_bytes(parent), weights.pack(without(child.tensors, "part.000.mean")))


def test_frozen_reshapedTensor_isNamed(parent: Grown, child: Grown) -> None:
    shorter = child.tensors | {"part.000.mean": child.tensors["part.000.mean"][:3].contiguous()}

    with pytest.raises(InvalidGrowth, match=r"part\.000\.mean was \[4, 304\], it is \[3, 304\]"):
        check_frozen(to_bytes(parent), weights.pack(shorter))


def test_frozen_newTensorAmongOldOnes_isRefused(parent: Grown, child: Grown) -> None:
    with pytest.raises(InvalidGrowth, match=r"new tensor base\.extra stands before"):
        check_frozen(to_bytes(parent), weights.pack(child.tensors | {"base.extra": torch.ones(1)}))


def test_frozen_nothingNew_isRefused(parent: Grown) -> None:
    with pytest.raises(InvalidGrowth, match="no new tensor"):
        check_frozen(to_bytes(parent), to_bytes(parent))


def test_frozen_shrunkModel_isRefused(parent: Grown, child: Grown) -> None:
    with pytest.raises(InvalidGrowth, match=r"part\.001\.directions is missing"):
        check_frozen(to_bytes(child), to_bytes(parent))


def test_frozen_noWeightsFile_isRefused(parent: Grown) -> None:
    with pytest.raises(InvalidPackage, match="Python pickle"):
        check_frozen(to_bytes(parent), b"\x80\x04pickle")


def edited(architecture: Any, **first_part: object) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(dict(architecture))
    document["parts"][0] |= first_part
    return document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 1, 2]}, "drops class 3"),
        ({"labels": [0, 1, 2, 9]}, "drops class 3"),
        ({"labels": [1, 0, 2, 3]}, r"reorders classes: \[0, 1, 2, 3\] became \[1, 0, 2, 3\]"),
        ({"directions": 11}, "changes an old part"),
    ],
)
def test_extension_thatChangesAnOldPart_isRefused(
    parent: Grown, child: Grown, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidGrowth, match=message):
        check_extension(parent.architecture, edited(child.architecture, **change))


def test_extension_classThatExists_isRefused(parent: Grown, child: Grown) -> None:
    document: dict[str, Any] = copy.deepcopy(dict(child.architecture))
    document["parts"][1]["labels"] = [3, 5, 6]

    with pytest.raises(InvalidArchitecture, match="names class 3, which is there already"):
        check_extension(parent.architecture, document)


def test_extension_otherBase_isRefused(parent: Grown, child: Grown) -> None:
    document: dict[str, Any] = copy.deepcopy(dict(child.architecture))
    document["base"]["scattering"]["orientations"] = 3

    with pytest.raises(InvalidGrowth, match="changes the architecture's base"):
        check_extension(parent.architecture, document)


def test_extension_withoutAPart_isRefused(parent: Grown) -> None:
    with pytest.raises(InvalidGrowth, match="adds no part"):
        check_extension(parent.architecture, parent.architecture)


def test_extension_ofAnEarlierHead_isRefused(child: Grown, parent: Grown, sibling: Grown) -> None:
    """The head moved from parent to child while sibling was taught."""
    with pytest.raises(InvalidGrowth, match="drops class 4"):
        check_extension(child.architecture, sibling.architecture)


@pytest.mark.parametrize("cut", [1, 9, 1_000])
def test_fromBytes_shortenedFile_isRefused(parent: Grown, cut: int) -> None:
    with pytest.raises(InvalidPackage):
        from_bytes(to_bytes(parent)[:-cut], parent.architecture)


def test_fromBytes_ofAnotherArchitecture_isRefused(parent: Grown, child: Grown) -> None:
    with pytest.raises(InvalidPackage, match=r"lacks the tensors part\.001\.directions, part\.001\.mean"):
        from_bytes(to_bytes(parent), child.architecture)


def test_fromBytes_withNaN_isRefused(parent: Grown) -> None:
    data = bytearray(to_bytes(parent))
    data[-4:] = bytes.fromhex("0000c07f")

    with pytest.raises(InvalidPackage, match="NaN or infinity"):
        from_bytes(bytes(data), parent.architecture)
