"""The module that an architecture describes.

Shapes: B batch, C channels, H height, W width, F features, K outputs (one per label of the model).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.architecture import Architecture, Layer, Plan, check
from ml.bounds import CEILING, Bounds
from ml.models.norms import BatchNorm2d


class Classifier(nn.Module):
    """A stack of allow-listed layers up to the top features, and a linear head.

    Inputs are pixels scaled to [0, 1]; output k stands for the task's label `labels[k]`.
    """

    def __init__(self, architecture: Architecture, plan: Plan) -> None:
        super().__init__()
        self.architecture = architecture
        self.plan = plan
        self.labels = plan.labels
        self.layers = nn.Sequential(*(_module(layer) for layer in plan.layers))
        self.head = nn.Linear(plan.features, len(plan.labels))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The activations of the top hidden layer, features_BF."""
        features_BF: Tensor = self.layers(x_BCHW)
        return features_BF

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """logits_BK; their softmax is the model's output."""
        logits_BK: Tensor = self.head(self.features(x_BCHW))
        return logits_BK


def build(architecture: Architecture, bounds: Bounds = CEILING, seed: int | None = None) -> Classifier:
    """A classifier with random weights; checked first, so InvalidArchitecture comes before any allocation.

    With a `seed` the weights depend on it alone and torch's global generator is left as it was.
    """
    plan = check(architecture, bounds)
    if seed is None:
        return Classifier(architecture, plan)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Classifier(architecture, plan)


def _module(layer: Layer) -> nn.Module:
    match layer.kind:
        case "conv":
            return _SameConv2d(layer.inputs[0], layer.outputs[0], layer.size)
        case "linear":
            return nn.Linear(layer.inputs[0], layer.outputs[0])
        case "batch_norm":
            return BatchNorm2d(layer.inputs[0])
        case "max_pool":
            return nn.MaxPool2d(layer.size)
        case "avg_pool":
            return nn.AvgPool2d(layer.size)
        case "dropout":
            return nn.Dropout(layer.rate_ppm / 1_000_000)
        case "flatten":
            return nn.Flatten()
        case _:
            return nn.ReLU()


class _SameConv2d(nn.Conv2d):
    """Convolution that keeps height and width; with an even kernel the odd pixel is at the bottom right."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2 if size % 2 else 0)
        before, after = (size - 1) // 2, size // 2
        self.frame = (before, after, before, after) if before != after else None

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input if self.frame is None else functional.pad(input, self.frame))
