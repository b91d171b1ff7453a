"""Archives and checkpoints for the history's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ml.history.archive import Archive
from ml.history.tensors import raw_bytes

Checkpoint = dict[str, Tensor]
Same = Callable[[Checkpoint, Checkpoint], bool]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open(tmp_path / "archive")


@pytest.fixture
def same() -> Same:
    """Whether two checkpoints agree in names, dtypes, shapes and every byte."""

    def description(tensors: Checkpoint) -> dict[str, tuple[torch.dtype, torch.Size, bytes]]:
        return {name: (each.dtype, each.shape, bytes(raw_bytes(each))) for name, each in tensors.items()}

    return lambda left, right: description(left) == description(right)


@pytest.fixture
def epochs() -> Callable[[int], list[Checkpoint]]:
    """As many checkpoints of a small network, each a little different from the one before."""

    def walk(count: int) -> list[Checkpoint]:
        generator = torch.Generator().manual_seed(1)
        weight = torch.randn(64, 32, generator=generator)
        found = []
        for step in range(count):
            weight = weight + 1e-4 * torch.randn(64, 32, generator=generator)
            found.append(
                {
                    "weights/body": torch.arange(300, dtype=torch.float32).sin(),
                    "weights/head": weight,
                    "state/step": torch.tensor(step),
                }
            )
        return found

    return walk
