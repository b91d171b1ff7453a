"""Files that are there whole or not at all, whenever the process dies or the disk is full.

What is written goes to a staging folder first, is fsynced, and then renamed to where it belongs. An exclusive
flock marks a living writer; whoever opens the folder next removes what dead ones left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Staging:
    """A folder in which writers prepare files, on the same disk as the files' final place."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it is missing, and removes what dead writers left in it. Raises OSError."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._remove_abandoned()

    @contextmanager
    def own(self) -> Iterator[Path]:
        """A directory for one writer, flocked while it lives, gone afterwards whatever happens."""
        with _locked(self._folder, fcntl.LOCK_SH):  # the sweep holds this lock alone
            own = Path(tempfile.mkdtemp(prefix="put-", dir=self._folder))
            descriptor = os.open(own, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            os.close(descriptor)

    def _remove_abandoned(self) -> None:
        with _locked(self._folder, fcntl.LOCK_EX):
            for abandoned in self._folder.iterdir():
                with (
                    suppress(BlockingIOError, FileNotFoundError),
                    _locked(abandoned, fcntl.LOCK_EX | fcntl.LOCK_NB),
                ):
                    shutil.rmtree(abandoned)


def write_durably(path: Path, data: bytes) -> None:
    """A new file, on the disk when this returns; its name is durable after sync_directory. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)  # its failure fails the put: after one, a second fsync may lie
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """The names in a directory, made durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
