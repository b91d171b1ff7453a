"""Upper bounds on what a model may cost, checked before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_DOCUMENT_BYTES: Final = 262_144  # one raw IPFS block: its CID's digest is its SHA-256
MAX_DOCUMENT_DEPTH: Final = 8  # nesting of a spec or manifest; the deepest honest one has 5
MAX_LABELS: Final = 256  # a label index is one byte in a packed sample file
CLASS_NAME_BYTES: Final = 32  # of a lineage's class, UTF-8: one word on chain
MAX_LAYERS: Final = 64
MAX_SIDE_PIXELS: Final = 512  # height or width of an input
MAX_CHANNELS: Final = 4_096  # of an input or any layer
MAX_ACTIVATIONS: Final = 4_000_000  # numbers the largest layer puts out for one sample: 16 MB


@dataclass(frozen=True)
class Bounds:
    """What a task allows a model to cost. The defaults are generous for Table I (0.5 M parameters)."""

    weights_bytes: int = 8 * 1024 * 1024
    parameters: int = 2_000_000
    macs: int = 200_000_000  # multiply-accumulates for one sample


CEILING: Final = Bounds(weights_bytes=64 * 1024 * 1024, parameters=16_000_000, macs=2_000_000_000)
"""No task specification may allow more than this, whoever wrote it."""
