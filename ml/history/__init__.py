"""The history of a training run: checkpoints, how they are linked, stored, restored and chosen.

`from ml.history import record` is what a training loop needs. It is loaded when asked for: headers and the
rule for targets do without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.history.recorder import Recorder as Recorder
    from ml.history.recorder import record as record

__all__ = ["Recorder", "record"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ml.history import recorder

    return getattr(recorder, name)
