"""Recovery rate (Bae & Shin, eq. 1 and Fig. 7): after n epochs, to how many of them can one go back?

    rate(n) = |{ D_target in D_1 .. D_n that is restored, to the byte }| / n

With five checkpoints kept that is the paper's D_target >= D_end - 5, hence min(1, 5/n); the ledger's is 1 for
every n. Here neither is computed: each earlier epoch is restored and its bytes are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ml.canonical import sha256
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.tensors import raw_bytes

KEEP: Final = 5  # max_to_keep of TensorFlow's CheckpointManager as its guide uses it, and the paper's figure


class Keeper(Protocol):
    """A policy of keeping checkpoints, which are named by the epoch, from 1."""

    def save(self, epoch: int, tensors: Mapping[str, Tensor]) -> None: ...

    def restore(self, epoch: int) -> dict[str, Tensor] | None:
        """The checkpoint as it was saved, or None when it is no more."""
        ...


class KeepLast:
    """As TensorFlow's CheckpointManager(max_to_keep=k): a file a checkpoint, the oldest deleted."""

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        self._folder = folder
        self._keep = keep
        self._kept: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, epoch: int, tensors: Mapping[str, Tensor]) -> None:
        """Write a file, then delete those beyond the last k."""
        path = self._path(epoch)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
        self._kept.append(path)
        while len(self._kept) > self._keep:
            self._kept.pop(0).unlink()

    def restore(self, epoch: int) -> dict[str, Tensor] | None:
        """What the file holds, if it is there."""
        try:
            return load_file(self._path(epoch))
        except (FileNotFoundError, SafetensorError):
            return None

    def _path(self, epoch: int) -> Path:
        return self._folder / f"ckpt-{epoch}.safetensors"


class KeepAll:
    """Ours: every checkpoint in an archive, each stored as what changed."""

    def __init__(self, folder: Path) -> None:
        self._archive = Archive.open(folder)
        self._packs: dict[int, bytes] = {}
        self._last: bytes | None = None

    def save(self, epoch: int, tensors: Mapping[str, Tensor]) -> None:
        """Put it after the one saved before."""
        self._last = self._packs[epoch] = self._archive.put(tensors, self._last).pack

    def restore(self, epoch: int) -> dict[str, Tensor] | None:
        """What the archive restores; None if it cannot."""
        try:
            return self._archive.get(self._packs[epoch])
        except QuorateError:
            return None


@dataclass(frozen=True)
class RecoveryRates:
    """By number of epochs n: the share of epochs 1..n restored to the byte, in parts per million."""

    rate_ppm: Mapping[int, int]
    restored: Mapping[int, tuple[int, ...]]  # which epochs those were


def recovery_rates(keeper: Keeper, checkpoints: Iterable[Mapping[str, Tensor]]) -> RecoveryRates:
    """Save one checkpoint after the other; after each, restore every epoch so far and compare bytes."""
    saved: dict[int, bytes] = {}
    restored: dict[int, tuple[int, ...]] = {}
    for epoch, tensors in enumerate(checkpoints, 1):
        keeper.save(epoch, tensors)
        saved[epoch] = fingerprint(tensors)
        restored[epoch] = tuple(earlier for earlier in saved if _is_back(keeper, earlier, saved[earlier]))
    rates = {n: round(1_000_000 * len(epochs) / n) for n, epochs in restored.items()}
    return RecoveryRates(rates, restored)


def compare(
    folder: Path, checkpoints: Callable[[], Iterable[Mapping[str, Tensor]]]
) -> dict[str, RecoveryRates]:
    """Ours and keep-last-5 on the same checkpoints, which `checkpoints` gives anew for each."""
    return {
        "ours": recovery_rates(KeepAll(folder / "ours"), checkpoints()),
        f"keep_last_{KEEP}": recovery_rates(KeepLast(folder / "keep-last"), checkpoints()),
    }


def fingerprint(tensors: Mapping[str, Tensor]) -> bytes:
    """SHA-256 over names, dtypes, shapes and bytes."""
    parts = [
        f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode() + sha256(raw_bytes(tensor).tobytes())
        for name, tensor in sorted(tensors.items())
    ]
    return sha256(b"".join(parts))


def _is_back(keeper: Keeper, epoch: int, digest: bytes) -> bool:
    tensors = keeper.restore(epoch)
    return tensors is not None and fingerprint(tensors) == digest
