"""Evaluations as the server keeps them, whatever their process prints."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from dapp.web.desk import evaluations
from dapp.web.desk.evaluations import Evaluations

SAYS = (
    'import sys; sys.stdin.readline(); print(\'a library prints\'); print(\'{"kind": "done", "scores": []}\')'
)


def test_follow_processWhoseLibraryPrints_isFollowedToItsEnd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawned(_: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SAYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return process

    monkeypatch.setattr(evaluations, "_spawned", spawned)
    made, task = Evaluations(tmp_path, "http://127.0.0.1:1", 1, tmp_path, "embedded:none"), b"\x05" * 32
    made.start(task, 1, 10)
    ends = time.monotonic() + 20
    while (found := made.of(task, 1)) is not None and found.state == "running":
        assert time.monotonic() < ends
        time.sleep(0.02)
    assert found is not None and found.state == "done"
