"""The task specification: what the initiator asks for, as canonical JSON whose SHA-256 stands on chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ml.architecture import Architecture, check
from ml.bounds import CEILING, MAX_CHANNELS, MAX_LABELS, MAX_SIDE_PIXELS, Bounds
from ml.canonical import canonical_json, parse_canonical_json, sha256
from ml.errors import InvalidArchitecture, InvalidSpec
from ml.fields import Fields
from ml.round_rules import EXTEND, IMPROVE, RoundRules, read_rules

__all__ = ["DataRef", "Development", "TaskSpec", "canonical_json", "parse_canonical_json", "sha256"]

VERSION: Final = 1
FUSE: Final = "fuse"
KINDS: Final = (FUSE, IMPROVE, EXTEND)
SCENARIOS: Final = (1, 2)  # Mendis et al., section IV: own designs, or a given one
METRICS: Final = ("accuracy", "own_label_accuracy", "likelihood")
LOSSES: Final = ("cross_entropy",)
EVALUATION_RULES: Final = ("standalone", "fused")
MAX_DATA_BYTES: Final = 64 * 1024 * 1024
MAX_DATA_SAMPLES: Final = 1_000_000


@dataclass(frozen=True)
class DataRef:
    """A packed sample file (ml.data.shards) in the content store."""

    cid: str
    sha256: str  # hexadecimal, of the file's bytes
    bytes: int
    samples: int


@dataclass(frozen=True)
class Development:
    """The initiator's public data, on which verifiers train fusion heads [Mendis, Table II: 2,000 + 500]."""

    train: DataRef
    test: DataRef


@dataclass(frozen=True)
class Round:
    """Which round of which lineage a task is (kinds improve and extend)."""

    lineage: str  # hexadecimal id
    head: str  # hexadecimal root over the tensors of the model that it starts from
    rules: RoundRules = field(default_factory=RoundRules)


@dataclass(frozen=True)
class TaskSpec:
    """One task.

    kind          fuse: all good models are accepted and fused; improve, extend: a round of a lineage

    scenario      1: contributors design their own models; 2: everyone trains `architecture`
    dataset       a hint where contributors may find data of this kind, for example "mnist"
    labels        the class names, in order: label index i is labels[i]
    metric        accuracy: share of all samples classified correctly; own_label_accuracy: share of those
                  samples whose label the model declares; likelihood: exp(-cross-entropy), for rounds
    rule          standalone: the model's own score; fused: the score once fused with those accepted before it
    fusion        name of the fusion rule (ml.fuse.RULES)
    """

    name: str
    scenario: int
    dataset: str
    input_shape: tuple[int, int, int]  # channels, height, width
    labels: tuple[str, ...]
    development: Development
    architecture: Architecture | None = None
    kind: str = FUSE
    metric: str = "accuracy"
    loss: str = "cross_entropy"
    rule: str = "standalone"
    fusion: str = "strategy_2"
    bounds: Bounds = field(default_factory=Bounds)
    round: Round | None = None  # of kinds improve and extend

    def __post_init__(self) -> None:
        _read(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON values; `round` stands in it for rounds only."""
        document = {
            "version": VERSION,
            "kind": self.kind,
            "name": self.name,
            "scenario": self.scenario,
            "dataset": self.dataset,
            "input": {"shape": list(self.input_shape), "type": "uint8"},
            "labels": list(self.labels),
            "metric": self.metric,
            "loss": self.loss,
            "rule": self.rule,
            "fusion": self.fusion,
            "architecture": self.architecture,
            "development": {"train": vars(self.development.train), "test": vars(self.development.test)},
            "bounds": vars(self.bounds),
        }
        if self.round is not None:
            document["round"] = {**vars(self.round), "rules": vars(self.round.rules)}
        return document

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes: what the chain holds."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> TaskSpec:
        """The specification in `data`. Raises InvalidJson or InvalidSpec; unknown keys are refused."""
        return cls(**_read(parse_canonical_json(data)))


def _read(value: object) -> dict[str, Any]:
    """The constructor arguments in `value`, each checked. Raises InvalidSpec."""
    fields = Fields(value, "spec", InvalidSpec)
    fields.one_of("version", (VERSION,))
    arguments: dict[str, Any] = {
        "kind": fields.one_of("kind", KINDS),
        "name": fields.text("name", 100),
        "scenario": fields.one_of("scenario", SCENARIOS),
        "dataset": fields.name("dataset"),
        "input_shape": read_input_shape(fields.child("input")),
        "labels": read_labels(fields),
        "metric": fields.one_of("metric", METRICS),
        "loss": fields.one_of("loss", LOSSES),
        "rule": fields.one_of("rule", EVALUATION_RULES),
        "fusion": fields.name("fusion"),
        "bounds": read_bounds(fields.child("bounds")),
        "development": _development(fields.child("development")),
        "architecture": fields.any("architecture"),
        "round": None,
    }
    if arguments["kind"] != FUSE:
        arguments["round"] = _round(fields.child("round"))
    fields.done()
    if (arguments["kind"] != FUSE) != (arguments["metric"] == "likelihood"):
        raise InvalidSpec("spec.metric is likelihood in rounds (kinds improve and extend), and only there")
    _check_architecture(arguments)
    return arguments


def _check_architecture(arguments: dict[str, Any]) -> None:
    architecture = arguments["architecture"]
    if (architecture is None) != (arguments["scenario"] == 1):
        raise InvalidSpec("scenario 2 needs spec.architecture; scenario 1 must have it null")
    if architecture is None:
        return
    try:
        plan = check(architecture, arguments["bounds"])
    except InvalidArchitecture as error:
        raise InvalidSpec(f"spec.architecture is refused: {error.message}", fix=error.fix) from error
    if plan.input_shape != arguments["input_shape"]:
        raise InvalidSpec(f"spec.architecture takes {plan.input_shape}, not spec.input.shape")
    if plan.labels != tuple(range(len(arguments["labels"]))):
        raise InvalidSpec("spec.architecture.labels must be all of the task's label indices")


def _round(fields: Fields) -> Round:
    found = Round(fields.digest("lineage"), fields.digest("head"), read_rules(fields.child("rules")))
    fields.done()
    return found


def read_input_shape(fields: Fields) -> tuple[int, int, int]:
    """Channels, height and width of an untrusted `input`. Raises InvalidSpec."""
    fields.one_of("type", ("uint8",))
    shape = fields.items("shape", 3, 3)
    fields.done()
    limits = (MAX_CHANNELS, MAX_SIDE_PIXELS, MAX_SIDE_PIXELS)
    checked = [fields.bounded(shape[i], f"spec.input.shape[{i}]", 1, limits[i]) for i in range(3)]
    return checked[0], checked[1], checked[2]


def read_labels(fields: Fields) -> tuple[str, ...]:
    """The class names of an untrusted `labels`. Raises InvalidSpec."""
    entries = fields.items("labels", 2, MAX_LABELS)
    labels = tuple(fields.printable(e, f"spec.labels[{i}]", 60) for i, e in enumerate(entries))
    if len(set(labels)) != len(labels):
        raise InvalidSpec("spec.labels must not repeat a name")
    return labels


def read_bounds(fields: Fields) -> Bounds:
    """The bounds in an untrusted object. Raises InvalidSpec."""
    read = {name: fields.integer(name, 1, limit) for name, limit in vars(CEILING).items()}
    fields.done()
    return Bounds(**read)


def _development(fields: Fields) -> Development:
    development = Development(train=_data_ref(fields.child("train")), test=_data_ref(fields.child("test")))
    fields.done()
    return development


def _data_ref(fields: Fields) -> DataRef:
    ref = DataRef(
        cid=fields.cid("cid"),
        sha256=fields.digest("sha256"),
        bytes=fields.integer("bytes", 1, MAX_DATA_BYTES),
        samples=fields.integer("samples", 1, MAX_DATA_SAMPLES),
    )
    fields.done()
    return ref
