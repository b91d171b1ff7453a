"""Features of samples, computed once per model and sample set and then kept, however many fusions use them.

Shapes: N samples, B batch, F features, K outputs of one model, C channels of its maps, H height, W width.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.data.samples import Samples
from ml.evaluate import outputs
from ml.models.classifier import Classifier
from ml.weights import model_digest as model_digest

MAP_SIDE: Final = 7  # larger maps are averaged down to this height and width
MAP_CHANNELS: Final = 128  # of one model; beyond these the earlier layers' are left out


@dataclass(frozen=True, eq=False)
class Block:
    """What one model says about a set of samples."""

    features_NF: Tensor  # its top hidden layer
    logits_NK: Tensor  # its own outputs, before the softmax
    maps_NCHW: Tensor  # float16: its rectified maps at the last resolution; C may be 0

    @property
    def bytes(self) -> int:
        """Memory taken."""
        return 4 * (self.features_NF.numel() + self.logits_NK.numel()) + 2 * self.maps_NCHW.numel()


class FeatureCache:
    """Blocks by digests of model and samples; beyond `max_bytes` the least recently used are dropped."""

    def __init__(self, max_bytes: int = 2 * 1024**3, threads: int = 1) -> None:
        self.max_bytes = max_bytes
        self.threads = threads
        self.computed = 0  # blocks that had to be computed so far
        self.parts: dict[Hashable, nn.Module] = {}  # trained parts of heads that depend on no model
        self._blocks: OrderedDict[tuple[bytes, bytes], Block] = OrderedDict()

    def block(self, model: Classifier, samples: Samples) -> Block:
        """The block of `model` on `samples`."""
        key = (model_digest(model), samples.digest())
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        block = Block(*outputs(model, samples, self.threads, _forward))
        self.computed += 1
        self._blocks[key] = block
        while len(self._blocks) > 1 and sum(kept.bytes for kept in self._blocks.values()) > self.max_bytes:
            self._blocks.popitem(last=False)
        return block


def map_layers(model: Classifier) -> tuple[int, ...]:
    """The layers whose outputs are the maps: rectified, at the last resolution, MAP_CHANNELS at most."""
    spatial = [(i, layer) for i, layer in enumerate(model.plan.layers) if len(layer.outputs) == 3]
    chosen: list[int] = []
    channels = 0
    for index, layer in reversed(spatial):
        channels += layer.outputs[0]
        if layer.outputs[1:] != spatial[-1][1].outputs[1:] or channels > MAP_CHANNELS:
            break
        if layer.kind == "relu":
            chosen.append(index)
        else:
            channels -= layer.outputs[0]
    return tuple(reversed(chosen))


def _forward(model: Classifier, samples: Samples) -> tuple[Tensor, ...]:
    """features_BF, logits_BK and maps_BCHW of one batch; the first two as ml.evaluate computes them."""
    taps = map_layers(model)
    maps: list[Tensor] = []
    with torch.inference_mode():
        x_BCHW = samples.tensor()
        flow = x_BCHW.contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(model.layers):
            flow = layer(flow)
            if index in taps:
                maps.append(_small(flow).half())
        features_BF = flow.contiguous()
        logits_BK: Tensor = model.head(features_BF)
        maps_BCHW = torch.cat(maps, dim=1) if maps else x_BCHW.new_zeros(len(x_BCHW), 0, 1, 1).half()
    return features_BF, logits_BK, maps_BCHW.contiguous()


def _small(maps_BCHW: Tensor) -> Tensor:
    height, width = maps_BCHW.shape[2:]
    if max(height, width) <= MAP_SIDE:
        return maps_BCHW
    return functional.adaptive_avg_pool2d(maps_BCHW, (min(height, MAP_SIDE), min(width, MAP_SIDE)))
