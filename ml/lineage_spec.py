"""The specification of a lineage, canonical JSON with its SHA-256 on chain, and its rounds' task specs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ml.bounds import CLASS_NAME_BYTES, Bounds
from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import InvalidSpec
from ml.fields import Fields
from ml.round_rules import KINDS, RoundRules, read_rules
from ml.spec import Development, Round, TaskSpec, read_bounds, read_input_shape, read_labels

VERSION: Final = 1


@dataclass(frozen=True)
class LineageSpec:
    """What a line of models learns, for good.

    labels  every class that it may ever have, by name: a model's label index i is labels[i]
    rules   what every round asks
    bounds  what a model may cost, grown ones included
    """

    name: str
    dataset: str
    input_shape: tuple[int, int, int]  # channels, height, width
    labels: tuple[str, ...]
    rules: RoundRules = field(default_factory=RoundRules)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        _read(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON values."""
        return {
            "version": VERSION,
            "kind": "lineage",
            "name": self.name,
            "dataset": self.dataset,
            "input": {"shape": list(self.input_shape), "type": "uint8"},
            "labels": list(self.labels),
            "rules": vars(self.rules),
            "bounds": vars(self.bounds),
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes: what the chain holds."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> LineageSpec:
        """The specification in `data`. Raises InvalidJson or InvalidSpec; unknown keys are refused."""
        return cls(**_read(parse_canonical_json(data)))

    def label_digest(self, label: int) -> bytes:
        """SHA-256 of what label index `label` means: what the chain's class registry holds."""
        return sha256(canonical_json({"dataset": self.dataset, "name": self.labels[label]}))

    def round(self, kind: str, lineage: bytes, head: bytes, development: Development) -> TaskSpec:
        """The task spec of a round. lineage: its id; head: root over the tensors that it starts from."""
        if kind not in KINDS:
            raise InvalidSpec(f"a round improves or extends; {kind!r} is neither")
        return TaskSpec(
            name=self.name,
            scenario=1,
            dataset=self.dataset,
            input_shape=self.input_shape,
            labels=self.labels,
            development=development,
            kind=kind,
            metric="likelihood",
            bounds=self.bounds,
            round=Round(lineage.hex(), head.hex(), self.rules),
        )

    def allows(self, spec: TaskSpec) -> bool:
        """Whether `spec` is that of a round of a lineage with this specification."""
        if spec.round is None:
            return False
        lineage, head = bytes.fromhex(spec.round.lineage), bytes.fromhex(spec.round.head)
        return spec == self.round(spec.kind, lineage, head, spec.development)


def _read(value: object) -> dict[str, Any]:
    fields = Fields(value, "lineage", InvalidSpec)
    fields.one_of("version", (VERSION,))
    fields.one_of("kind", ("lineage",))
    arguments: dict[str, Any] = {
        "name": fields.text("name", 100),
        "dataset": fields.name("dataset"),
        "input_shape": read_input_shape(fields.child("input")),
        "labels": _class_names(fields),
        "rules": read_rules(fields.child("rules")),
        "bounds": read_bounds(fields.child("bounds")),
    }
    fields.done()
    return arguments


def _class_names(fields: Fields) -> tuple[str, ...]:
    labels = read_labels(fields)
    if long := [label for label in labels if len(label.encode()) > CLASS_NAME_BYTES]:
        raise InvalidSpec(
            f"lineage.labels has a name of more than {CLASS_NAME_BYTES} bytes in UTF-8, {long[0]!r}:"
            " none that the chain can register"
        )
    return labels
