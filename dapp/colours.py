"""The colours of all pictures."""

from __future__ import annotations

from typing import Final

INK: Final = "#1f2933"
GRID: Final = "#d9dee3"
BLUE: Final = "#0b6e99"
RED: Final = "#d1495b"
GREEN: Final = "#2e7d4f"
AMBER: Final = "#c77d0a"
VIOLET: Final = "#6d4c9f"
GREY: Final = "#9aa5b1"
SLATE: Final = "#6b7a8f"
