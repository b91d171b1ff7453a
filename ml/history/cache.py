"""Bytes of tensors kept in memory up to a limit, the least recently used dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from ml.history.tensors import Raw


class RawCache:
    """Tensors by any key."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._raws: OrderedDict[Hashable, Raw] = OrderedDict()

    def get(self, key: Hashable) -> Raw | None:
        """The tensor's bytes, if they are still here."""
        if key in self._raws:
            self._raws.move_to_end(key)
        return self._raws.get(key)

    def put(self, key: Hashable, raw: Raw) -> None:
        """Keep the bytes, unless they alone are beyond the limit. They must not change afterwards."""
        if key in self._raws or len(raw) > self._limit_bytes:
            return
        self._raws[key] = raw
        self._size_bytes += len(raw)
        while self._size_bytes > self._limit_bytes:
            self._size_bytes -= len(self._raws.popitem(last=False)[1])
