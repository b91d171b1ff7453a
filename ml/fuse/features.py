"""Features of samples, computed once per model and sample set and then kept, however many fusions use them.

Shapes: N samples, F features, K outputs of one model.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor

from ml import weights
from ml.canonical import canonical_json, sha256
from ml.data.samples import Samples
from ml.evaluate import outputs
from ml.models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Block:
    """What one model says about a set of samples."""

    features_NF: Tensor  # its top hidden layer
    logits_NK: Tensor  # its own outputs, before the softmax

    @property
    def bytes(self) -> int:
        """Memory taken."""
        return 4 * (self.features_NF.numel() + self.logits_NK.numel())


class FeatureCache:
    """Blocks by digests of model and samples; beyond `max_bytes` the least recently used are dropped."""

    def __init__(self, max_bytes: int = 2 * 1024**3, threads: int = 1) -> None:
        self.max_bytes = max_bytes
        self.threads = threads
        self.computed = 0  # blocks that had to be computed so far
        self._blocks: OrderedDict[tuple[bytes, bytes], Block] = OrderedDict()

    def block(self, model: Classifier, samples: Samples) -> Block:
        """The block of `model` on `samples`."""
        key = (model_digest(model), samples.digest())
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        block = Block(*outputs(model, samples, self.threads))
        self.computed += 1
        self._blocks[key] = block
        while len(self._blocks) > 1 and sum(kept.bytes for kept in self._blocks.values()) > self.max_bytes:
            self._blocks.popitem(last=False)
        return block


def model_digest(model: Classifier) -> bytes:
    """32 bytes that name a model: its architecture and its weights."""
    return sha256(sha256(canonical_json(model.architecture)) + sha256(weights.to_bytes(model)))
