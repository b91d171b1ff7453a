"""ml.data.mnist: the right bytes from a folder, a cache or a mirror, or a clear refusal."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ml.data import load, mnist
from ml.data.mnist import IdxFile
from ml.errors import DatasetUnavailable


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.tobytes()


TRAIN_IMAGES = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)
TEST_IMAGES = TRAIN_IMAGES[:2] + 100
ARRAYS = {
    "train-images-idx3-ubyte.gz": TRAIN_IMAGES,
    "train-labels-idx1-ubyte.gz": np.array([5, 0, 4], dtype=np.uint8),
    "t10k-images-idx3-ubyte.gz": TEST_IMAGES,
    "t10k-labels-idx1-ubyte.gz": np.array([7, 2], dtype=np.uint8),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small idx files in MNIST's format, with their own checksums in place of MNIST's."""
    files = []
    directory = tmp_path / "mnist"
    directory.mkdir()
    for name, array in ARRAYS.items():
        raw = idx(array)
        (directory / name).write_bytes(gzip.compress(raw))
        files.append(IdxFile(name, len(raw), hashlib.sha256(raw).hexdigest(), array.shape))
    monkeypatch.setattr(mnist, "FILES", tuple(files))
    return directory


@pytest.fixture
def mirror(folder: Path) -> Iterator[str]:
    """The folder behind a real web server on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_files_checksums_areThoseOfMnist() -> None:
    assert [(file.raw_bytes, file.raw_sha256[:16]) for file in mnist.FILES] == [
        (47_040_016, "ba891046e6505d7a"),
        (60_008, "65a50cbbf4e906d7"),
        (7_840_016, "0fa7898d509279e4"),
        (10_008, "ff7bcfd416de3373"),
    ]


def test_load_fromAFolder_givesImagesAndLabels(folder: Path) -> None:
    dataset = mnist.load(folder)

    assert dataset.train.images_NHW.tolist() == TRAIN_IMAGES.tolist()
    assert dataset.train.labels_N.tolist() == [5, 0, 4]
    assert dataset.test.labels_N.tolist() == [7, 2]


def test_load_withAFileMissing_saysWhich(folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte.gz").unlink()

    with pytest.raises(DatasetUnavailable, match=r"t10k-images-idx3-ubyte\.gz is missing") as caught:
        mnist.load(folder)
    assert "unset MNIST_DIR" in caught.value.fix


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: gzip.compress(raw[:-1] + b"\x00"),
        lambda raw: gzip.compress(raw + b"\x00"),
        lambda raw: gzip.compress(raw)[:-12],
        lambda raw: raw,
        lambda raw: b"",
        lambda raw: gzip.compress(bytes(50_000_000)),
    ],
    ids=["changed", "longer", "cut", "not packed", "empty", "bomb"],
)
def test_load_ofAFileWithOtherBytes_isRefused(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(spoil(idx(ARRAYS["train-labels-idx1-ubyte.gz"])))

    with pytest.raises(DatasetUnavailable, match="does not hold the original train-labels"):
        mnist.load(folder)


def test_load_fromAMirror_fillsTheCacheForTheNextTime(folder: Path, mirror: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "deep"
    mnist.load(None, cache, mirrors=[mirror])

    assert sorted(path.name for path in cache.iterdir()) == sorted(ARRAYS)
    assert mnist.load(None, cache, mirrors=[]).test.labels_N.tolist() == [7, 2]


def test_load_whenTheFirstMirrorFails_asksTheNext(folder: Path, mirror: str, tmp_path: Path) -> None:
    dataset = mnist.load(None, tmp_path / "cache", mirrors=[mirror + "gone/", mirror])

    assert len(dataset.train) == 3


def test_load_fromAMirrorWithWrongBytes_leavesNothingBehind(
    folder: Path, mirror: str, tmp_path: Path
) -> None:
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))

    with pytest.raises(DatasetUnavailable, match="could be downloaded from none of") as caught:
        mnist.load(None, tmp_path / "cache", mirrors=[mirror])
    assert caught.value.retryable
    assert not (tmp_path / "cache").exists()


def test_load_fromNowhere_saysWhatToDo() -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        load("mnist")
    assert "MNIST_DIR" in caught.value.fix


def test_load_anUnknownDataset_namesThoseThereAre() -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        load("imagenet")
    assert caught.value.fix == "Choose one of: digits, mnist."


@pytest.mark.skipif("MNIST_DIR" not in os.environ, reason="MNIST_DIR does not name a folder with MNIST")
def test_load_realMnist_hasItsKnownLabels() -> None:
    dataset = load("mnist", Path(os.environ["MNIST_DIR"]))

    assert dataset.train.labels_N[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.test.labels_N[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(dataset.train.labels_N).tolist()[:3] == [5923, 6742, 5958]
