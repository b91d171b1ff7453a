"""What a submitted or fused model is: canonical JSON that names the weights file. Its digest is on chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ml.architecture import Architecture, check
from ml.bounds import CEILING, Bounds
from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import InvalidManifest
from ml.fields import Fields
from ml.growth.architecture import KIND, check_grown, is_grown, labels_of

VERSION: Final = 1
PPM: Final = 1_000_000
MAX_MEMBERS: Final = 256


@dataclass(frozen=True)
class WeightsRef:
    """A weights file in the content store."""

    cid: str
    sha256: str  # hexadecimal, of the file's bytes
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """A single model: the task it answers, its architecture and weights, and the score its author claims."""

    spec: str  # hexadecimal digest of the task specification
    architecture: Architecture
    weights: WeightsRef
    claimed_ppm: int

    def __post_init__(self) -> None:
        _read_model(self.to_json())

    @property
    def labels(self) -> tuple[int, ...]:
        """The task's label indices that the model's outputs stand for."""
        return labels_of(self.architecture)

    @property
    def kind(self) -> str:
        """ "model", or "grown" for one whose architecture is a grown model's (ml.growth)."""
        return KIND if is_grown(self.architecture) else "model"

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        return {
            "version": VERSION,
            "kind": self.kind,
            "spec": self.spec,
            "architecture": self.architecture,
            "weights": vars(self.weights),
            "claimed_ppm": self.claimed_ppm,
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes: what the chain holds."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes, bounds: Bounds = CEILING) -> Manifest:
        """The manifest in `data`. Raises InvalidJson, InvalidManifest or InvalidArchitecture."""
        return cls(**_read_model(parse_canonical_json(data), bounds))


@dataclass(frozen=True)
class FusedManifest:
    """A fused model: exactly the accepted models in order, the rule, and the weights of the fusion head."""

    spec: str
    rule: str  # a name in ml.fuse.RULES
    seed: int
    members: tuple[str, ...]  # CIDs of the members' manifests
    weights: WeightsRef
    score_ppm: int

    def __post_init__(self) -> None:
        _read_fused(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        return {
            "version": VERSION,
            "kind": "fused",
            "spec": self.spec,
            "rule": self.rule,
            "seed": self.seed,
            "members": list(self.members),
            "weights": vars(self.weights),
            "score_ppm": self.score_ppm,
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> FusedManifest:
        """The manifest in `data`. Raises InvalidJson or InvalidManifest."""
        return cls(**_read_fused(parse_canonical_json(data)))


def _read_model(value: object, bounds: Bounds = CEILING) -> dict[str, Any]:
    fields = Fields(value, "manifest", InvalidManifest)
    fields.one_of("version", (VERSION,))
    kind = fields.one_of("kind", ("model", KIND))
    arguments: dict[str, Any] = {
        "spec": fields.digest("spec"),
        "architecture": fields.any("architecture"),
        "weights": _weights(fields.child("weights")),
        "claimed_ppm": fields.integer("claimed_ppm", 0, PPM),
    }
    fields.done()
    if is_grown(arguments["architecture"]) != (kind == KIND):
        raise InvalidManifest(f"manifest.kind is {kind}, which its architecture is not")
    (check_grown if kind == KIND else check)(arguments["architecture"], bounds)
    return arguments


def _read_fused(value: object) -> dict[str, Any]:
    fields = Fields(value, "manifest", InvalidManifest)
    fields.one_of("version", (VERSION,))
    fields.one_of("kind", ("fused",))
    arguments: dict[str, Any] = {
        "spec": fields.digest("spec"),
        "rule": fields.name("rule"),
        "seed": fields.integer("seed", 0, 2**53 - 1),
        "members": _members(fields),
        "weights": _weights(fields.child("weights")),
        "score_ppm": fields.integer("score_ppm", 0, PPM),
    }
    fields.done()
    return arguments


def _members(fields: Fields) -> tuple[str, ...]:
    members = fields.items("members", 1, MAX_MEMBERS)
    checked = tuple(fields.as_cid(member, f"manifest.members[{i}]") for i, member in enumerate(members))
    if len(set(checked)) != len(checked):
        raise InvalidManifest("manifest.members names a model twice")
    return checked


def _weights(fields: Fields) -> WeightsRef:
    ref = WeightsRef(
        fields.cid("cid"), fields.digest("sha256"), fields.integer("bytes", 1, CEILING.weights_bytes)
    )
    fields.done()
    return ref
