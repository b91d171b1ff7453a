"""A content of several blocks, put into the embedded store (tests/killed_puts.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore
from tests.killed_puts import main

CONTENT = bytes(262_144) + b"end"  # two leaves and a root


class Blocks:
    def prepare(self, folder: Path) -> Callable[[], object]:
        store = EmbeddedStore(folder)
        return lambda: store.put(CONTENT)

    def after(self, folder: Path) -> dict[str, bool]:
        cid = cid_of(CONTENT)
        whole = all(
            f"{block.name}" in (cid_of(block.read_bytes()), cid) for block in (folder / "blocks").iterdir()
        )
        store = EmbeddedStore(folder)
        found = store.has(cid)
        return {
            "blocks_are_whole": whole,
            "staging_is_empty": not any((folder / "staging").iterdir()),
            "what_is_there_is_readable": not found or store.get(cid, len(CONTENT)) == CONTENT,
            "second_put_completes": store.put(CONTENT) == cid and store.get(cid, len(CONTENT)) == CONTENT,
            "was_there": found,
        }


if __name__ == "__main__":
    main(Blocks())
