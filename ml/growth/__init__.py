"""Models that grow: new classes beside frozen old ones (Krolevets, 2019, section 3 and appendix A).

What needs torch is imported when it is asked for: manifests are read without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ml.growth.architecture import check_grown, is_grown, labels_of

if TYPE_CHECKING:
    from ml.growth.frozen import check_extension, check_frozen
    from ml.growth.growing import OPTIONS, RULES, adopt, found, grow, merge
    from ml.growth.grown import Grown, from_bytes, to_bytes
    from ml.growth.improving import improve
    from ml.growth.memory import DualMemory

_LATER = {
    "DualMemory": "memory",
    "Grown": "grown",
    "OPTIONS": "growing",
    "RULES": "growing",
    "adopt": "growing",
    "check_extension": "frozen",
    "check_frozen": "frozen",
    "found": "growing",
    "from_bytes": "grown",
    "grow": "growing",
    "improve": "improving",
    "merge": "growing",
    "to_bytes": "grown",
}

__all__ = [
    "OPTIONS",
    "RULES",
    "DualMemory",
    "Grown",
    "adopt",
    "check_extension",
    "check_frozen",
    "check_grown",
    "found",
    "from_bytes",
    "grow",
    "improve",
    "is_grown",
    "labels_of",
    "merge",
    "to_bytes",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
