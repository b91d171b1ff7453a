"""Reading an untrusted JSON object: every field is named, typed and bounded; anything else is refused."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from ml.errors import QuorateError

_HEX_32 = re.compile(r"[0-9a-f]{64}")
_CID = re.compile(r"b[a-z2-7]{20,120}")  # CIDv1 in base32, the multibase prefix included
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Fields:
    """One JSON object at `where`. Each reader takes a field; `done` refuses those that nobody took."""

    def __init__(self, value: object, where: str, error: type[QuorateError]) -> None:
        if not isinstance(value, dict):
            raise error(f"{where} must be an object, it is {_shown(value)}")
        self.where = where
        self.error = error
        self._left: dict[str, Any] = dict(value)

    def done(self) -> None:
        """Refuse unknown keys."""
        if self._left:
            keys = ", ".join(sorted(str(key)[:40] for key in self._left)[:5])
            raise self.error(f"{self.where} has unknown keys: {keys}")

    def any(self, key: str) -> Any:
        """The raw value of a required field."""
        if key not in self._left:
            raise self.error(f"{self.where}.{key} is missing")
        return self._left.pop(key)

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer in [low, high]; true and false are not integers."""
        return self.bounded(self.any(key), f"{self.where}.{key}", low, high)

    def bounded(self, value: object, where: str, low: int, high: int) -> int:
        """`value` as an integer in [low, high]."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"{where} must be an integer, it is {_shown(value)}")
        if not low <= value <= high:
            raise self.error(f"{where} must be between {low} and {high}, it is {_shown(value)}")
        return value

    def text(self, key: str, max_characters: int) -> str:
        """A string of 1 to `max_characters` printable characters."""
        return self.printable(self.any(key), f"{self.where}.{key}", max_characters)

    def printable(self, value: object, where: str, max_characters: int) -> str:
        """`value` as a string of 1 to `max_characters` printable characters."""
        if not isinstance(value, str) or not 1 <= len(value) <= max_characters or not value.isprintable():
            raise self.error(
                f"{where} must be 1 to {max_characters} printable letters; it is {_shown(value)}"
            )
        return value

    def one_of(self, key: str, allowed: Collection[Any]) -> Any:
        """A value out of `allowed`."""
        value = self.any(key)
        if not any(value == option and type(value) is type(option) for option in allowed):
            listed = ", ".join(sorted(map(str, allowed)))
            raise self.error(f"{self.where}.{key} must be one of {listed}; it is {_shown(value)}")
        return value

    def digest(self, key: str) -> str:
        """32 bytes as 64 lower-case hexadecimal digits."""
        return self._matching(
            self.any(key), f"{self.where}.{key}", _HEX_32, "64 lower-case hexadecimal digits"
        )

    def cid(self, key: str) -> str:
        """A CIDv1 in base32."""
        return self.as_cid(self.any(key), f"{self.where}.{key}")

    def as_cid(self, value: object, where: str) -> str:
        """`value` as a CIDv1 in base32."""
        return self._matching(value, where, _CID, "a CIDv1 in base32 (it starts with b)")

    def name(self, key: str) -> str:
        """A short identifier: a lower-case letter, then letters, digits and underscores."""
        return self._matching(
            self.any(key), f"{self.where}.{key}", _NAME, "an identifier of at most 40 letters"
        )

    def _matching(self, value: object, where: str, pattern: re.Pattern[str], meaning: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.error(f"{where} must be {meaning}, it is {_shown(value)}")
        return value

    def items(self, key: str, low: int, high: int) -> list[Any]:
        """A list with `low` to `high` entries."""
        value = self.any(key)
        if not isinstance(value, (list, tuple)) or not low <= len(value) <= high:
            where = f"{self.where}.{key}"
            raise self.error(f"{where} must be a list of {low} to {high} entries, it is {_shown(value)}")
        return list(value)

    def child(self, key: str) -> Fields:
        """A nested object."""
        return Fields(self.any(key), f"{self.where}.{key}", self.error)


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)} entries"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, int) and abs(value) > 10**30:
        return "an integer beyond 10^30"
    text = repr(value[:40] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:60] + "..."
