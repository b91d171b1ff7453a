"""Data sets, one a file, and how they are shared out among participants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ml.data import digits, mnist
from ml.data.samples import Dataset, Samples
from ml.errors import DatasetUnavailable

__all__ = ["DATASETS", "Dataset", "Samples", "load"]

DATASETS: Mapping[str, Callable[[Path | None, Path | None], Dataset]] = MappingProxyType(
    {"mnist": mnist.load, "digits": digits.load}
)


def load(name: str, directory: Path | None = None, cache: Path | None = None) -> Dataset:
    """The data set `name`, from `directory`, else from `cache`, else downloaded into `cache`.

    Raises DatasetUnavailable when the name is unknown or the files can be had nowhere.
    """
    if name not in DATASETS:
        raise DatasetUnavailable(
            f"there is no data set {name[:40]!r}", fix=f"Choose one of: {', '.join(sorted(DATASETS))}."
        )
    return DATASETS[name](directory, cache)
