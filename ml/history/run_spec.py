"""What a training run says of itself: canonical JSON, whose SHA-256 is on chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import QuorateError
from ml.fields import Fields

FORMAT: Final = "quorate/run/1"
MAX_NAME: Final = 100


class InvalidRunSpec(QuorateError):
    """A run's specification that violates its form."""

    code = "invalid-run-spec"
    default_fix = "Correct the named field; docs/formats.md says what a run's specification holds."


@dataclass(frozen=True)
class RunSpec:
    """name: what people see. data: what accuracy is measured on, in the recorder's words."""

    name: str
    data: str

    def __post_init__(self) -> None:
        for field in ("name", "data"):
            text = getattr(self, field)
            if not 1 <= len(text) <= MAX_NAME or not text.isprintable():
                raise InvalidRunSpec(f"{field} must be 1 to {MAX_NAME} printable letters")

    def to_bytes(self) -> bytes:
        """The canonical JSON."""
        return canonical_json({"data": self.data, "format": FORMAT, "name": self.name})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The specification in `data`. Raises InvalidJson, InvalidRunSpec."""
        value: Any = parse_canonical_json(data)
        fields = Fields(value, "specification", InvalidRunSpec)
        if fields.any("format") != FORMAT:
            raise InvalidRunSpec(f"this is no specification of format {FORMAT}")
        spec = cls(fields.text("name", MAX_NAME), fields.text("data", MAX_NAME))
        fields.done()
        return spec

    def digest(self) -> bytes:
        """SHA-256 of the bytes, which is its CID's digest."""
        return sha256(self.to_bytes())
