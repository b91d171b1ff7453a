"""The checkpoints of a history in one folder: each restorable to the bit, each stored as what changed.

Nothing but the packs is kept on disk (ml.history.files), so nothing beside them can be lost or go stale.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final, Self

from torch import Tensor

from ml.canonical import sha256
from ml.history.cache import RawCache
from ml.history.codec import Coded, Coding, InvalidCoding, decode
from ml.history.files import PackCorrupt, PackFiles, Reader
from ml.history.hashing import Hashes
from ml.history.pack import Bounds, Entry, Index, InvalidPack, Part, read
from ml.history.tensors import InvalidTensor, Raw, from_raw
from ml.history.writer import PackWriter, described

CACHE_BYTES: Final = 256 * 1024 * 1024
INDEXES: Final = 16  # kept in memory


@dataclass(frozen=True)
class Stored:
    """What put kept: the pack's SHA-256, its size, and the size of the tensors themselves."""

    pack: bytes
    size_bytes: int
    full_bytes: int


class Archive:
    """Packs by their SHA-256, for any number of processes and threads."""

    def __init__(self, folder: Path, bounds: Bounds, cache_bytes: int) -> None:
        self.folder = folder
        self._files = PackFiles(folder)
        self._bounds = bounds
        self._cache = RawCache(cache_bytes)
        self._indexes: OrderedDict[bytes, Index] = OrderedDict()
        self._hashed: set[bytes] = set()  # packs whose own SHA-256 was checked by this object
        self._restored: set[bytes] = set()  # packs whose every tensor's was
        self._lock = RLock()  # over the four above

    @classmethod
    def open(cls, folder: Path, bounds: Bounds | None = None, cache_bytes: int = CACHE_BYTES) -> Self:
        """The archive in `folder`, made if it is not there. Raises ArchiveFull, ArchiveError.

        bounds       what a pack may cost to read
        cache_bytes  memory for earlier tensors, to which the next differences are taken
        """
        return cls(folder, bounds or Bounds(), cache_bytes)

    def put(self, tensors: Mapping[str, Tensor], parent: bytes | None = None) -> Stored:
        """Keep a checkpoint; on the disk when this returns. The same tensors and parent give the same pack.

        parent: the pack that it follows. What is unchanged is a reference to where it lies, what changed a
        difference if that is small. Raises InvalidTensor, also for more than the bounds allow; PackMissing,
        PackCorrupt or InvalidPack when the parent cannot be restored; ArchiveFull, ArchiveError.
        """
        with self._lock, self._files.reader() as reader:
            writer = PackWriter() if parent is None else PackWriter(parent, self._verified(parent))
            for name in sorted(tensors):
                entry, raw = described(name, tensors[name])
                if not writer.refer(entry):
                    writer.append(entry, raw, self._base(writer.base(entry), entry, reader))
            data = writer.to_bytes()
            try:
                index = read(data, self._bounds)
            except InvalidPack as error:
                raise InvalidTensor(
                    f"the checkpoint is more than this archive takes: {error.message}"
                ) from error
            pack = self._files.keep(data)
            self._remember(pack, index)
            self._restored.add(pack)
            for entry, raw in writer.fresh:
                self._cache.put(entry.within(pack).parts, raw)
        return Stored(pack, len(data), sum(entry.raw_bytes for entry in writer.entries))

    def get(self, pack: bytes, prefix: str = "") -> dict[str, Tensor]:
        """The checkpoint's tensors, or those whose names begin with `prefix`: exact dtypes, shapes and bytes.

        Nothing is returned that no SHA-256 checked here covers: the tensor's own, or, for what lies whole in
        this very pack, the pack's. Raises PackMissing, PackCorrupt, InvalidPack, ArchiveError.
        """
        return {
            entry.name: _tensor(entry, raw) for entry, raw in self._restore(pack, prefix, trust_plain=True)
        }

    def verify(self, pack: bytes) -> None:
        """Read a pack and what it needs anew, and hash every tensor. Raises as get does."""
        restored = self._restore(pack, "", trust_plain=False)
        with self._lock:
            for entry, raw in restored:
                _tensor(entry, raw)
                self._cache.put(entry.within(pack).parts, raw)
            self._restored.add(pack)

    def needs(self, pack: bytes) -> tuple[bytes, ...]:
        """The packs that must be here to restore this one, itself last. Raises as get does."""
        return (*self._known(pack).packs, pack)

    def data(self, pack: bytes) -> bytes:
        """The bytes of a pack, for another node. Raises PackMissing, PackCorrupt, ArchiveError."""
        return self._files.read(pack, self._bounds.pack_bytes)

    def add(self, data: bytes, bounds: Bounds | None = None) -> bytes:
        """Keep a pack that came from elsewhere and return its SHA-256, which the caller compares.

        Its form, its bounds and the tensors that lie whole in it are checked; those that need other packs are
        checked by get and verify, so packs may come in any order.
        Raises InvalidPack, ArchiveFull, ArchiveError.
        """
        index = read(data, bounds or self._bounds)
        for entry in index.entries.values():
            if len(entry.parts) == 1 and entry.parts[0].pack is None:
                _check_whole(entry, _own(data, entry.parts[0]))
        return self._files.keep(data)

    def __contains__(self, pack: bytes) -> bool:
        return self._files.path(pack).is_file()

    def space(self) -> dict[bytes, int]:
        """Bytes of each pack here. Raises ArchiveError."""
        return dict(self._files.sizes())

    def _opened(self, pack: bytes) -> Index:
        return self._remember(pack, read(self._files.read(pack, self._bounds.pack_bytes), self._bounds))

    def _verified(self, pack: bytes) -> Index:
        if pack not in self._restored:
            self.verify(pack)
        return self._known(pack)

    def _known(self, pack: bytes) -> Index:
        with self._lock:
            known = self._indexes.get(pack)
        return self._opened(pack) if known is None else known

    def _remember(self, pack: bytes, index: Index) -> Index:
        with self._lock:
            self._hashed.add(pack)
            self._indexes[pack] = index
            while len(self._indexes) > INDEXES:
                self._indexes.popitem(last=False)
        return index

    def _base(self, parts: tuple[Part, ...], entry: Entry, reader: Reader) -> Raw | None:
        """What a difference is taken to: from memory, else from packs whose bytes are known to be sound."""
        if not parts:
            return None
        raw = self._cache.get(parts)
        if raw is None:
            for pack in {part.pack for part in parts if part.pack is not None} - self._hashed:
                self._opened(pack)
            raw = decode([_piece(reader, part) for part in parts], entry.raw_bytes, entry.dtype.word_bytes)
            self._cache.put(parts, raw)
        return raw

    def _restore(self, pack: bytes, prefix: str, trust_plain: bool) -> list[tuple[Entry, Raw]]:
        wrong = self._files.corrupt(pack, "does not have the SHA-256 that is its name")
        restored = []
        with self._files.reader() as reader, Hashes() as hashes:
            data = reader.whole(pack, self._bounds.pack_bytes)
            hashes.expect(data, pack, wrong)
            index = read(data, self._bounds)
            for entry in index.entries.values():
                if entry.name.startswith(prefix):
                    raw = self._raw(pack, entry, data, reader)
                    if not (trust_plain and _is_plain(entry)):
                        hashes.expect(raw.data, entry.sha256, self._differs(pack, entry))
                    restored.append((entry, raw))
        self._remember(pack, index)
        return restored

    def _raw(self, pack: bytes, entry: Entry, data: bytes, reader: Reader) -> Raw:
        parts = [_own(data, part) if part.pack is None else _piece(reader, part) for part in entry.parts]
        try:
            return decode(parts, entry.raw_bytes, entry.dtype.word_bytes)
        except InvalidCoding as error:
            raise self._differs(pack, entry, error.message) from error

    def _differs(
        self, pack: bytes, entry: Entry, why: str = "its bytes do not have its SHA-256"
    ) -> PackCorrupt:
        needed = sorted({part.pack.hex() for part in entry.parts if part.pack is not None})
        others = f" or in a pack that it needs ({', '.join(needed)})" if needed else ""
        return self._files.corrupt(pack, f"has damage{others}: tensor {entry.name[:100]!r}: {why}")


def _is_plain(entry: Entry) -> bool:
    """Whether the tensor's bytes are bytes of the pack itself, so that the pack's SHA-256 covers them."""
    return [(part.pack, part.coding) for part in entry.parts] == [(None, Coding.RAW)]


def _own(data: bytes, part: Part) -> Coded:
    return Coded(part.coding, memoryview(data)[part.offset : part.offset + part.size_bytes], part.size_bytes)


def _piece(reader: Reader, part: Part) -> Coded:
    assert part.pack is not None
    return Coded(part.coding, reader.piece(part.pack, part.offset, part.size_bytes), part.size_bytes)


def _tensor(entry: Entry, raw: Raw) -> Tensor:
    try:
        return from_raw(raw, entry.dtype, entry.shape)
    except InvalidTensor as error:
        raise InvalidPack(f"tensor {entry.name[:100]!r}: {error.message}") from error


def _check_whole(entry: Entry, part: Coded) -> None:
    try:
        raw = decode([part], entry.raw_bytes, entry.dtype.word_bytes)
    except InvalidCoding as error:
        raise InvalidPack(f"tensor {entry.name[:100]!r}: {error.message}") from error
    if sha256(raw.data) != entry.sha256:
        raise InvalidPack(f"tensor {entry.name[:100]!r} does not have the SHA-256 that the index states")
    _tensor(entry, raw)
