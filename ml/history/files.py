"""The files of an archive: one a pack, named by its SHA-256, whole or not there at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ml.canonical import sha256
from ml.durable import NO_ROOM, Staging, sync_directory, write_durably
from ml.errors import QuorateError

OPEN_FILES: Final = 64
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class ArchiveError(QuorateError):
    """The folder of packs cannot be read or written."""

    code = "archive-failed"
    default_fix = "Check the folder that the message names: it must exist and be yours."


class ArchiveFull(ArchiveError):
    """No room for a pack. Nothing of it was kept."""

    code = "archive-full"
    default_fix = "Free some space on the disk, then try again: nothing was lost."


class PackMissing(ArchiveError):
    """A pack that is needed and is not in the folder; `pack` is its SHA-256."""

    code = "pack-missing"
    default_fix = "Fetch the pack that the message names from another node: its name is its SHA-256."


class PackCorrupt(ArchiveError):
    """A pack or a tensor restored from packs, whose bytes do not have the SHA-256 that names them."""

    code = "pack-corrupt"
    default_fix = "Move the file that the message names away and fetch the pack from another node."


class PackFiles:
    """FOLDER/packs/SHA256, and FOLDER/staging while one is written, by any number of processes."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder, made if it is not there. Raises ArchiveFull, ArchiveError."""
        self.folder = folder / "packs"
        with _as_archive_errors(folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._staging = Staging(folder / "staging")
            sync_directory(folder)

    def path(self, pack: bytes) -> Path:
        """Where a pack lies or would lie."""
        return self.folder / pack.hex()

    def keep(self, data: bytes) -> bytes:
        """Writes a pack, on the disk when this returns its SHA-256. Raises ArchiveFull, ArchiveError."""
        pack = sha256(data)
        if self._is_intact(pack, len(data)):
            return pack
        with _as_archive_errors(self.folder), self._staging.own() as own:
            staged = own / pack.hex()
            write_durably(staged, data)
            staged.rename(self.path(pack))
            sync_directory(self.folder)
        return pack

    def read(self, pack: bytes, max_bytes: int) -> bytes:
        """A whole pack, hashed. Raises PackMissing, PackCorrupt, ArchiveError."""
        with self.reader() as reader:
            data = reader.whole(pack, max_bytes)
        if sha256(data) != pack:
            raise self.corrupt(pack, "does not have the SHA-256 that is its name")
        return data

    def corrupt(self, pack: bytes, what: str) -> PackCorrupt:
        """The error that says what is wrong with a pack."""
        return PackCorrupt(f"{self.path(pack)} {what}", pack=pack.hex())

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Reads pieces of many packs; the files are closed afterwards."""
        reader = Reader(self)
        try:
            yield reader
        finally:
            reader.close()

    def sizes(self) -> Iterator[tuple[bytes, int]]:
        """Every pack here and its bytes, in no order."""
        with _as_archive_errors(self.folder), os.scandir(self.folder) as found:
            for file in found:
                with suppress(ValueError):
                    yield bytes.fromhex(file.name), file.stat(follow_symlinks=False).st_size

    def _is_intact(self, pack: bytes, size_bytes: int) -> bool:
        try:
            self.read(pack, size_bytes)
        except (PackMissing, PackCorrupt):
            return False
        return True


class Reader:
    """Open packs."""

    def __init__(self, files: PackFiles) -> None:
        self._files = files
        self._open: dict[bytes, tuple[int, int]] = {}  # descriptor and size

    def close(self) -> None:
        """Lets go of all files."""
        while self._open:
            os.close(self._open.popitem()[1][0])

    def whole(self, pack: bytes, max_bytes: int) -> bytes:
        """All bytes of a pack, not hashed. Raises PackMissing, PackCorrupt, ArchiveError."""
        _, size_bytes = self._opened(pack)
        if size_bytes > max_bytes:
            raise self._files.corrupt(pack, f"has {size_bytes:,} bytes, at most {max_bytes:,} are expected")
        return self.piece(pack, 0, size_bytes)

    def piece(self, pack: bytes, offset: int, size_bytes: int) -> bytes:
        """Bytes of a pack, not hashed. Raises PackMissing, PackCorrupt when they end early, ArchiveError."""
        descriptor, end = self._opened(pack)
        if offset + size_bytes > end:
            raise self._files.corrupt(pack, f"ends before byte {offset + size_bytes:,}")
        try:
            data = os.pread(descriptor, size_bytes, offset)
            while len(data) < size_bytes:  # one call reads at most 2 GiB
                more = os.pread(descriptor, size_bytes - len(data), offset + len(data))
                if not more:
                    raise self._files.corrupt(pack, "was cut short while it was read")
                data += more
        except OSError as error:
            raise archive_error(error, self._files.path(pack)) from error
        return data

    def _opened(self, pack: bytes) -> tuple[int, int]:
        known = self._open.get(pack)
        if known is not None:
            return known
        if len(self._open) >= OPEN_FILES:
            self.close()
        path = f"{self._files.folder}/{pack.hex()}"
        try:
            descriptor = os.open(path, _FLAGS)
            status = os.fstat(descriptor)
        except FileNotFoundError:
            raise PackMissing(f"pack {pack.hex()} is not in {self._files.folder}", pack=pack.hex()) from None
        except OSError as error:
            raise archive_error(error, self._files.path(pack)) from error
        self._open[pack] = descriptor, status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise self._files.corrupt(pack, "is not a file")
        return self._open[pack]


def archive_error(error: OSError, where: Path) -> ArchiveError:
    """The same error with what to do about it."""
    reason = f"{error.strerror or error} ({where})"
    if error.errno in NO_ROOM:
        return ArchiveFull(f"The archive could not write: {reason}", path=str(where))
    return ArchiveError(f"The archive failed: {reason}", path=str(where))


@contextmanager
def _as_archive_errors(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise archive_error(error, where) from error
