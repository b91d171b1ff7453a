"""Improving a model: another with the same design and labels in its place, from one's own samples.

Krolevets (2019), section 3.0.1 (2 e): everyone trains from the head, and the lowest verified loss wins. A
learned base is trained on from where it stands; statistics and parts are made anew, in their order.
"""

from __future__ import annotations

import copy

from ml.bounds import CEILING, Bounds
from ml.data.samples import Samples
from ml.errors import InvalidSamples
from ml.growth.growing import adopt, found, grow
from ml.growth.grown import Grown
from ml.growth.part import Part
from ml.growth.schemas import SCHEMAS
from ml.train import Progress, Recipe, fit

FINE_TUNING = Recipe(steps=300, learning_rate=0.0005)


def improve(
    parent: Grown,
    samples: Samples,
    seed: int = 0,
    *,
    recipe: Recipe = FINE_TUNING,
    bounds: Bounds = CEILING,
    progress: Progress | None = None,
) -> Grown:
    """A model of the parent's design, for its labels, made from `samples`; the parent stays as it is.

    Raises InvalidSamples when they do not show every label.
    """
    present = set(samples.labels_N.tolist())
    if missing := [label for label in parent.labels if label not in present]:
        raise InvalidSamples(f"no sample shows label {missing[0]}, which the model knows", label=missing[0])
    model, parts = _base(parent, samples, seed, recipe, bounds, progress)
    for part in parts:
        model = grow(
            model,
            samples.with_labels(part.labels or model.labels),
            part.rule,
            seed,
            labels=part.labels,
            options=part.options,
            bounds=bounds,
        )
    return model


def _base(
    parent: Grown, samples: Samples, seed: int, recipe: Recipe, bounds: Bounds, progress: Progress | None
) -> tuple[Grown, tuple[Part, ...]]:
    """The new base, and the parts that are still to be made."""
    block = parent.architecture["base"]["scattering"]
    if parent.classifier is not None:
        classifier = fit(copy.deepcopy(parent.classifier), samples, recipe, seed, progress)
        directions = parent.plan.base.directions
        adopted = adopt(classifier, samples, scattering=block, directions=directions, bounds=bounds)
        return adopted, parent.plan.parts
    first, *others = parent.plan.parts
    model = found(
        samples.with_labels(first.labels),
        first.rule,
        seed,
        scattering=block,
        labels=first.labels,
        options={name: first.options[name] for name in SCHEMAS[first.rule].options},
        bounds=bounds,
    )
    return model, tuple(others)
