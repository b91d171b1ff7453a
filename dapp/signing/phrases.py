"""What each function and message means, and what becomes final by it: calls.json, in plain English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

CALLS: Final = Path(__file__).with_name("calls.json")


@cache
def phrases() -> Mapping[str, Mapping[str, str]]:
    """`says` and `then`, by the name of the function or of the message's type."""
    loaded: Mapping[str, Mapping[str, str]] = json.loads(CALLS.read_text(encoding="utf-8"))
    return loaded
