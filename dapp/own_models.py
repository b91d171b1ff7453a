"""What opens a sealed model: its two files, which the journal's folder keeps, and its salt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dapp.chain.seals import Board
from dapp.chain.words import Submission, SubmissionState
from dapp.journal import Journal
from dapp.openings import Drawer
from ml.manifest import Manifest


@dataclass(frozen=True)
class Chosen:
    """A model before it is opened. manifest, weights: SHA-256 of the kept files."""

    manifest: bytes
    weights: bytes
    salt: bytes

    def seal(self, journal: Journal, board: Board, task: bytes, contributor: str) -> bytes:
        """What goes to the chain. Raises JournalCorrupt, InvalidManifest."""
        manifest = Manifest.from_bytes(journal.kept(self.manifest))
        size_bytes, claimed_ppm = manifest.weights.bytes, manifest.claimed_ppm
        return board.model_seal(
            task, contributor, self.weights, self.manifest, size_bytes, claimed_ppm, self.salt
        )

    def to_json(self) -> dict[str, str]:
        """As the journal holds it."""
        return {
            "manifest": self.manifest.hex(),
            "weights": self.weights.hex(),
            "salt": self.salt.hex(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Chosen:
        """Inverse of to_json. Raises ValueError, KeyError, TypeError."""
        chosen = cls(*(bytes.fromhex(value[name]) for name in ("manifest", "weights", "salt")))
        if any(len(each) != 32 for each in (chosen.manifest, chosen.weights, chosen.salt)):
            raise ValueError("a model has two digests and a salt of 32 bytes each")
        return chosen


_MODELS: Final = Drawer("model", Chosen.from_json)
decided, decide, keep = _MODELS.decided, _MODELS.decide, _MODELS.keep


def opening(
    models: Sequence[Chosen],
    journal: Journal,
    board: Board,
    task: bytes,
    contributor: str,
    stored: Submission,
) -> Chosen | None:
    """The one that the chain holds: 200 bits of its seal, once opened of its weights' SHA-256.

    Raises JournalCorrupt, InvalidManifest.
    """
    for each in models:
        is_sealed = stored.state == SubmissionState.SEALED
        digest = each.seal(journal, board, task, contributor) if is_sealed else each.weights
        if stored.state != SubmissionState.NONE and stored.digest == int.from_bytes(digest) >> 56:
            return each
    return None
