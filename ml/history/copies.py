"""Many tensors copied at once, at the speed of memory."""

from __future__ import annotations

import torch
from torch import Tensor


class Copies:
    """Tensors as they are when `take` is called; then they may change.

    All of one dtype and device are copied into one block: to allocate memory for each would take several
    times as long as the copying. `tensors` does that, and may be called on another thread.
    """

    def __init__(self) -> None:
        self._tensors: list[Tensor] = []
        self._shapes: list[torch.Size] = []
        self._blocks: list[tuple[list[int], Tensor]] = []  # indices, and their numbers one after the other

    def add(self, tensor: Tensor) -> int:
        """Its index in what `tensors` returns."""
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def take(self) -> None:
        """Copy all of them now."""
        groups: dict[tuple[torch.dtype, torch.device], list[int]] = {}
        with torch.no_grad():
            for index, tensor in enumerate(self._tensors):
                groups.setdefault((tensor.dtype, tensor.device), []).append(index)
            for indices in groups.values():
                block = torch.cat([self._tensors[index].reshape(-1) for index in indices])
                self._blocks.append((indices, block.cpu()))
        self._shapes = [tensor.shape for tensor in self._tensors]
        self._tensors = []

    def tensors(self) -> list[Tensor]:
        """The copies in main memory, in the usual order, shared with nobody."""
        copies: dict[int, Tensor] = {}
        for indices, block in self._blocks:
            parts = block.split([self._shapes[index].numel() for index in indices])
            copies |= {
                index: part.clone().reshape(self._shapes[index])
                for index, part in zip(indices, parts, strict=True)
            }
        return [copies[index] for index in range(len(copies))]
