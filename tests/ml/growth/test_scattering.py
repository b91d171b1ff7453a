"""ml.growth.scattering: filters that come from integers alone, and what they make of an image."""

from __future__ import annotations

import pytest
import torch

from ml.data.samples import Samples
from ml.growth.part import Scattering
from ml.growth.scattering import Transform, filters

BLOCK = Scattering(scales=2, orientations=3, grid=(32, 32))


@pytest.fixture(scope="module")
def transform() -> Transform:
    return Transform(BLOCK, **filters(BLOCK))


def test_filters_wavesSeeNoConstant_andTheAverageKeepsIt() -> None:
    found = filters(BLOCK)

    assert found["band"][..., 0, 0].abs().max() < 1e-6
    assert found["low"][0, 0] == pytest.approx(1, abs=0.01)


def test_transform_hasTheFeaturesOfItsBlock(transform: Transform, some: Samples) -> None:
    assert transform(some.tensor()[:3]).shape == (3, BLOCK.features) == (3, 16 * 8 * 8)


def test_transform_blackImage_isZero(transform: Transform) -> None:
    assert transform(torch.zeros(1, 1, 28, 28)).abs().max() == 0


def test_transform_smallShift_changesLittle_besidePixels(transform: Transform, some: Samples) -> None:
    x = some.tensor()[:16]
    moved = torch.roll(x, 1, dims=3)
    pixels = (moved - x).norm() / x.norm()
    features = (transform(moved) - transform(x)).norm() / transform(x).norm()

    assert features < pixels / 2


def test_transform_anyBatch_givesTheSame(transform: Transform, some: Samples) -> None:
    x = some.tensor()[:6]

    torch.testing.assert_close(
        transform(x), torch.cat([transform(x[:1]), transform(x[1:])]), rtol=0, atol=1e-7
    )
