"""Growing a model: found one on data-free features, adopt a classifier, grow it by a rule, merge growths.

What was is never touched: the new weights file begins with the old one's tensors, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ml.architecture import Architecture
from ml.bounds import CEILING, Bounds
from ml.data.samples import Samples
from ml.errors import InvalidGrowth, InvalidSamples
from ml.growth import analytic, correction, dual_memory, progressive, subspace, widened
from ml.growth.architecture import KIND, VERSION, GrownPlan, check_grown, with_part
from ml.growth.frozen import check_extension
from ml.growth.grown import Grown, from_tensors
from ml.growth.lesson import Lesson
from ml.growth.neurons import Recipe
from ml.growth.scattering import filters
from ml.growth.schemas import NEURONS, SCHEMAS
from ml.growth.statistics import gather, settle
from ml.models.classifier import Classifier
from ml.threads import torch_threads

RULES: Final[Mapping[str, Callable[[Lesson], dict[str, Tensor]]]] = MappingProxyType(
    {
        "subspace": subspace.teach,
        "analytic": analytic.teach,
        "progressive": progressive.teach,
        "widened": widened.teach,
        "dual_memory": dual_memory.teach,
        NEURONS: correction.teach,
    }
)
OPTIONS: Final = MappingProxyType({"directions": 80, "hidden": 128})
SCATTERING: Final = MappingProxyType({"scales": 3, "orientations": 4})
RECIPE: Final = Recipe()


def found(
    samples: Samples,
    rule: str = "subspace",
    seed: int = 0,
    *,
    scattering: Mapping[str, int] = SCATTERING,
    labels: Sequence[int] | None = None,
    options: Mapping[str, int] = OPTIONS,
    recipe: Recipe = RECIPE,
    bounds: Bounds = CEILING,
    features_NF: Tensor | None = None,
) -> Grown:
    """A first model on data-free features, which knows the classes of `samples`. Arguments as in `grow`."""
    shape = [1, *samples.images_NHW.shape[1:]]
    base = {"scattering": dict(scattering), "classifier": None, "directions": 0}
    empty = {"version": VERSION, "kind": KIND, "input": shape, "base": base, "parts": []}
    return _taught(None, empty, samples, rule, seed, labels, options, recipe, bounds, features_NF)


def adopt(
    classifier: Classifier,
    samples: Samples,
    *,
    scattering: Mapping[str, int] | None = None,
    directions: int = OPTIONS["directions"],
    bounds: Bounds = CEILING,
) -> Grown:
    """`classifier` as a model that can grow: it answers as before, and keeps statistics of its own `samples`.

    With `scattering`, new parts see data-free features too, not only those it learned for its own classes.
    """
    own = samples.with_labels(classifier.labels)
    target_N = torch.from_numpy(np.searchsorted(np.asarray(classifier.labels), own.labels_N))
    if len(torch.unique(target_N)) < len(classifier.labels):
        raise InvalidSamples(f"samples of all of {classifier.labels} are needed for their statistics")
    base: dict[str, Any] = {
        "scattering": None if scattering is None else dict(scattering),
        "classifier": classifier.architecture,
        "directions": directions,
    }
    shape = list(classifier.plan.input_shape)
    architecture = {"version": VERSION, "kind": KIND, "input": shape, "base": base, "parts": []}
    plan = check_grown(architecture, bounds)
    tensors = _base_tensors(plan)
    tensors |= {f"base.classifier.{n}": t.detach().clone() for n, t in classifier.state_dict().items()}
    blank = {n: torch.ones(s) for n, s in plan.tensors.items() if n not in tensors}
    scale = _scale(Grown(architecture, plan, tensors | blank).features(own), plan)
    features_NF = Grown(architecture, plan, tensors | blank | {"base.scale": scale}).features(own)
    with torch_threads(1):
        fits, noise, temperature = settle(features_NF, target_N, max(1, directions))
    statistics = gather(fits).tensors()
    tensors |= {f"base.statistics.{name}": tensor for name, tensor in statistics.items()}
    tensors |= {"base.noise": torch.tensor([noise]), "base.temperature": torch.tensor([temperature])}
    return from_tensors(architecture, plan, tensors | {"base.scale": scale})


def grow(
    parent: Grown,
    samples: Samples,
    rule: str,
    seed: int = 0,
    *,
    labels: Sequence[int] | None = None,
    options: Mapping[str, int] = OPTIONS,
    recipe: Recipe = RECIPE,
    bounds: Bounds = CEILING,
    features_NF: Tensor | None = None,
) -> Grown:
    """`parent` with one part more, which knows the classes of `samples`; by the rule "neurons" with one that
    answers better for classes that `parent` knows.

    labels       the order of the new ones in the new model; else ascending
    options      the rule's integers: `directions` of a class, `hidden` neurons
    features_NF  what `parent.features(samples)` gives, for those who have it already

    Raises InvalidGrowth for a class that the model has, by neurons for one that it has not;
    InvalidArchitecture for a rule that does not fit its parts, or for a model that costs more than `bounds`.
    """
    return _taught(
        parent, parent.architecture, samples, rule, seed, labels, options, recipe, bounds, features_NF
    )


def merge(parent: Grown, children: Sequence[Grown], bounds: Bounds = CEILING) -> Grown:
    """`parent` with the parts of all `children`, in their order. Nothing is trained, no tensor changes.

    Each child must be `parent` and one part more; their classes must differ; neurons alone merge with no
    other growth. Raises InvalidGrowth.
    """
    architecture, tensors = parent.architecture, dict(parent.tensors)
    known = len(parent.plan.parts)
    taught: dict[int, int] = {}
    for number, child in enumerate(children):
        check_extension(parent.architecture, child.architecture, bounds)
        _check_same(parent, child, number)
        if len(child.plan.parts) != known + 1:
            raise InvalidGrowth(
                f"growth {number} adds {len(child.plan.parts) - known} parts; a merge takes one of each"
            )
        part = child.plan.parts[known]
        if not part.labels and len(children) > 1:
            raise InvalidGrowth(f"growth {number} adds neurons alone: they merge with no other growth")
        for label in part.labels:
            if label in taught:
                raise InvalidGrowth(f"growths {taught[label]} and {number} both teach class {label}")
            taught[label] = number
        architecture = with_part(architecture, child.architecture["parts"][known])
        prefix = f"part.{known + number:03}."
        tensors |= {prefix + name: tensor for name, tensor in child.of(part).items()}
    plan = check_grown(architecture, bounds)
    return from_tensors(architecture, plan, tensors)


def _check_same(parent: Grown, child: Grown, number: int) -> None:
    for name, tensor in parent.tensors.items():
        if not torch.equal(tensor.view(torch.int32), child.tensors[name].view(torch.int32)):
            raise InvalidGrowth(f"growth {number} changed the old tensor {name}", tensor=name)


def _taught(
    parent: Grown | None,
    architecture: Architecture,
    samples: Samples,
    rule: str,
    seed: int,
    labels: Sequence[int] | None,
    options: Mapping[str, int],
    recipe: Recipe,
    bounds: Bounds,
    features_NF: Tensor | None,
) -> Grown:
    if rule not in RULES:
        raise InvalidGrowth(
            f"there is no growth rule {rule[:40]!r}", fix=f"Choose one of: {', '.join(RULES)}."
        )
    order, places = _order(rule, labels, samples, parent)
    values = {name: dict(OPTIONS, **options)[name] for name in SCHEMAS[rule].options}
    entry = {"rule": rule, "labels": order, "after": len(architecture["parts"])} | values
    grown = with_part(architecture, entry)
    plan = check_grown(grown, bounds)
    tensors = dict(parent.tensors) if parent is not None else _base_tensors(plan)
    if features_NF is None:
        features_NF = (
            parent.features(samples) if parent is not None else _blank(grown, plan, tensors).features(samples)
        )
    target_N = torch.tensor([places[label] for label in samples.labels_N.tolist()])
    part = plan.parts[-1]
    with torch_threads(1):
        new = RULES[rule](Lesson(parent, part, features_NF, target_N, seed, recipe))
    tensors |= {
        part.prefix + name: tensor.reshape(part.tensors[name]).contiguous() for name, tensor in new.items()
    }
    return from_tensors(grown, plan, tensors)


def _order(
    rule: str, labels: Sequence[int] | None, samples: Samples, parent: Grown | None
) -> tuple[list[int], dict[int, int]]:
    """The new part's labels, and the place of each label of the samples among those that it answers for."""
    if SCHEMAS[rule].teaches:
        order = sorted(set(samples.labels_N.tolist())) if labels is None else list(labels)
        _check_order(order, samples, parent)
        return order, {label: place for place, label in enumerate(order)}
    known = () if parent is None else parent.labels
    if labels:
        raise InvalidGrowth(f"the rule {rule} teaches no class; labels {list(labels)} were named")
    for label in sorted(set(samples.labels_N.tolist())):
        if label not in known:
            raise InvalidGrowth(f"the model does not know class {label}; {rule} teach none", label=label)
    if len(samples) == 0:
        raise InvalidSamples(f"the rule {rule} needs samples of classes that the model knows")
    return [], {label: place for place, label in enumerate(known)}


def _check_order(order: list[int], samples: Samples, parent: Grown | None) -> None:
    if not order:
        raise InvalidGrowth(
            "no class to teach is named", fix=f"Name labels, or grow by the rule {NEURONS}, which needs none."
        )
    present = set(samples.labels_N.tolist())
    if set(order) != present or len(order) != len(present):
        raise InvalidGrowth(f"the samples have the classes {sorted(present)}, not {order}")
    for label in order:
        if parent is not None and label in parent.labels:
            raise InvalidGrowth(f"the model knows class {label} already", label=label)


def _base_tensors(plan: GrownPlan) -> dict[str, Tensor]:
    block = plan.base.scattering
    return {} if block is None else {f"base.scattering.{n}": t for n, t in filters(block).items()}


def _blank(architecture: Architecture, plan: GrownPlan, tensors: Mapping[str, Tensor]) -> Grown:
    """A model that can only see."""
    return Grown(architecture, plan, tensors)


def _scale(features_NF: Tensor, plan: GrownPlan) -> Tensor:
    """What brings learned features to the spread of the data-free ones beside them; else 1."""
    if plan.base.scattering is None:
        return torch.ones(1)
    fixed = plan.base.scattering.features
    spread = [
        float(part.double().var(dim=0).sum()) for part in (features_NF[:, :fixed], features_NF[:, fixed:])
    ]
    return torch.tensor([(spread[0] / max(spread[1], 1e-12)) ** 0.5])
