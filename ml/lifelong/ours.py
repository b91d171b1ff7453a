"""Our growth rules on one order of classes, each beside the same model trained jointly.

Shapes: N samples, K labels, T tasks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.growth import Grown, check_frozen, found, grow, to_bytes
from ml.growth.neurons import Recipe
from ml.lifelong.protocol import accuracies, measures
from ml.lifelong.seen import Seen
from ml.weights import leaves

SCATTERING: Final = MappingProxyType({"scales": 3, "orientations": 4})
RECIPE: Final = Recipe(epochs=3)


@dataclass(frozen=True)
class Setting:
    """One way to grow. What is set here was chosen on held-out training images."""

    rule: str
    options: dict[str, int] = field(default_factory=lambda: {"directions": 80, "hidden": 128})
    recipe: Recipe = RECIPE
    share: int = (
        1  # every so many of the training images; rules trained by gradient take as many as the rivals
    )


SETTINGS: Final = (
    Setting("subspace"),
    Setting("analytic"),
    Setting("dual_memory"),
    Setting("progressive", share=12),
    Setting("widened", share=12),
)


def run(
    setting: Setting, train: Seen, test: Seen, split: Sequence[Sequence[int]], seed: int
) -> dict[str, Any]:
    """One growth rule, task by task, no sample kept; and models taught the same classes all at once."""
    began = time.process_time()
    steps: list[list[float]] = []
    joint: list[list[float]] = []
    model: Grown | None = None
    changed = 0
    for number, task in enumerate(split):
        grown = _taught(model, setting, train.with_labels(tuple(task)), task, seed)
        if model is not None:
            changed += changed_tensors(to_bytes(model), to_bytes(grown))
            check_frozen(to_bytes(model), to_bytes(grown))
        model = grown
        predicted_N = answers(model, test)
        steps.append(accuracies(predicted_N, test.samples.labels_N, split))
        seen = [label for past in split[: number + 1] for label in past]
        together = _taught(None, setting, train.with_labels(tuple(seen)), seen, seed) if number else model
        joint_N = answers(together, test)
        joint.append(accuracies(joint_N, test.samples.labels_N, split))
    right_N, joint_right_N = predicted_N == test.samples.labels_N, joint_N == test.samples.labels_N
    here = measures(np.array(steps), float(right_N.mean()))
    there = measures(np.array(joint), float(joint_right_N.mean()))
    assert model is not None
    return {
        "measures": asdict(here),
        "joint": asdict(there),
        "excess_forgetting": here.forgetting_first - there.forgetting_first,
        "predictions_unlike_joint": int((predicted_N != joint_N).sum()),
        "old_weights_changed": changed,
        "matrix": steps,
        "parameters": model.parameters,
        "seconds": time.process_time() - began,
    }


def answers(model: Grown, test: Seen) -> NDArray[np.int64]:
    """The label that `model` gives each sample."""
    best_N = model.answer(test.features_NF).argmax(dim=1).numpy()
    labels_N: NDArray[np.int64] = np.array(model.labels, dtype=np.int64)[best_N]
    return labels_N


def changed_tensors(parent: bytes, child: bytes) -> int:
    """How many of a parent's tensors are not, bit for bit and in place, at the start of the child's file."""
    old, new = leaves(parent), leaves(child)
    return sum(a != b for a, b in zip(old, new, strict=False)) + max(0, len(old) - len(new))


def _taught(model: Grown | None, setting: Setting, new: Seen, labels: Sequence[int], seed: int) -> Grown:
    arguments: dict[str, Any] = {
        "labels": list(labels),
        "options": setting.options,
        "recipe": setting.recipe,
        "features_NF": new.features_NF,
    }
    if model is None:
        return found(new.samples, setting.rule, seed, scattering=SCATTERING, **arguments)
    return grow(model, new.samples, setting.rule, seed, **arguments)
