"""What the chain does not change while its blocks stand, remembered: the last so many that were asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Any thread may ask."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[K, V] = OrderedDict()
        self._guard = threading.Lock()

    def forget(self) -> None:
        """A reorganisation may have changed all of it."""
        with self._guard:
            self._known.clear()

    def _of(self, key: K, make: Callable[[], V]) -> V:
        """As it was made before, else made now. Raises what `make` raises."""
        with self._guard:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = make()
        with self._guard:
            self._known[key] = found
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return found
