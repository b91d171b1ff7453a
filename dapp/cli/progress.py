"""Progress on stderr: a bar on a terminal, a plain line every tenth elsewhere, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from dapp.cli.output import Output
from dapp.moments import duration

if TYPE_CHECKING:
    from rich.progress import TaskID


class Meter(Protocol):
    """Something that shows how far named pieces of work are."""

    def update(self, name: str, done: int, total: int) -> None:
        """`name` has done `done` of `total`."""
        ...


class Lines:
    """One line at 0 %, 10 %, … 100 % of each piece, with the time it still takes."""

    def __init__(self, say: Callable[[str], None], now_s: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._now_s = now_s
        self._tenths: dict[str, int] = {}
        self._began_s: dict[str, float] = {}

    def update(self, name: str, done: int, total: int) -> None:
        """As Meter says."""
        tenth = 10 if total <= 0 else min(10, done * 10 // total)
        began_s = self._began_s.setdefault(name, self._now_s())
        if tenth <= self._tenths.get(name, -1):
            return
        self._tenths[name] = tenth
        spent_s, left = self._now_s() - began_s, ""
        if done < total and spent_s >= 0.5:
            left = f", {duration(spent_s * (total - done) / done)} left"
        self._say(f"{name}: {tenth * 10} %{left}")


class Bars:
    """A live bar for each piece that is under way."""

    def __init__(self, output: Output) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=output.console,
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}

    def update(self, name: str, done: int, total: int) -> None:
        """As Meter says."""
        if not self._progress.live.is_started:
            self._progress.start()
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._bars[name], completed=done, total=total)
        if done >= total:
            self._progress.remove_task(self._bars.pop(name))

    def stop(self) -> None:
        """Take the bars away."""
        self._progress.stop()


class Silence:
    """Shows nothing."""

    def update(self, name: str, done: int, total: int) -> None:
        """As Meter says."""


class Progress:
    """The meter that fits the stream, taken down at the end of a `with`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._meter: Meter | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take down what is shown."""
        if isinstance(self._meter, Bars):
            self._meter.stop()
            self._meter = None

    def update(self, name: str, done: int, total: int) -> None:
        """As Meter says."""
        if self._meter is None:
            self._meter = self._choose()
        self._meter.update(name, done, total)

    def _choose(self) -> Meter:
        if self._output.quiet:
            return Silence()
        return Bars(self._output) if sys.stderr.isatty() else Lines(self._output.say)
