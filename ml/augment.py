"""Random distortions of grey images, in batches: shift, rotation, scale, shear, and elastic warps.

Data-space warping beats feature-space oversampling on small samples of MNIST (Wong et al., 2016, arXiv
1609.08764); elastic warps after Simard et al., ICDAR 2003. Shapes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from ml.data.samples import Samples

CHUNK = 2_048  # images distorted at a time: about 13 MB of grids


@dataclass(frozen=True)
class Augmentation:
    """How far images may be distorted; each amount is drawn evenly between its negative and itself."""

    rotation_degrees: float = 15.0
    shift: float = 0.1  # share of the image side
    scale: float = 0.15
    shear: float = 0.2
    elastic: float = 0.04  # one sigma of a grid point's move, as a share of the image side
    elastic_grid: int = 5  # points of that coarse grid along each side


MODERATE: Final = Augmentation()
"""For handwriting: what a reader would still call the same digit."""


def distort(x_BCHW: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """A distorted copy of each image, the same for the same state of `generator`."""
    batch, _, height, width = x_BCHW.shape
    grid_BHW2 = functional.affine_grid(
        _affine(batch, augmentation, generator), [batch, 1, height, width], align_corners=False
    )
    if augmentation.elastic > 0:
        side = augmentation.elastic_grid
        coarse_B2GG = torch.randn(batch, 2, side, side, generator=generator) * (2 * augmentation.elastic)
        warp_B2HW = functional.interpolate(coarse_B2GG, (height, width), mode="bicubic", align_corners=True)
        grid_BHW2 = grid_BHW2 + warp_B2HW.permute(0, 2, 3, 1)
    return functional.grid_sample(
        x_BCHW, grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=False
    )


def distorted_copies(samples: Samples, copies: int, augmentation: Augmentation, seed: int) -> Samples:
    """`samples`, then `copies` distorted versions of all of them, as bytes like the originals.

    Because the result is a sample set with a digest, features of it can be cached like any others.
    """
    generator = Generator().manual_seed(seed)
    x_BCHW = samples.tensor()
    parts = [samples.images_NHW]
    for _ in range(copies):
        for start in range(0, len(samples), CHUNK):
            moved_BCHW = distort(x_BCHW[start : start + CHUNK], augmentation, generator)
            parts.append(moved_BCHW.squeeze(1).mul(255).round_().to(torch.uint8).numpy())
    return Samples(np.concatenate(parts), np.tile(samples.labels_N, copies + 1))


def _affine(batch: int, augmentation: Augmentation, generator: Generator) -> Tensor:
    """Matrices from output to input coordinates, theta_B23."""
    draws_6B = torch.rand(6, batch, generator=generator) * 2 - 1
    angle_B = draws_6B[0] * math.radians(augmentation.rotation_degrees)
    scale_B = 1 + draws_6B[1] * augmentation.scale
    shear_B = draws_6B[2] * augmentation.shear
    stretch_B = 1 + draws_6B[3] * augmentation.scale
    cos_B, sin_B = torch.cos(angle_B), torch.sin(angle_B)
    theta_B23 = torch.empty(batch, 2, 3)
    theta_B23[:, 0, 0] = cos_B * scale_B
    theta_B23[:, 0, 1] = (cos_B * shear_B - sin_B) * scale_B
    theta_B23[:, 1, 0] = sin_B * stretch_B
    theta_B23[:, 1, 1] = (sin_B * shear_B + cos_B) * stretch_B
    theta_B23[:, :, 2] = (draws_6B[4:6] * 2 * augmentation.shift).T
    return theta_B23
