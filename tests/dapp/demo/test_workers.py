"""Worker processes: results by name, progress passed on, nobody left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from dapp.demo.workers import Report, Workers
from ml.errors import InvalidFusion

pytestmark = pytest.mark.heavy


def double(report: Report, number: int) -> int:
    """Twice `number`."""
    report(1, 2)
    report(2, 2)
    return 2 * number


def fail(report: Report) -> None:
    """Fails."""
    raise InvalidFusion("nothing to fuse")


def sleep(report: Report) -> int:
    """Takes long."""
    time.sleep(60)
    return os.getpid()


def test_finish_givesResultsByName() -> None:
    seen: list[tuple[str, int, int]] = []
    with Workers(2) as workers:
        futures = {name: workers.start(name, double, n) for name, n in {"a": 1, "b": 5}.items()}
        assert workers.finish(futures, lambda *report: seen.append(report)) == {"a": 2, "b": 10}


def test_finish_afterFailure_raisesIt() -> None:
    with Workers(1) as workers, pytest.raises(InvalidFusion):
        workers.finish({"x": workers.start("x", fail)}, lambda *report: None)


@pytest.mark.parametrize(
    "after_s", [0.2, *(pytest.param(after_s, marks=pytest.mark.long) for after_s in (0.0, 2.0))]
)
def test_ctrlC_isTheParentsBusiness_alsoWhileAWorkerStarts(after_s: float) -> None:
    with Workers(1) as workers:
        futures = {"a": workers.start("a", double, 4)}
        time.sleep(after_s)
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGINT)
        assert workers.finish(futures, lambda *report: None) == {"a": 8}


def test_leaving_endsWorkAndProcesses() -> None:
    began = time.monotonic()
    with Workers(1) as workers:
        workers.start("slow", sleep)
        time.sleep(0.5)
    assert time.monotonic() - began < 45
    assert multiprocessing.active_children() == []
