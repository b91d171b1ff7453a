"""One pass over a loader, and how to go on in the middle of one with the very next batch.

A loader's order follows from where its sources of random numbers stood when the pass began. To go on after n
batches they are put back there, the pass is begun anew, n batches are skipped, and the sources are put to
where the checkpoint found them. Without workers skipping draws indices only. With workers (or an iterable
data set) the n batches are loaded and dropped: exact too, but it takes their time. With persistent_workers
the order is exact, random transforms are not: such workers carry their random numbers from pass to pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Generator
from torch.utils.data import DataLoader, IterableDataset

from ml.history.state import AnyGenerator, RestoreRefused, set_random_state

T = TypeVar("T")


@dataclass(frozen=True)
class Pass:
    """Where a pass over a loader is: after `batches` batches, having begun at `start` (random_state)."""

    batches: int
    start: Mapping[str, Any]


def generators_of(loader: Iterable[object], name: str) -> dict[str, AnyGenerator]:
    """The generators of its own that `loader` draws its order from; their names begin with `name`."""
    sampler, batch_sampler = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
    holders = (loader, sampler, batch_sampler, getattr(batch_sampler, "sampler", None))
    found: dict[int, Generator] = {}
    for holder in holders:
        generator = getattr(holder, "generator", None)
        if isinstance(generator, Generator):
            found[id(generator)] = generator
    return {f"{name}.{place}": generator for place, generator in enumerate(found.values())}


def resumed(
    loader: Iterable[T], begun: Pass, now: Mapping[str, Any], generators: Mapping[str, AnyGenerator]
) -> Iterator[T]:
    """The rest of a pass after `begun.batches` batches; sources of random numbers then stand at `now`.

    Raises RestoreRefused when the loader has fewer batches.
    """
    if unknown := generators.keys() - begun.start["generators"].keys():
        raise RestoreRefused(f"the checkpoint's loader had no generator {min(unknown)}")
    set_random_state(begun.start, generators)
    iterator = iter(loader)
    for done in range(begun.batches):
        try:
            _skip(loader, iterator)
        except StopIteration:
            raise RestoreRefused(
                f"the checkpoint was taken after {begun.batches} batches, the loader has {done}",
                fix="Give the same data set and batch size as when the checkpoint was taken.",
            ) from None
    set_random_state(now, generators)
    return iterator


def _skip(loader: Iterable[T], iterator: Iterator[T]) -> None:
    if (
        isinstance(loader, DataLoader)
        and loader.num_workers == 0
        and not isinstance(loader.dataset, IterableDataset)
    ):
        iterator._next_index()  # type: ignore[attr-defined]  # draws as the next batch would, loads nothing
    else:
        next(iterator)
