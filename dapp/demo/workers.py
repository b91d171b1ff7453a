"""Work in several processes at once, one thread each: training, and verifying as the separate parties would.

What is computed does not depend on how many processes share the work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from importlib import import_module
from multiprocessing.queues import Queue
from queue import Empty
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Report = Callable[[int, int], None]  # done, total
Progress = Callable[[str, int, int], None]  # name of the work, done, total
POLL_SECONDS = 0.2

_reports: Queue[tuple[str, int, int]] | None = None


class Workers:
    """A pool of processes. Leaving the `with` ends them all, whatever happened within."""

    def __init__(self, processes: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._reports: Queue[tuple[str, int, int]] = context.Queue()
        count = processes or os.cpu_count() or 1
        self._pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(self._reports,))
        for _ in range(count):
            self._submit(_import)  # takes seconds, in which the caller does something else

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._reports.cancel_join_thread()
        self._reports.close()

    def start(
        self, name: str, work: Callable[Concatenate[Report, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Begin `work(report, ...)`, a function of some module, as soon as a process is free."""
        return self._submit(_work, name, work, args, kwargs)

    def finish(self, futures: Mapping[str, Future[T]], progress: Progress) -> dict[str, T]:
        """The results by name, passing on what the workers report; the first failure ends the wait."""
        pending = set(futures.values())
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            self._pass_on(progress)
        return {name: future.result() for name, future in futures.items()}

    def _submit(self, work: Callable[..., T], *args: object) -> Future[T]:
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # by the processes that this starts
        try:
            return self._pool.submit(work, *args)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)

    def _pass_on(self, progress: Progress) -> None:
        while True:
            try:
                progress(*self._reports.get_nowait())
            except Empty:
                return


def _begin(reports: Queue[tuple[str, int, int]]) -> None:
    """First thing in a worker: Ctrl-C is the parent's business, and without a parent there is no work.

    Until here Ctrl-C was blocked (Workers.start).
    """
    global _reports
    _reports = reports
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _import() -> None:
    """Load what every work needs."""
    import_module("dapp.demo.work")


def _work(name: str, work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    import torch

    torch.set_num_threads(1)
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        if _reports is not None and total and (done * 50 // total > shown or done == total):
            shown = done * 50 // total
            _reports.put((name, done, total))

    return work(report, *args, **kwargs)
