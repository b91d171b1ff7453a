"""A content store in one directory: a file per block, no daemon, any number of processes at once.

A put writes every block into a directory of its own under `staging/`, fsyncs each, then renames them into
`blocks/`, the root last: so `has` never sees a file that is not there whole, whenever the process dies.
An exclusive flock marks a living put; the next process to open the store removes what dead ones left.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dapp.store.cid import Cid, DagBuilder, parse
from dapp.store.errors import DigestMismatch, Full, InvalidStore, NotFound, StoreError, TooLarge
from dapp.store.reader import read_block, read_file
from dapp.store.unixfs import CHUNK_BYTES
from ml.durable import NO_ROOM, Staging, sync_directory, write_durably

MARKER = "quorate-store-1"  # its name is the layout's version; without it a directory is not ours to clean


class EmbeddedStore:
    """Blocks under DIRECTORY/blocks/CID. Every block is hashed again whenever it is read."""

    def __init__(self, directory: Path) -> None:
        """Opens or creates the store. Raises InvalidStore, Full, StoreError."""
        self.directory = directory
        self._blocks = directory / "blocks"
        with _as_store_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
            if not (directory / MARKER).exists() and any(directory.iterdir()):
                raise InvalidStore(
                    f"{directory} has files in it and is not a store.",
                    fix="Name an empty or a new directory.",
                    directory=str(directory),
                )
            (directory / MARKER).touch()
            self._blocks.mkdir(exist_ok=True)
            self._staging = Staging(directory / "staging")
            sync_directory(directory)

    def put(self, data: bytes) -> str:
        """Keeps `data` and returns its CID; twice the same data is kept once. Raises Full, StoreError."""
        return self.put_chunks((data,))

    def put_chunks(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> str:
        """Keeps a file that arrives in pieces; a piece and a block of it are in memory, no more.

        Raises TooLarge past max_bytes, Full, StoreError; then nothing of the file is kept.
        """
        with _as_store_errors(self.directory), self._staging.own() as own:
            staged: dict[Cid, None] = {}  # in the order written

            def stage(cid: Cid, block: bytes) -> None:
                if cid not in staged and not self._is_intact(cid, len(block)):
                    write_durably(own / str(cid), block)
                    staged[cid] = None

            builder = DagBuilder(stage)
            size_bytes = 0
            for chunk in chunks:
                size_bytes += len(chunk)
                if max_bytes is not None and size_bytes > max_bytes:
                    raise TooLarge(
                        f"The file has more than the {max_bytes:,} bytes allowed.",
                        limit_bytes=max_bytes,
                        size_bytes=None,
                    )
                builder.add(chunk)
            root = builder.finish()
            for cid in staged:
                if cid == root:
                    sync_directory(self._blocks)  # whatever the root names is on the disk before the root is
                (own / str(cid)).rename(self._path(cid))
            sync_directory(self._blocks)
        return str(root)

    def get(self, cid: str, max_bytes: int) -> bytes:
        """The content, verified. Raises InvalidCid, NotFound, TooLarge, DigestMismatch, StoreError."""
        return b"".join(self.stream(cid, max_bytes))

    def stream(self, cid: str, max_bytes: int) -> Iterator[bytes]:
        """The content as verified blocks, in order; raises as get does, between blocks."""
        return read_file(parse(cid), self._read, max_bytes)

    def get_block(self, cid: str, max_bytes: int = CHUNK_BYTES) -> bytes:
        """One block, verified: a file's leaf or node, not its content. Raises as get does."""
        return read_block(parse(cid), self._read, max_bytes)

    def has(self, cid: str) -> bool:
        """Whether a put of this content has ended here. Raises InvalidCid."""
        return self._path(parse(cid)).is_file()

    def _path(self, cid: Cid) -> Path:
        return self._blocks / str(cid)

    def _read(self, cid: Cid, limit_bytes: int) -> bytes:
        with _as_store_errors(self._path(cid)):
            try:
                descriptor = os.open(self._path(cid), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                raise NotFound(f"{cid} is not in the store at {self.directory}.", cid=str(cid)) from None
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise DigestMismatch(f"{self._path(cid)} is not a file.", cid=str(cid))
                if status.st_size > limit_bytes:
                    raise TooLarge(
                        f"{cid} has {status.st_size:,} bytes; at most {limit_bytes:,} are allowed.",
                        cid=str(cid),
                        limit_bytes=limit_bytes,
                        size_bytes=status.st_size,
                    )
                return file.read(limit_bytes + 1)

    def _is_intact(self, cid: Cid, size_bytes: int) -> bool:
        try:
            read_block(cid, self._read, size_bytes)
        except (NotFound, TooLarge, DigestMismatch):
            return False
        return True


@contextmanager
def _as_store_errors(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error} ({where})."
        if error.errno in NO_ROOM:
            raise Full(f"The store could not write: {reason}", path=str(where)) from error
        raise StoreError(f"The store failed: {reason}", path=str(where)) from error
