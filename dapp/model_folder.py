"""A trained model as a folder: manifest.json and weights.safetensors."""

from __future__ import annotations

from pathlib import Path

from ml import whole
from ml.bounds import CEILING, MAX_DOCUMENT_BYTES
from ml.errors import InvalidPackage
from ml.manifest import Manifest

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"


def write(folder: Path, manifest: Manifest, weights: bytes) -> None:
    """Write both files, the manifest last: where it lies, the weights are whole."""
    (folder / MANIFEST).unlink(missing_ok=True)
    whole.write(folder / WEIGHTS, weights)
    whole.write(folder / MANIFEST, manifest.to_bytes())


def read(folder: Path) -> tuple[Manifest, bytes]:
    """The model in `folder`. Raises FileNotFoundError, InvalidManifest, InvalidPackage."""
    weights = _bounded(folder / WEIGHTS, CEILING.weights_bytes + 1_000_000)
    return Manifest.from_bytes(_bounded(folder / MANIFEST, MAX_DOCUMENT_BYTES)), weights


def _bounded(path: Path, max_bytes: int) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    size = path.stat().st_size
    if size > max_bytes:
        raise InvalidPackage(f"{path} has {size} bytes, the limit is {max_bytes}")
    return path.read_bytes()
