"""What goes into the next pack: references to tensors that did not change, differences, whole ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from torch import Tensor

from ml.canonical import sha256
from ml.history.codec import Coded, Coding, encode
from ml.history.pack import MAGIC, MAX_NAME_CHARACTERS, Entry, Index, Part, parts_kept, write
from ml.history.tensors import InvalidTensor, Raw, dtype_of, raw_bytes

WORTH_A_DIFFERENCE_BYTES: Final = 4_096  # below, looking up parts costs more than it saves


class PackWriter:
    """A pack in the making. Tensors come in the order of their names."""

    def __init__(self, parent: bytes | None = None, index: Index | None = None) -> None:
        """parent, index: the pack before, of which every tensor was verified."""
        self.entries: list[Entry] = []
        self.fresh: list[tuple[Entry, Raw]] = []  # those of the entries that lie in this pack
        self._payload: list[Coded] = []
        self._end = len(MAGIC)
        before = [] if parent is None or index is None else index.entries.values()
        self._before = {entry.name: entry.within(parent) for entry in before if parent is not None}
        self._same = {(entry.sha256, entry.raw_bytes): entry for entry in self._before.values()}

    def refer(self, entry: Entry) -> bool:
        """Take the tensor from where the same bytes lie already, whatever their name; False: nowhere."""
        known = self._same.get((entry.sha256, entry.raw_bytes))
        if known is None or known.dtype.word_bytes != entry.dtype.word_bytes:
            return False
        self.entries.append(replace(entry, turn=known.turn, parts=known.parts))
        return True

    def base(self, entry: Entry) -> tuple[Part, ...]:
        """The parts of the version to which the next difference is due; none: the tensor is to be whole."""
        earlier = self._before.get(entry.name) if entry.raw_bytes >= WORTH_A_DIFFERENCE_BYTES else None
        if earlier is None or (earlier.dtype, earlier.shape) != (entry.dtype, entry.shape):
            return ()
        return earlier.parts[: parts_kept(earlier.turn)]

    def append(self, entry: Entry, raw: Raw, base: Raw | None) -> None:
        """Keep the tensor in this pack; `base` has the bytes of what `base()` named."""
        coded = encode(raw, entry.dtype.word_bytes, base)
        part = Part(None, self._end, coded.size_bytes, coded.coding)
        if coded.coding is Coding.DIFFERENCE:
            entry = replace(entry, turn=self._before[entry.name].turn + 1, parts=(*self.base(entry), part))
        else:
            entry = replace(entry, turn=0, parts=(part,))
        self._same[entry.sha256, entry.raw_bytes] = entry
        self.entries.append(entry)
        self.fresh.append((entry, raw))
        self._payload.append(coded)
        self._end += coded.size_bytes

    def to_bytes(self) -> bytes:
        """The pack."""
        return write(self.entries, self._payload)


def described(name: str, tensor: Tensor) -> tuple[Entry, Raw]:
    """A tensor's entry, still without parts, and a copy of its bytes. Raises InvalidTensor."""
    try:
        named = 1 <= len(name) <= MAX_NAME_CHARACTERS and len(name.encode("utf-8")) > 0
    except UnicodeEncodeError:
        named = False
    if not named:
        raise InvalidTensor(f"{name[:60]!r} is no name of 1 to {MAX_NAME_CHARACTERS} characters")
    dtype = dtype_of(name, tensor)
    raw = np.array(raw_bytes(tensor))
    return Entry(name, dtype, tuple(tensor.shape), sha256(raw.data), 0, ()), raw
