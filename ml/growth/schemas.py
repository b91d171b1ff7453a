"""The growth rules as a checker sees them: their integers and their tensors, nothing that computes.

Families say how a model's parts answer together: `density` weighs classes by how well they explain the
features, `sums` solves one ridge regression, `columns` breaks off each growth's share from the older labels,
`rows` is one softmax over all. Neurons alone have no labels and belong to no family: they correct any but
`sums`, whose answers to old labels move with each growth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ml.architecture import Shape
from ml.growth.part import FOUNDATION, Part, statistics_tensors

MAX_DIRECTIONS: Final = 1_024
MAX_HIDDEN: Final = 4_096
DIRECTIONS: Final = {"directions": (1, MAX_DIRECTIONS)}
HIDDEN: Final = {"hidden": (1, MAX_HIDDEN)}
NEURONS: Final = "neurons"  # the rule of parts that bring no label


@dataclass(frozen=True)
class Schema:
    """One growth rule, as a checker needs it."""

    name: str
    family: str | None  # parts of one model are of one: their answers can be weighed against each other
    tensors: Callable[[Part], dict[str, Shape]]  # what a part adds to the weights file, by local name
    options: Mapping[str, tuple[int, int]]  # the integers that a part has in JSON, with their bounds

    @property
    def teaches(self) -> bool:
        """Whether its parts bring labels."""
        return self.family is not None


def _subspace(part: Part) -> dict[str, Shape]:
    """Each class by its mean and principal directions."""
    return _statistics(part)


def _dual_memory(part: Part) -> dict[str, Shape]:
    """The same statistics for the gate, and an expert for the part's own labels."""
    return _statistics(part) | _inputs(part) | _layers(part, outputs=len(part.labels), lateral=0)


def _progressive(part: Part) -> dict[str, Shape]:
    """A new column with lateral connections from those before it."""
    outputs = len(part.labels) + (1 if part.older else 0)
    return _statistics(part) | _inputs(part) | _layers(part, outputs, lateral=part.hidden_before)


def _widened(part: Part) -> dict[str, Shape]:
    """New rows of the head, nothing else."""
    labels = len(part.labels)
    return (
        _statistics(part) | _inputs(part) | {"head.weight": (labels, part.features), "head.bias": (labels,)}
    )


def _analytic(part: Part) -> dict[str, Shape]:
    """Sums for ridge regression, each float64 number as two of float32."""
    side = part.features + 1  # the last feature is the constant one
    wholes: dict[str, Shape] = {"gram": (side * (side + 1) // 2,), "sums": (len(part.labels), side)}
    tensors = {f"{name}.{half}": shape for name, shape in wholes.items() for half in ("high", "low")}
    return tensors | ({"ridge": (1,), "temperature": (1,)} if part.founds else {})


def _neurons(part: Part) -> dict[str, Shape]:
    """A hidden layer, and what it adds to the answers of all labels before it."""
    return _inputs(part) | _layers(part, outputs=part.older, lateral=0)


def _statistics(part: Part) -> dict[str, Shape]:
    tensors = statistics_tensors(len(part.labels), part.options["directions"], part.features)
    return tensors | (dict.fromkeys(FOUNDATION, (1,)) if part.founds else {})


def _inputs(part: Part) -> dict[str, Shape]:
    return {"center": (part.features,), "scale": (part.features,)}


def _layers(part: Part, outputs: int, lateral: int) -> dict[str, Shape]:
    hidden = part.options["hidden"]
    layers: dict[str, Shape] = {
        "hidden.weight": (hidden, part.features),
        "hidden.bias": (hidden,),
        "out.weight": (outputs, hidden),
        "out.bias": (outputs,),
    }
    return layers | ({"lateral.weight": (hidden, lateral)} if lateral else {})


SCHEMAS: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        schema.name: schema
        for schema in (
            Schema("subspace", "density", _subspace, DIRECTIONS),
            Schema("analytic", "sums", _analytic, {}),
            Schema("progressive", "columns", _progressive, DIRECTIONS | HIDDEN),
            Schema("widened", "rows", _widened, DIRECTIONS),
            Schema("dual_memory", "density", _dual_memory, DIRECTIONS | HIDDEN),
            Schema(NEURONS, None, _neurons, HIDDEN),
        )
    }
)
