"""Kills a put at its 1st, 2nd, 3rd, ... system call, until one runs through; prints what each left, as JSON.

What is put, and what must be found afterwards, say the modules that run this as programs of their own: it
forks, which a process with threads must not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

WATCHED = ("mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir", "close", "pread")


class Subject(Protocol):
    """Something that keeps what is put into a folder."""

    def prepare(self, folder: Path) -> Callable[[], object]:
        """The put that is killed."""
        ...

    def after(self, folder: Path) -> dict[str, bool]:
        """What a reader finds, `was_there` among it, and whether a second put completes it."""
        ...


def check(module: str, folder: Path, least: int) -> None:
    """Run `module`: at none of more than `least` system calls anything is left half written."""
    done = subprocess.run(
        [sys.executable, "-m", module, folder], capture_output=True, check=True, cwd=Path(__file__).parents[1]
    )
    results = json.loads(done.stdout)
    assert [result.pop("killed") for result in results] == [True] * (len(results) - 1) + [False]
    assert len(results) > least
    assert {result.pop("was_there") for result in results} == {True, False}
    assert [result for result in results if not all(result.values())] == []


def main(subject: Subject) -> None:
    """What `check` runs."""
    results = []
    for call in range(1, 1_000):
        folder = Path(sys.argv[1]) / str(call)
        killed = _killed(subject.prepare(folder), call)
        results.append(subject.after(folder) | {"killed": killed})
        if not killed:
            break
    json.dump(results, sys.stdout)


def _killed(put: Callable[[], object], call: int) -> bool:
    child = os.fork()
    if child == 0:
        _kill_at(call)
        put()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _kill_at(call: int) -> None:
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
