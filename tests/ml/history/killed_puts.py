"""Kills a put at its 1st, 2nd, 3rd, ... system call, until one runs through; prints what each left, as JSON.

Run as a program of its own, `killed_puts.py DIRECTORY`: it forks, which a process with threads must not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ml.canonical import sha256
from ml.history.archive import Archive

FIRST = {"weights/a": torch.arange(1_000, dtype=torch.float32)}
SECOND = {"weights/a": torch.arange(1_000, dtype=torch.float32) * 1.0001}
WATCHED = ("mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir", "close", "pread")


def kill_at(call: int) -> None:
    """From here on this process dies at the given system call."""
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                if function.__name__ == "write":
                    function(args[0], bytes(args[1])[:1_000])  # half of it is out
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return wrapper

    for name in WATCHED:
        setattr(os, name, counted(getattr(os, name)))


def put_and_die(folder: Path, call: int) -> bool:
    """True when the put was killed."""
    parent = Archive.open(folder).put(FIRST).pack
    child = os.fork()
    if child == 0:
        kill_at(call)
        Archive.open(folder).put(SECOND, parent)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def after(folder: Path) -> dict[str, bool]:
    """What a reader finds, and whether a second put completes it."""
    whole = all(sha256(pack.read_bytes()).hex() == pack.name for pack in (folder / "packs").iterdir())
    archive = Archive.open(folder)
    staging_is_empty = not any((folder / "staging").iterdir())
    found = set(archive.space())
    parent = archive.put(FIRST).pack
    second = archive.put(SECOND, parent).pack
    return {
        "packs_are_whole": whole,
        "staging_is_empty": staging_is_empty,
        "the_first_is_there": parent in found
        and torch.equal(archive.get(parent)["weights/a"], FIRST["weights/a"]),
        "second_put_completes": torch.equal(archive.get(second)["weights/a"], SECOND["weights/a"]),
        "was_there": second in found,
    }


def main() -> None:
    results = []
    for call in range(1, 1_000):
        folder = Path(sys.argv[1]) / str(call)
        killed = put_and_die(folder, call)
        results.append(after(folder) | {"killed": killed})
        if not killed:
            break
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
