"""The data-free block: a scattering transform of two orders with fixed Morlet filters.

Waves at several scales and orientations, the modulus, an average over 2**scales pixels; and the same again on
every modulus (Bruna & Mallat, PAMI 2013, "Invariant scattering convolution networks"). The filters are
stored with the model, so nobody has to compute a cosine alike.
Shapes: B batch, H height, W width, M x N the grid of pixels with their frame, J scales, O orientations.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.architecture import Shape
from ml.growth.part import Scattering

WIDTH: Final = 0.8  # standard deviation of the finest filter's envelope in pixels
FREQUENCY: Final = 0.75 * np.pi  # of the finest wave, radians a pixel
WRAPS: Final = 2  # copies of the grid on each side that a filter's tails are summed over


def filters(block: Scattering) -> dict[str, Tensor]:
    """The two frozen tensors of a block: Fourier transforms (real) of the average and of the waves."""
    waves = [
        [
            _wave(block.grid, scale, turn * np.pi / block.orientations, 4 / block.orientations)
            for turn in range(block.orientations)
        ]
        for scale in range(block.scales)
    ]
    low = _bump(block.grid, WIDTH * 2 ** (block.scales - 1), 0.0, 0.0, 1.0)
    return {
        "band": torch.from_numpy(np.fft.fft2(np.array(waves)).real.astype(np.float32)),
        "low": torch.from_numpy(np.fft.fft2(low).real.astype(np.float32)),
    }


class Transform:
    """Scattering with given filters, in float64; the result is rounded to float32."""

    def __init__(self, block: Scattering, low: Tensor, band: Tensor) -> None:
        self.block = block
        # each filter as it is on grids that were halved 0, 1, ... times: its spectrum folded
        self._low = [_folded(low.double(), k) for k in range(block.scales)]
        self._band = [_folded(band.double(), k) for k in range(block.scales)]

    def __call__(self, x_B1HW: Tensor) -> Tensor:
        """features_BF: the averages of all maps, channel by channel."""
        scales, batch = self.block.scales, len(x_B1HW)
        spectrum_B1MN = torch.fft.fft2(functional.pad(x_B1HW, _frame(x_B1HW.shape, self.block.grid)).double())
        averages, second = [self._average(spectrum_B1MN, 0)], []
        for fine in range(scales):
            first_BOMN = self._modulus(spectrum_B1MN * self._band[0][fine], fine)
            averages.append(self._average(first_BOMN, fine))
            for coarse in range(fine + 1, scales):
                paths = first_BOMN[:, :, None] * self._band[fine][coarse]
                again = self._modulus(paths.flatten(1, 2), coarse - fine)
                second.append(self._average(again, coarse))
        return torch.cat(averages + second, dim=1).reshape(batch, -1).float()

    def _modulus(self, spectrum_BCMN: Tensor, halvings: int) -> Tensor:
        """The spectrum of the modulus, on a grid halved so many times more."""
        map_BCMN = torch.fft.ifft2(_aliased(spectrum_BCMN, halvings)).abs()
        again_BCMN: Tensor = torch.fft.fft2(map_BCMN)
        return again_BCMN

    def _average(self, spectrum_BCMN: Tensor, halved: int) -> Tensor:
        spectrum = _aliased(spectrum_BCMN * self._low[halved], self.block.scales - halved)
        average_BCMN: Tensor = torch.fft.ifft2(spectrum).real
        return average_BCMN


def _frame(shape: torch.Size, grid: tuple[int, int]) -> tuple[int, int, int, int]:
    rows, columns = grid[0] - shape[-2], grid[1] - shape[-1]
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def _blocks(spectrum: Tensor, halvings: int) -> Tensor:
    *front, rows, columns = spectrum.shape
    parts = 1 << halvings
    return spectrum.reshape(*front, parts, rows >> halvings, parts, columns >> halvings)


def _folded(spectrum: Tensor, halvings: int) -> Tensor:
    """The spectrum of a filter whose samples are taken at every 2**halvings-th pixel, at the same gain."""
    return _blocks(spectrum, halvings).sum((-4, -2))


def _aliased(spectrum: Tensor, halvings: int) -> Tensor:
    """The spectrum of every 2**halvings-th pixel of a map."""
    return _blocks(spectrum, halvings).mean((-4, -2)) if halvings else spectrum


def _wave(grid: Shape, scale: int, angle: float, slant: float) -> NDArray[np.complex128]:
    """A Morlet wavelet: a wave under a bump, less as much of the bump as makes its mean zero."""
    width, frequency = WIDTH * 2**scale, FREQUENCY / 2**scale
    wave = _bump(grid, width, angle, frequency, slant)
    bump = _bump(grid, width, angle, 0.0, slant)
    level: NDArray[np.complex128] = wave.sum() / bump.sum() * bump
    return wave - level


def _bump(grid: Shape, width: float, angle: float, frequency: float, slant: float) -> NDArray[np.complex128]:
    """A Gaussian of this `width` along `angle` and width / slant across it, times a wave; wrapped around."""
    total = np.zeros(grid, dtype=np.complex128)
    for down in range(-WRAPS, WRAPS + 1):
        for right in range(-WRAPS, WRAPS + 1):
            row, column = np.mgrid[: grid[0], : grid[1]]
            row, column = row + down * grid[0], column + right * grid[1]
            along = row * np.cos(angle) + column * np.sin(angle)
            across = column * np.cos(angle) - row * np.sin(angle)
            envelope = np.exp(-(along**2 + (slant * across) ** 2) / (2 * width**2))
            total += envelope * np.exp(1j * frequency * along)
    return total * slant / (2 * np.pi * width**2)
