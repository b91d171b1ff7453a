"""Base classes from libraries that Quorate works with but does not need."""

from __future__ import annotations

import importlib


def bases(*names: str) -> tuple[type, ...]:
    """The classes of these full names whose library is installed."""
    found: list[type] = []
    for name in names:
        module, _, kind = name.rpartition(".")
        try:
            found.append(getattr(importlib.import_module(module), kind))
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise  # the library is there, but something that it needs is not
    return tuple(found)
