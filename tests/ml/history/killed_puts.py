"""A pack with a difference to an earlier one, put into the archive (tests/killed_puts.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ml.canonical import sha256
from ml.history.archive import Archive
from tests.killed_puts import main

FIRST = {"weights/a": torch.arange(1_000, dtype=torch.float32)}
SECOND = {"weights/a": torch.arange(1_000, dtype=torch.float32) * 1.0001}


class Packs:
    def prepare(self, folder: Path) -> Callable[[], object]:
        parent = Archive.open(folder).put(FIRST).pack
        return lambda: Archive.open(folder).put(SECOND, parent)

    def after(self, folder: Path) -> dict[str, bool]:
        whole = all(sha256(pack.read_bytes()).hex() == pack.name for pack in (folder / "packs").iterdir())
        archive = Archive.open(folder)
        staging_is_empty = not any((folder / "staging").iterdir())
        found = set(archive.space())
        parent = archive.put(FIRST).pack
        second = archive.put(SECOND, parent).pack
        return {
            "packs_are_whole": whole,
            "staging_is_empty": staging_is_empty,
            "the_first_is_there": parent in found
            and torch.equal(archive.get(parent)["weights/a"], FIRST["weights/a"]),
            "second_put_completes": torch.equal(archive.get(second)["weights/a"], SECOND["weights/a"]),
            "was_there": second in found,
        }


if __name__ == "__main__":
    main(Packs())
