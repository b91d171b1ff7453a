"""The schema of a grown model, and its cost: known from the JSON alone, before anything is allocated.

    {"version": 1, "kind": "grown", "input": [1, height, width],
     "base": {"scattering": {"scales": 3, "orientations": 4} or null, "classifier": architecture or null,
              "directions": 0},
     "parts": [{"rule": "subspace", "labels": [3, 4], "after": 0, "directions": 80}, ...]}

`labels` are the task's label indices in the order in which the part answers for them; the model's labels are
those of the base and then of each part. `after` counts the parts that a part knew when it was taught: all
before it, or, where several growths of one model were merged, as many as the first of them knew. The other
integers of a part are its rule's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

from ml.architecture import Architecture, Plan, Shape, check, check_bounds, input_shape
from ml.bounds import CEILING, MAX_LABELS, Bounds
from ml.errors import InvalidArchitecture
from ml.fields import Fields
from ml.growth import schemas
from ml.growth.part import FOUNDATION, Base, Part, Scattering, statistics_tensors

VERSION: Final = 1
KIND: Final = "grown"
MAX_PARTS: Final = 32  # the header of the weights file has room for them
MAX_SCALES: Final = 5
MAX_ORIENTATIONS: Final = 16
MAX_DIRECTIONS: Final = schemas.MAX_DIRECTIONS
MAX_FEATURES: Final = 8_192
FRAME_PIXELS: Final = 4  # at least so many around an image: filters wrap around


@dataclass(frozen=True)
class GrownPlan:
    """A checked grown architecture with its exact cost."""

    input_shape: tuple[int, int, int]
    labels: tuple[int, ...]
    base: Base
    parts: tuple[Part, ...]
    family: str | None  # None while no part has labels
    tensors: Mapping[str, Shape]  # by full name, in name order: exactly what a weights file holds
    parameters: int
    macs: int

    @property
    def features(self) -> int:
        """Numbers that the base makes of one sample."""
        return self.base.features

    @property
    def taught(self) -> tuple[Part, ...]:
        """The parts that brought labels."""
        return tuple(part for part in self.parts if part.labels)


def is_grown(architecture: object) -> bool:
    """Whether `architecture` says that it is a grown model's."""
    return isinstance(architecture, dict) and architecture.get("kind") == KIND


def check_grown(architecture: object, bounds: Bounds = CEILING) -> GrownPlan:
    """The plan of `architecture`. Raises InvalidArchitecture if the schema, a shape or a bound is violated.

    Allocates nothing that grows with the numbers in `architecture`.
    """
    fields = Fields(architecture, "architecture", InvalidArchitecture)
    fields.one_of("version", (VERSION,))
    fields.one_of("kind", (KIND,))
    shape = input_shape(fields)
    base = _base(fields.child("base"), shape, bounds)
    entries = fields.items("parts", 0 if base.labels else 1, MAX_PARTS)
    fields.done()
    parts: list[Part] = []
    for entry in entries:
        parts.append(_part(entry, base, parts))
    _check_labels(base, parts)
    tensors = _base_tensors(base, shape)
    tensors |= {part.prefix + name: s for part in parts for name, s in part.tensors.items()}
    plan = GrownPlan(
        input_shape=shape,
        labels=base.labels + tuple(label for part in parts for label in part.labels),
        base=base,
        parts=tuple(parts),
        family=_family(parts),
        tensors=dict(sorted(tensors.items())),
        parameters=sum(prod(s) for s in tensors.values()),
        macs=_macs(base, parts),
    )
    check_bounds(plan.parameters, plan.macs, bounds)
    return plan


def labels_of(architecture: Architecture) -> tuple[int, ...]:
    """The labels of a checked architecture, grown or not."""
    if not is_grown(architecture):
        return tuple(architecture["labels"])
    classifier = architecture["base"]["classifier"]
    first = tuple(classifier["labels"]) if classifier else ()
    return first + tuple(label for part in architecture["parts"] for label in part["labels"])


def _base(fields: Fields, shape: tuple[int, int, int], bounds: Bounds) -> Base:
    block, design = fields.any("scattering"), fields.any("classifier")
    scattering = None if block is None else _scattering(block, shape)
    classifier: Plan | None = None if design is None else check(design, bounds)
    directions = fields.integer("directions", 0, MAX_DIRECTIONS)
    fields.done()
    if scattering is None and classifier is None:
        raise InvalidArchitecture("architecture.base names neither scattering nor a classifier")
    if classifier is not None and classifier.input_shape != shape:
        raise InvalidArchitecture(f"architecture.base.classifier takes {classifier.input_shape}, not {shape}")
    if classifier is None and directions:
        raise InvalidArchitecture("architecture.base.directions are of a classifier's labels; it has none")
    features = (scattering.features if scattering else 0) + (classifier.features if classifier else 0)
    if features > MAX_FEATURES:
        raise InvalidArchitecture(
            f"the base has {features} features, the limit is {MAX_FEATURES}",
            cost=features,
            limit=MAX_FEATURES,
        )
    return Base(scattering, classifier, directions, features, classifier.labels if classifier else ())


def _scattering(block: object, shape: tuple[int, int, int]) -> Scattering:
    fields = Fields(block, "architecture.base.scattering", InvalidArchitecture)
    scales = fields.integer("scales", 1, MAX_SCALES)
    orientations = fields.integer("orientations", 1, MAX_ORIENTATIONS)
    fields.done()
    channels, height, width = shape
    if channels != 1:
        raise InvalidArchitecture(f"scattering takes one channel, the input has {channels}")
    return Scattering(scales, orientations, (framed(height, scales), framed(width, scales)))


def framed(side: int, scales: int) -> int:
    """Pixels along one side with a frame around them: the next multiple of 2**scales."""
    step = 1 << scales
    return -(-(side + FRAME_PIXELS) // step) * step


def _part(entry: object, base: Base, before: list[Part]) -> Part:
    index = len(before)
    fields = Fields(entry, f"architecture.parts[{index}]", InvalidArchitecture)
    schema = schemas.SCHEMAS[fields.one_of("rule", tuple(schemas.SCHEMAS))]
    labels = _labels(fields, schema)
    after = fields.integer("after", 0, index)
    options = {name: fields.integer(name, low, high) for name, (low, high) in schema.options.items()}
    fields.done()
    if after != index and after != before[-1].after:
        raise InvalidArchitecture(
            f"{fields.where}.after must be {index}, or {before[-1].after} as that of the part it was merged "
            f"with; it is {after}"
        )
    if index and not after and not base.labels:
        raise InvalidArchitecture(f"{fields.where}.after must be at least 1: the base has no labels")
    if after != index and not (labels and before[-1].labels):
        raise InvalidArchitecture(
            f"{fields.where}.after must be {index}: nothing is taught side by side with neurons alone"
        )
    if not labels and not index and not base.labels:
        raise InvalidArchitecture(f"{fields.where}.rule {schema.name} finds no labels that it could correct")
    family = _family(before)
    if schema.family != family and family is not None and (schema.teaches or family == "sums"):
        first = next(part.rule for part in before if part.labels)
        raise InvalidArchitecture(
            f"{fields.where}.rule {schema.name} cannot stand beside {first}: answers do not compare"
        )
    if schema.family == "sums" and base.labels:
        raise InvalidArchitecture(
            f"{fields.where}.rule {schema.name} needs sums of all labels; a classifier in the base has none"
        )
    known = before[:after]
    part = Part(
        index=index,
        rule=schema.name,
        labels=labels,
        after=after,
        options=options,
        features=base.features,
        older=len(base.labels) + sum(len(p.labels) for p in known),
        founds=index == 0 and not base.labels,
        hidden_before=sum(p.options.get("hidden", 0) for p in known if p.labels),
    )
    return replace(part, tensors=schema.tensors(part))


def _family(parts: list[Part]) -> str | None:
    return next((schemas.SCHEMAS[part.rule].family for part in parts if part.labels), None)


def _labels(fields: Fields, schema: schemas.Schema) -> tuple[int, ...]:
    entries = fields.items("labels", 1, MAX_LABELS) if schema.teaches else fields.items("labels", 0, 0)
    where = f"{fields.where}.labels"
    return tuple(fields.bounded(e, f"{where}[{i}]", 0, MAX_LABELS - 1) for i, e in enumerate(entries))


def _check_labels(base: Base, parts: list[Part]) -> None:
    known = set(base.labels)
    for part in parts:
        for label in part.labels:
            if label in known:
                raise InvalidArchitecture(
                    f"architecture.parts[{part.index}].labels names class {label}, which is there already"
                )
            known.add(label)


def _base_tensors(base: Base, shape: tuple[int, int, int]) -> dict[str, Shape]:
    tensors: dict[str, Shape] = {}
    if base.scattering is not None:
        grid = base.scattering.grid
        tensors["base.scattering.low"] = grid
        tensors["base.scattering.band"] = (base.scattering.scales, base.scattering.orientations, *grid)
    if base.classifier is not None:
        tensors |= {f"base.classifier.{name}": s for name, s in base.classifier.tensors.items()}
        tensors |= {f"base.{name}": (1,) for name in ("scale", *FOUNDATION)}
        stats = statistics_tensors(len(base.labels), max(1, base.directions), base.features)
        tensors |= {f"base.statistics.{name}": s for name, s in stats.items()}
    return tensors


def _macs(base: Base, parts: list[Part]) -> int:
    """Multiply-accumulates for one sample: every number of a part once, filters once a path."""
    macs = sum(prod(s) for part in parts for s in part.tensors.values())
    if base.classifier is not None:
        macs += base.classifier.macs + len(base.labels) * max(1, base.directions) * base.features
    if base.scattering is not None:
        pixels = base.scattering.grid[0] * base.scattering.grid[1]
        macs += (
            3 * base.scattering.channels * pixels * 2 * pixels.bit_length()
        )  # transforms: forth, back, average
    return macs


def with_part(architecture: Architecture, part: Mapping[str, Any]) -> dict[str, Any]:
    """`architecture` with one more part."""
    return {**architecture, "parts": [*architecture["parts"], dict(part)]}
