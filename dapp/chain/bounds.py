"""What may be chosen when contracts are deployed."""

from __future__ import annotations

from typing import Final

DRAW_DELAY_BLOCKS: Final = 2  # between fixing a draw and the block that decides it, unless told otherwise
MIN_DRAW_DELAY_BLOCKS: Final = 1  # the hash that decides must not be known when the draw is fixed
MAX_DRAW_DELAY_BLOCKS: Final = 216_000  # the longest draw window, 30 days, in blocks of 12 seconds
