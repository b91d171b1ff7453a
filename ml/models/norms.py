"""Batch normalisation whose state is float32 only: torch's, without its int64 count of batches.

The count is unused while momentum is set, and a weights file holds nothing but float32.
"""

from __future__ import annotations

from typing import Any

from torch import nn


class BatchNorm1d(nn.BatchNorm1d):
    """Over features_BF."""

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.num_batches_tracked = None

    def _load_from_state_dict(self, *arguments: Any) -> None:
        nn.Module._load_from_state_dict(self, *arguments)  # torch's own asks for the count


class BatchNorm2d(nn.BatchNorm2d):
    """Over the channels of x_BCHW."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.num_batches_tracked = None

    def _load_from_state_dict(self, *arguments: Any) -> None:
        nn.Module._load_from_state_dict(self, *arguments)
