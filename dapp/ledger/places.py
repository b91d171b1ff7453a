"""Where recorders and nodes keep what is theirs: below the data directory, by run and account."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BOOK: Final = "book"
RECORDER: Final = "recorder"


def folder_of(data_dir: Path, run: bytes, node: str | None) -> Path:
    """The folder of a node of the run, or, without one, of its recorder."""
    return data_dir / "runs" / run.hex()[:16] / (RECORDER if node is None else node.lower())


def book_of(data_dir: Path, run: bytes, node: str | None) -> Path:
    """The folder of its book."""
    return folder_of(data_dir, run, node) / BOOK


def kept(data_dir: Path, run: bytes) -> dict[str, Path]:
    """Everybody whose copy of the run is here, by name (`recorder`, or a node's account): their folders."""
    folder = data_dir / "runs" / run.hex()[:16]
    if not folder.is_dir():
        return {}
    return {place.name: place for place in sorted(folder.iterdir()) if (place / BOOK).is_dir()}
