"""A grown model: a frozen base, frozen parts, and one answer over all labels.

Shapes: N samples, B batch, C channels, H height, W width, F features, K labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml import evaluate
from ml.architecture import Architecture
from ml.bounds import CEILING, Bounds
from ml.canonical import canonical_json, sha256
from ml.data.samples import Samples
from ml.errors import InvalidPackage
from ml.growth.answers import answer_of
from ml.growth.architecture import GrownPlan, check_grown
from ml.growth.part import Part
from ml.growth.scattering import Transform
from ml.models.classifier import Classifier
from ml.weights import pack, unpack

BATCH: Final = 64  # samples that one thread computes at a time
POSITIVE: Final = ("noise", "temperature", "scale", "ridge")
"""Local names of tensors that the answer divides by."""


class Grown:
    """A model that was grown; `labels` in the order in which they were taught."""

    def __init__(self, architecture: Architecture, plan: GrownPlan, tensors: Mapping[str, Tensor]) -> None:
        self.architecture = architecture
        self.plan = plan
        self.tensors = dict(tensors)
        self.labels = plan.labels
        self.classifier = self._base_classifier()
        self._transform = self._base_transform()
        self._answer: Callable[[Tensor], Tensor] | None = None

    @property
    def parameters(self) -> int:
        """Numbers in the weights file."""
        return self.plan.parameters

    def features(self, samples: Samples, threads: int = 1) -> Tensor:
        """features_NF in float32: what the frozen base makes of all samples, for any number of threads."""
        return evaluate.in_batches(lambda batch: (self._see(batch),), samples, BATCH, threads)[0]

    def log_probabilities(self, samples: Samples, threads: int = 1) -> NDArray[np.float64]:
        """log_p_NK, one column for each of `labels`; bit for bit the same for any number of threads."""
        answer = self._prepared()

        def run(batch: Samples) -> tuple[Tensor, ...]:
            with torch.inference_mode():
                return (answer(self._see(batch)),)

        log_p_NK: NDArray[np.float64] = evaluate.in_batches(run, samples, BATCH, threads)[0].numpy()
        return log_p_NK

    def answer(self, features_BF: Tensor) -> Tensor:
        """log_p_BK in float64 from what `features` gives."""
        with torch.inference_mode():
            return self._prepared()(features_BF)

    def predict(self, samples: Samples) -> NDArray[np.int64]:
        """The label of each sample, or ml.evaluate.WRONG."""
        return evaluate.choose(torch.from_numpy(self.log_probabilities(samples)), self.labels)

    def of(self, part: Part) -> dict[str, Tensor]:
        """The tensors of one part by local name."""
        return {name: self.tensors[part.prefix + name] for name in part.tensors}

    def value(self, name: str) -> float:
        """A number that the foundation settled: of the base if it has labels, else of the first part."""
        prefix = "base." if self.plan.base.labels else self.plan.parts[0].prefix
        return float(self.tensors[prefix + name])

    def _prepared(self) -> Callable[[Tensor], Tensor]:
        if self._answer is None:
            self._answer = answer_of(self)
        return self._answer

    def _see(self, batch: Samples) -> Tensor:
        x_B1HW = batch.tensor()
        blocks: list[Tensor] = []
        with torch.inference_mode():
            if self._transform is not None:
                blocks.append(self._transform(x_B1HW))
            if self.classifier is not None:
                learned_BF = self.classifier.features(x_B1HW)
                blocks.append(learned_BF * self.tensors["base.scale"])
            return torch.cat(blocks, dim=1)

    def _base_classifier(self) -> Classifier | None:
        if self.plan.base.classifier is None:
            return None
        model = Classifier(self.architecture["base"]["classifier"], self.plan.base.classifier)
        prefix = "base.classifier."
        model.load_state_dict({n[len(prefix) :]: t for n, t in self.tensors.items() if n.startswith(prefix)})
        return model.eval()

    def _base_transform(self) -> Transform | None:
        if self.plan.base.scattering is None:
            return None
        low, band = self.tensors["base.scattering.low"], self.tensors["base.scattering.band"]
        return Transform(self.plan.base.scattering, low, band)


def to_bytes(model: Grown) -> bytes:
    """The weights file of `model` (ml.weights): it begins with the tensors of the model that was grown."""
    return pack(model.tensors)


def from_bytes(data: bytes, architecture: Architecture, bounds: Bounds = CEILING) -> Grown:
    """The grown model of `architecture` with the weights in `data`.

    Raises InvalidArchitecture or InvalidPackage; nothing is allocated before both are known to be good.
    """
    plan = check_grown(architecture, bounds)
    return from_tensors(architecture, plan, unpack(data, plan.tensors))


def from_tensors(architecture: Architecture, plan: GrownPlan, tensors: Mapping[str, Tensor]) -> Grown:
    """As from_bytes, of tensors that fit `plan`. Raises InvalidPackage for a value that no answer can use."""
    for name, tensor in tensors.items():
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InvalidPackage(f"{name} holds a negative variance")
        if name.split(".")[-1] in POSITIVE and bool((tensor <= 0).any()):
            raise InvalidPackage(f"{name} must be above 0")
    return Grown(architecture, plan, tensors)


def grown_digest(model: Grown) -> bytes:
    """32 bytes that name a model: its architecture and its weights."""
    return sha256(sha256(canonical_json(model.architecture)) + sha256(to_bytes(model)))


def model_arguments(**base: Any) -> dict[str, Any]:
    """The `base` of an architecture, with what is left out."""
    return {"scattering": None, "classifier": None, "directions": 0} | base
