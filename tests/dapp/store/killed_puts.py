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

from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore

CONTENT = bytes(262_144) + b"end"  # two leaves and a root
WATCHED = ("mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir", "close")


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


def put_and_die(directory: Path, call: int) -> bool:
    """True when the put was killed."""
    store = EmbeddedStore(directory)
    child = os.fork()
    if child == 0:
        kill_at(call)
        store.put(CONTENT)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def after(directory: Path) -> dict[str, bool]:
    """What a reader finds, and whether a second put completes it."""
    cid = cid_of(CONTENT)
    whole = all(
        f"{block.name}" in (cid_of(block.read_bytes()), cid) for block in (directory / "blocks").iterdir()
    )
    store = EmbeddedStore(directory)
    found = store.has(cid)
    return {
        "blocks_are_whole": whole,
        "staging_is_empty": not any((directory / "staging").iterdir()),
        "what_is_there_is_readable": not found or store.get(cid, len(CONTENT)) == CONTENT,
        "second_put_completes": store.put(CONTENT) == cid and store.get(cid, len(CONTENT)) == CONTENT,
        "was_there": found,
    }


def main() -> None:
    results = []
    for call in range(1, 1_000):
        directory = Path(sys.argv[1]) / str(call)
        killed = put_and_die(directory, call)
        results.append(after(directory) | {"killed": killed})
        if not killed:
            break
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
