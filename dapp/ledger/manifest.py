"""A checkpoint as canonical JSON that names its pack. Its SHA-256 is in the header, and its CID's digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from dapp.ledger.errors import CheckpointDiffers
from dapp.store.unixfs import CHUNK_BYTES
from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import QuorateError
from ml.fields import Fields
from ml.history.header import MAX_UINT48, PPM, Header

FORMAT: Final = "quorate/checkpoint/1"
MAX_BYTES: Final = CHUNK_BYTES  # one raw block, so that the digest in the header is its CID's
MAX_FILE_BYTES: Final = 2**40
MAX_ALSO: Final = 256
MAX_LOSS: Final = 2**53 - 1  # what canonical JSON holds; a header holds more


@dataclass(frozen=True)
class PackRef:
    """A pack in the content store; sha256, hexadecimal, is what other packs know it by."""

    cid: str
    sha256: str
    size_bytes: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an untrusted object."""
        made = cls(
            fields.cid("cid"), fields.digest("sha256"), fields.integer("size_bytes", 1, MAX_FILE_BYTES)
        )
        fields.done()
        return made


@dataclass(frozen=True)
class Checkpoint:
    """A recorded epoch: where its tensors lie, and what it scored.

    also          packs that this one is told by differences to, and that no entry before names
    architecture  that of ml.architecture, or None for models of the user's own
    """

    step: int
    weights_sha256: str
    weights_bytes: int
    pack: PackRef
    accuracy_ppm: int
    loss_micro: int
    also: tuple[PackRef, ...] = ()
    architecture: dict[str, Any] | None = None

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(
            {
                "format": FORMAT,
                "step": self.step,
                "weights": {"sha256": self.weights_sha256, "size_bytes": self.weights_bytes},
                "pack": vars(self.pack),
                "also": [vars(pack) for pack in self.also],
                "accuracy_ppm": self.accuracy_ppm,
                "loss_micro": self.loss_micro,
                "architecture": self.architecture,
            }
        )

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The checkpoint in `data`. Raises CheckpointDiffers."""
        try:
            value = parse_canonical_json(data, MAX_BYTES)
        except QuorateError as error:
            raise CheckpointDiffers(f"the manifest cannot be read: {error.message}") from error
        fields = Fields(value, "manifest", CheckpointDiffers)
        fields.one_of("format", (FORMAT,))
        weights = fields.child("weights")
        architecture = fields.any("architecture")
        if not (architecture is None or isinstance(architecture, dict)):
            raise CheckpointDiffers("manifest.architecture must be an object or null")
        made = cls(
            step=fields.integer("step", 0, MAX_UINT48),
            weights_sha256=weights.digest("sha256"),
            weights_bytes=weights.integer("size_bytes", 1, MAX_FILE_BYTES),
            pack=PackRef.read(fields.child("pack")),
            accuracy_ppm=fields.integer("accuracy_ppm", 0, PPM),
            loss_micro=fields.integer("loss_micro", 0, MAX_LOSS),
            also=tuple(
                PackRef.read(Fields(item, "manifest.also", CheckpointDiffers))
                for item in fields.items("also", 0, MAX_ALSO)
            ),
            architecture=architecture,
        )
        weights.done()
        fields.done()
        return made

    def check(self, header: Header) -> None:
        """Raise CheckpointDiffers unless the header says the same."""
        pairs = (
            ("step", self.step, header.step),
            ("weights", self.weights_sha256, header.weights.hex()),
            ("accuracy_ppm", self.accuracy_ppm, header.accuracy_ppm),
            ("loss_micro", self.loss_micro, header.loss_micro),
        )
        for name, ours, theirs in pairs:
            if ours != theirs:
                raise CheckpointDiffers(
                    f"the manifest of entry {header.height} has {name} {ours}, its header {theirs}",
                    height=header.height,
                )
