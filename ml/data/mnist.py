"""MNIST (LeCun et al., 1998): 60,000 + 10,000 handwritten digits of 28x28, in four idx files."""

from __future__ import annotations

import gzip
import hashlib
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml import whole
from ml.data.samples import Dataset, Samples
from ml.errors import DatasetUnavailable

MIRRORS: Final = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MAX_GZIP_BYTES: Final = 16 * 1024 * 1024
TIMEOUT_SECONDS: Final = 20


@dataclass(frozen=True)
class IdxFile:
    """One of the four files: its name, and the length and SHA-256 of its contents once uncompressed."""

    name: str
    raw_bytes: int
    raw_sha256: str
    shape: tuple[int, ...]


FILES: Final = (
    IdxFile(
        "train-images-idx3-ubyte.gz",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        (60_000, 28, 28),
    ),
    IdxFile(
        "train-labels-idx1-ubyte.gz",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        (60_000,),
    ),
    IdxFile(
        "t10k-images-idx3-ubyte.gz",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        (10_000, 28, 28),
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte.gz",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        (10_000,),
    ),
)


def load(
    directory: Path | None = None, cache: Path | None = None, mirrors: Sequence[str] = MIRRORS
) -> Dataset:
    """MNIST from `directory`; else from `cache`; else downloaded from `mirrors` into `cache`.

    Every file is checked against its SHA-256 whatever its source. Raises DatasetUnavailable: with a
    `directory` that lacks a file or holds a wrong one, or when no mirror gives the right bytes.
    """
    train_images, train_labels, test_images, test_labels = (
        _array(f, directory, cache, mirrors) for f in FILES
    )
    return Dataset(
        name="mnist",
        train=Samples(train_images, train_labels.astype(np.int64)),
        test=Samples(test_images, test_labels.astype(np.int64)),
        labels=tuple("0123456789"),
        input_shape=(1, 28, 28),
    )


def _array(
    file: IdxFile, directory: Path | None, cache: Path | None, mirrors: Sequence[str]
) -> NDArray[np.uint8]:
    raw = _raw(file, directory, cache, mirrors)
    header = 4 + 4 * len(file.shape)  # two zero bytes, type, rank; then one 4-byte length per axis
    return np.frombuffer(raw, np.uint8, offset=header).reshape(file.shape)


def _raw(file: IdxFile, directory: Path | None, cache: Path | None, mirrors: Sequence[str]) -> bytes:
    if directory is not None:
        path = directory / file.name
        if not path.is_file():
            raise DatasetUnavailable(
                f"{path} is missing",
                fix=f"Put {file.name} there, or unset MNIST_DIR to let it be downloaded.",
            )
        return _uncompressed(file, path.read_bytes(), str(path))
    if cache is None:
        raise DatasetUnavailable("no folder with MNIST was named and none to download it into")
    path = cache / file.name
    if path.is_file():
        return _uncompressed(file, path.read_bytes(), str(path))
    return _download(file, path, mirrors)


def _download(file: IdxFile, path: Path, mirrors: Sequence[str]) -> bytes:
    tried: list[str] = []
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + file.name, timeout=TIMEOUT_SECONDS) as answer:
                packed: bytes = answer.read(MAX_GZIP_BYTES + 1)
            raw = _uncompressed(file, packed, mirror)
        except (OSError, urllib.error.URLError, ValueError, DatasetUnavailable) as error:
            tried.append(f"{mirror} ({error})")
            continue
        whole.write(path, packed)
        return raw
    raise DatasetUnavailable(
        f"{file.name} could be downloaded from none of: {'; '.join(tried)}", retryable=True
    )


def _uncompressed(file: IdxFile, packed: bytes, source: str) -> bytes:
    """The idx bytes, unpacking no more than expected. Raises DatasetUnavailable if the SHA-256 differs."""
    wrong = DatasetUnavailable(
        f"{source} does not hold the original {file.name}: its SHA-256 differs",
        fix=f"Delete {source} and fetch {file.name} again.",
    )
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        raw = unpacker.decompress(packed, file.raw_bytes + 1)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise wrong from error
    if hashlib.sha256(raw).hexdigest() != file.raw_sha256:
        raise wrong
    return raw
