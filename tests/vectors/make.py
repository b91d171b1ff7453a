"""Golden vectors that Solidity and Python are both held against: one JSON file a subject, made by Python.

python -m tests.vectors.make            names the files that are not what this makes
python -m tests.vectors.make --write    writes them

cid.json and openzeppelin_tree.json are others' and are not written here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.vectors.drawing import draw
from tests.vectors.hashes import leaves, seals
from tests.vectors.lineage import lineage
from tests.vectors.tally import tally
from tests.vectors.trees import placed_tree
from tests.vectors.words import phases, words

FOLDER = Path(__file__).resolve().parent
SUBJECTS = {
    "draw": draw,
    "leaves": leaves,
    "lineage": lineage,
    "phases": phases,
    "placed_tree": placed_tree,
    "seals": seals,
    "tally": tally,
    "words": words,
}
EXACT = (
    2**53
)  # integers up to here are JSON numbers in every language, greater ones strings of decimal digits


def load(name: str) -> Any:
    """The stored vectors of a subject, as JSON has them."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def text(name: str) -> str:
    """The file of a subject as it should be, without its name's suffix."""
    return _pretty(_plain(SUBJECTS[name]())) + "\n"


def outdated() -> list[str]:
    """Subjects whose file is not what this makes."""
    return [name for name in SUBJECTS if not _file(name).is_file() or _file(name).read_text() != text(name)]


def _file(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _plain(value: Any) -> Any:
    """The value in JSON's types."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and value > EXACT:
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _pretty(value: Any, depth: int = 0) -> str:
    """JSON with one line for whatever fits into it, so that a change is seen vector by vector."""
    line = json.dumps(value)
    fits = len(line) + depth <= 118 or not isinstance(value, (list, dict))
    if fits or (isinstance(value, list) and all(isinstance(entry, int) for entry in value)):
        return line
    inner = " " * (depth + 1)
    if isinstance(value, dict):
        rows = [f"{json.dumps(key)}: {_pretty(entry, depth + 1)}" for key, entry in value.items()]
        opening, closing = "{", "}"
    else:
        rows = [_pretty(entry, depth + 1) for entry in value]
        opening, closing = "[", "]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(rows) + f"\n{' ' * depth}{closing}"


def main() -> int:
    """Name what is outdated; with --write, write it. 1 when something was outdated and is not written."""
    names = outdated()
    for name in names:
        sys.stdout.write(f"{name}.json\n")
        if "--write" in sys.argv[1:]:
            _file(name).write_text(text(name))
    return int(bool(names) and "--write" not in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
