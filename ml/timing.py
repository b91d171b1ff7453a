"""Seconds of rival ways to do the same, taken in turn so that a busy machine wrongs none of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def best_of(
    repeats: int, naive: Sequence[Callable[[], object]], ours: Callable[[], object]
) -> tuple[float, float]:
    """The shortest seconds of any naive twin, and of ours; ours runs once unmeasured before."""
    ours()
    times = [(min(seconds(twin) for twin in naive), seconds(ours)) for _ in range(repeats)]
    return min(naive_s for naive_s, _ in times), min(ours_s for _, ours_s in times)


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
