"""What a demo tells while it runs: stage, participant, progress, time left; to people and into a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

Say = Callable[[str], None]


class Narrator:
    """Says what happens. `say`, `warn` and `show_progress` belong to whoever runs the demo."""

    def __init__(
        self,
        say: Say,
        warn: Say,
        show_progress: Callable[[str, int, int], None],
        log_path: Path,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self.warn = warn
        self._show_progress = show_progress
        self.log_path = log_path
        self._now_s = now_s
        self._log: IO[str] | None = None
        self._plan: Mapping[str, int] = {}
        self._began: list[tuple[str, float]] = []

    def begin(self, plan: Mapping[str, int]) -> None:
        """Before anything else: the stages in order, and how many seconds each should take."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log = self.log_path.open("w", encoding="utf-8")
        self._plan = plan

    def stage(self, name: str, what: str) -> None:
        """A stage begins."""
        self._began.append((name, self._now_s()))
        left_s = self._left_s(name)
        self._line(f"[{len(self._began)}/{len(self._plan)}] {name}: {what} (about {_span(left_s)} left)")

    def did(self, who: str, what: str) -> None:
        """A participant has done something."""
        self._line(f"      {who} {what}")

    def progress(self, name: str, done: int, total: int) -> None:
        """Part of a stage is `done` of `total`."""
        self._show_progress(name, done, total)
        if done >= total and self._log is not None:
            self._note(f"      {name} done")

    def end(self) -> None:
        """The demo is over."""
        self._began.append(("end", self._now_s()))
        if self._log is not None:
            self._log.close()
            self._log = None

    def times_s(self) -> dict[str, int]:
        """Seconds that each stage took so far."""
        ends = [at for _, at in self._began[1:]] + [self._now_s()]
        return {name: round(end - at) for (name, at), end in zip(self._began, ends, strict=True)}

    def _left_s(self, name: str) -> float:
        """Seconds left: the plan's for what is to come, corrected by how fast it went so far."""
        names = list(self._plan)
        past = sum(self._plan[n] for n in names[: names.index(name)])
        total = sum(self._plan.values())
        if past < total * 0.2:
            return total - past
        spent_s = self._now_s() - self._began[0][1]
        return spent_s * (total - past) / past

    def _line(self, text: str) -> None:
        self._say(text)
        self._note(text)

    def _note(self, text: str) -> None:
        """A line of the log, with the seconds since the beginning."""
        if self._log is not None:
            elapsed_s = self._now_s() - self._began[0][1] if self._began else 0.0
            self._log.write(f"{elapsed_s:7.1f} s  {text}\n")
            self._log.flush()


def _span(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
