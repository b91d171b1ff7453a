"""Charts as inline SVG: geometry only. Colours and fonts come from the style sheet, by class.

They are as wide as their place: lines are stretched, while text, dots and strokes keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 1000  # that lines are drawn in before they are stretched
HEIGHT: Final = 230
TOP: Final = 10
BOTTOM: Final = 26
BUCKETS: Final = 400  # of a line: of longer ones the lowest and the highest point of each bucket stay
TICKS: Final = 5
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A line of points in their own units; classes: of the style sheet."""

    points: tuple[Point, ...]
    classes: str


@dataclass(frozen=True)
class Mark:
    """A dot, with words that a pointer and a screen reader find."""

    at: Point
    classes: str
    title: str
    href: str | None = None


@dataclass(frozen=True)
class Arrow:
    """From one point to another."""

    start: Point
    end: Point


@dataclass(frozen=True)
class Axis:
    """The range of an axis.

    unit: what stands after its numbers; log: symmetric logarithm above one; whole: of whole numbers
    """

    low: float
    high: float
    unit: str = ""
    log: bool = False
    whole: bool = False

    @classmethod
    def of_places(cls, places: Sequence[float]) -> Axis:
        """For things that are numbered: the first and the last stand off the edges."""
        return cls(min(places) - 0.5, max(places) + 0.5, whole=True)

    @classmethod
    def over(cls, values: Sequence[float], unit: str = "", log: bool = False, whole: bool = False) -> Axis:
        """Wide enough for all values that are numbers, with a little air."""
        good = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(good), max(good)
        air = (high - low) * 0.05 or max(abs(high) * 0.05, 0.5)
        return cls(max(0.0, low - air) if low >= 0 else low - air, high + air, unit, log and high > 20, whole)

    def place(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        low, high, at = (self._bent(v) for v in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low))) if high > low else 0.5

    def ticks(self) -> list[float]:
        """A few round values."""
        if self.log:
            exponents = range(0, max(1, math.ceil(math.log10(max(10.0, self.high)))) + 1)
            return [0.0, *(10.0**e for e in exponents if 10.0**e <= self.high)][:8]
        step = _round_up((self.high - self.low) / TICKS)
        if self.whole:
            step = max(1.0, step)
        first = math.ceil(self.low / step) * step
        return [first + i * step for i in range(int((self.high - first) / step + 1e-9) + 1)]

    def _bent(self, value: float) -> float:
        if not self.log:
            return value
        return value if value <= 1 else 1 + math.log10(value)


def draw(
    title: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    marks: Sequence[Mark] = (),
    arrows: Sequence[Arrow] = (),
) -> Markup:
    """The chart. title: what it shows, for who cannot see it."""
    bottom = HEIGHT - BOTTOM

    def at(point: Point) -> tuple[float, float]:
        """In units of the stretched part."""
        return (
            round(x.place(point[0]) * WIDTH, 1),
            round(bottom - y.place(point[1]) * (bottom - TOP), 1),
        )

    def spot(point: Point) -> tuple[str, float]:
        """Where something stands that keeps its size."""
        right, down = at(point)
        return f"{right * 100 / WIDTH:.4g}%", down

    parts = [f'<svg class="chart plot" height="{HEIGHT}" role="group" aria-label="{escape(title)}">']
    for value in y.ticks():
        _, down = at((x.low, value))
        text = escape(_number(value) + y.unit)
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{down}" y2="{down}"/>')
        parts.append(f'<text x="-8" y="{down + 4}" text-anchor="end">{text}</text>')
    for value in x.ticks():
        place, _ = spot((value, y.low))
        parts.append(f'<text x="{place}" y="{HEIGHT - 6}" text-anchor="middle">{_number(value)}</text>')
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>')
    parts.append(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" height="{HEIGHT}" overflow="visible"'
        ' preserveAspectRatio="none">'
    )
    for line in lines:
        points = [at(point) for point in thinned(line.points)]
        if len(points) > 1:
            path = "M" + "L".join(f"{right} {down}" for right, down in points)
            parts.append(f'<path class="stroke {line.classes}" d="{path}"/>')
    for arrow in arrows:
        (ax, ay), (bx, by) = at(arrow.start), at(arrow.end)
        lift = max(TOP, min(ay, by) - 24)
        parts.append(f'<path class="back" d="M{ax} {ay}Q{(ax + bx) / 2:.1f} {lift} {bx} {by}"/>')
    parts.append("</svg>")
    for line in lines:
        if len(line.points) == 1:
            cx, cy = spot(line.points[0])
            parts.append(f'<circle class="stroke {line.classes}" cx="{cx}" cy="{cy}" r="2"/>')
    for arrow in arrows:
        cx, cy = spot(arrow.end)
        parts.append(f'<circle class="dot-back" cx="{cx}" cy="{cy}" r="3.5"/>')
    for mark in marks:
        cx, cy = spot(mark.at)
        name = f"<title>{escape(mark.title)}</title>"
        dot = f'<circle class="{mark.classes}" cx="{cx}" cy="{cy}" r="4.5">{name}</circle>'
        parts.append(dot if mark.href is None else f'<a href="{escape(mark.href)}">{dot}</a>')
    return Markup("".join(parts) + "</svg>")  # every text in it was escaped above


def thinned(points: Sequence[Point], buckets: int = BUCKETS) -> list[Point]:
    """The first and last point, and of each bucket the lowest and the highest: peaks stay."""
    if len(points) <= 2 * buckets:
        return list(points)
    kept = [points[0]]
    size = (len(points) - 2) / buckets
    for bucket in range(buckets):
        part = points[1 + int(bucket * size) : 1 + int((bucket + 1) * size)]
        if part:
            low = min(range(len(part)), key=lambda i: part[i][1])
            high = max(range(len(part)), key=lambda i: part[i][1])
            kept += [part[i] for i in sorted({low, high})]
    return [*kept, points[-1]]


def _round_up(step: float) -> float:
    if step <= 0 or not math.isfinite(step):
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)


def _number(value: float) -> str:
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"
