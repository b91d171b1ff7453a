"""What a participant printed with --json, for whoever sends it with that of others."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from dapp.cli.errors import Usage
from dapp.cli.verbs import arguments
from ml.canonical import shallow_json

T = TypeVar("T")


def entry(path: Path, printed_by: str, field: str, kind: type[T]) -> T:
    """The entry in the file, printed with or without --json. Raises Usage."""
    try:
        value = shallow_json(arguments.read_file(path, 100_000))
        value = value.get("data", value)
        value = value.get(field, value)
        types = {each.name: each.type for each in fields(kind)}  # type: ignore[arg-type]
        if set(value) != set(types):
            raise ValueError(f"it has the fields {sorted(value)}, not {sorted(types)}")
        return kind(
            **{name: given if types[name] == "str" else _from_json(given) for name, given in value.items()}
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise Usage(
            f"{path} holds no {field}: {error}", fix=f"Give the output of `quorate {printed_by}`."
        ) from None


def _from_json(value: object) -> object:
    """0x… back to bytes."""
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else value
