"""What the recorder says of one checkpoint: the row of the Results Queue (Bae & Shin, Table 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from ml.errors import QuorateError
from ml.fields import Fields
from ml.history.header import MAX_UINT48, PPM
from ml.history.target import merit

MICRO: Final = 1_000_000


class InvalidResult(QuorateError):
    """A result, an accuracy or a loss that no entry of a ledger can hold."""

    code = "invalid-result"
    default_fix = "Give accuracy as a share from 0 to 1 and loss as a number of at least 0."


@dataclass(frozen=True)
class Result:
    """One recorded checkpoint.

    step            what the trainer counts: epochs, or steps
    weights_sha256  of the weights file, and its size
    pack            SHA-256 of the pack that holds the checkpoint, and its size
    base_row        the row whose state training went on from; None for a start, or for a foreign checkpoint
    """

    step: int
    weights_sha256: bytes
    weights_bytes: int
    pack: bytes
    pack_bytes: int
    accuracy_ppm: int
    loss_micro: int
    base_row: int | None = None

    def to_document(self) -> dict[str, Any]:
        """As a JSON object; digests in hexadecimal."""
        return asdict(self) | {"weights_sha256": self.weights_sha256.hex(), "pack": self.pack.hex()}

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Raises InvalidResult."""
        fields = Fields(document, "result", InvalidResult)
        base_row = fields.any("base_row")
        result = cls(
            step=fields.integer("step", 0, MAX_UINT48),
            weights_sha256=bytes.fromhex(fields.digest("weights_sha256")),
            weights_bytes=fields.integer("weights_bytes", 0, 2**53),
            pack=bytes.fromhex(fields.digest("pack")),
            pack_bytes=fields.integer("pack_bytes", 0, 2**53),
            accuracy_ppm=fields.integer("accuracy_ppm", 0, PPM),
            loss_micro=fields.integer("loss_micro", 0, 2**53),
            base_row=None if base_row is None else fields.bounded(base_row, "result.base_row", 0, 2**53),
        )
        fields.done()
        return result


def best(results: Sequence[Result]) -> int | None:
    """The row that ml.history.target would choose of these, which begin at row 0."""
    rows = range(len(results))
    return max(
        rows, key=lambda row: merit(results[row].accuracy_ppm, results[row].loss_micro, row), default=None
    )
