"""Recovery rate: the share of a run's epochs that can be restored (Bae & Shin 2021, eq. 1 and Fig. 7).

Measured, not worked out: after each epoch every epoch so far is restored, and its bytes are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from safetensors.torch import load, save
from torch import Tensor

from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.tensors import weights_file

KEPT: Final = (
    5  # max_to_keep in the examples of TensorFlow's CheckpointManager, which the paper compares with
)


class Policy(Protocol):
    """A way to keep checkpoints."""

    def keep(self, epoch: int, tensors: Mapping[str, Tensor]) -> None:
        """Keep what was trained in this epoch."""

    def restore(self, epoch: int) -> Mapping[str, Tensor] | None:
        """What was kept of an epoch, None when it is gone."""


class Everything:
    """The archive of the ledger: nothing is ever removed."""

    def __init__(self, folder: Path) -> None:
        self._archive = Archive.open(folder)
        self._packs: dict[int, bytes] = {}
        self._last: bytes | None = None

    def keep(self, epoch: int, tensors: Mapping[str, Tensor]) -> None:
        """As Policy says."""
        self._last = self._packs[epoch] = self._archive.put(tensors, self._last).pack

    def restore(self, epoch: int) -> Mapping[str, Tensor] | None:
        """As Policy says."""
        return self._archive.get(self._packs[epoch]) if epoch in self._packs else None


class KeepLast:
    """A file an epoch, and the oldest deleted once there are more than `count`."""

    def __init__(self, folder: Path, count: int = KEPT) -> None:
        self._folder = folder
        self._count = count
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, epoch: int, tensors: Mapping[str, Tensor]) -> None:
        """As Policy says."""
        self._file(epoch).write_bytes(save({name: tensor.contiguous() for name, tensor in tensors.items()}))
        for old in sorted(self._folder.glob("*.safetensors"))[: -self._count]:
            old.unlink()

    def restore(self, epoch: int) -> Mapping[str, Tensor] | None:
        """As Policy says."""
        file = self._file(epoch)
        return load(file.read_bytes()) if file.exists() else None

    def _file(self, epoch: int) -> Path:
        return self._folder / f"{epoch:06d}.safetensors"


def recovery_rates(policy: Policy, epochs: Iterable[Mapping[str, Tensor]]) -> dict[int, float]:
    """For n = 1, 2, …: the share of epochs 1 to n that `policy` restores to the same bytes after epoch n.

    epochs: the tensors at the end of each epoch, in order.
    """
    known: dict[int, bytes] = {}
    rates = {}
    for number, tensors in enumerate(epochs, 1):
        known[number] = _digest(tensors)
        policy.keep(number, tensors)
        restored = [policy.restore(epoch) for epoch in known]
        same = [
            found is not None and _digest(found) == digest
            for found, digest in zip(restored, known.values(), strict=True)
        ]
        rates[number] = sum(same) / number
    return rates


def _digest(tensors: Mapping[str, Tensor]) -> bytes:
    return sha256(weights_file(dict(tensors)))
