"""Recovery rates, measured on real files (Bae & Shin, Fig. 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ml.history.recovery import Everything, KeepLast, recovery_rates


def _epochs(count: int) -> Iterator[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(40, 30, generator=generator)
    for _ in range(count):
        weights = weights + 0.01 * torch.randn(40, 30, generator=generator)
        yield {"weights/layer": weights}


def test_recoveryRate_ofKeepLast5_is5OverN(tmp_path: Path) -> None:
    rates = recovery_rates(KeepLast(tmp_path), _epochs(50))
    assert [rates[n] for n in (1, 5, 6, 10, 25, 50)] == [1.0, 1.0, 5 / 6, 0.5, 0.2, 0.1]
    assert len(list(tmp_path.iterdir())) == 5


def test_recoveryRate_ofTheArchive_isOne(tmp_path: Path) -> None:
    assert recovery_rates(Everything(tmp_path), _epochs(50)) == dict.fromkeys(range(1, 51), 1.0)


def test_recoveryRate_ofAPolicyThatRestoresOtherBytes_isLower(tmp_path: Path) -> None:
    class Rounds(KeepLast):
        def restore(self, epoch: int) -> Mapping[str, Tensor] | None:
            found = super().restore(epoch)
            return None if found is None else {name: t.bfloat16().float() for name, t in found.items()}

    assert set(recovery_rates(Rounds(tmp_path), _epochs(6)).values()) == {0.0}
