"""How an operation's gas grows with a size: a line through measured points, its slope with its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dapp.gas.measure import Gas, Point
from dapp.gas.operations import Operation

NAMES: Final = {
    "verifiers": "verifier",
    "models": "model",
    "epochs": "checkpoint",
    "nodes": "node",
    "size_bytes": "byte of a model",
    "members": "member of the pool",
    "tasks": "task opened before",
    "tensors": "tensor",
}
NOTHING: Final = 50  # gas over all sizes: a few zero bytes of calldata more or less
LEAST: Final = 3  # points of a line with an error
FOR_DOUBLING: Final = 4  # points that tell a curve from a line


@dataclass(frozen=True)
class Line:
    """gas = intercept + slope * size, or with `doubling` + slope * log2(size), by least squares."""

    intercept: float
    slope: float
    slope_error: float  # standard error of the slope
    residual: float  # largest distance of a point from the line, gas
    doubling: bool
    points: int
    span: float  # of the sizes

    def at(self, size: int) -> float:
        """What the line says of a size."""
        return self.intercept + self.slope * (math.log2(size) if self.doubling else size)

    @property
    def is_flat(self) -> bool:
        """Whether no growth is seen: next to nothing over all sizes, or a slope that may be nought (95 %)."""
        from scipy.stats import t

        rise = abs(self.slope) * self.span
        return rise < NOTHING or abs(self.slope) <= float(t.ppf(0.975, self.points - 2)) * self.slope_error


@dataclass(frozen=True)
class Fit:
    """One operation over one size, under both schedules."""

    operation: Operation
    kind: str
    size: str
    points: tuple[tuple[int, Gas], ...]  # size, one transaction
    today: Line
    announced: Line


def fits(points: Iterable[Point]) -> list[Fit]:
    """A fit for every operation in every series of at least three sizes."""
    series: dict[tuple[Operation, str, str], list[Point]] = {}
    for point in points:
        if point.series:
            series.setdefault((point.operation, point.kind, point.series), []).append(point)
    found = []
    for (operation, kind, size), group in series.items():
        pairs = tuple(sorted(_sizes(group, size).items()))
        if len(pairs) >= LEAST:
            found.append(Fit(operation, kind, size, pairs, *_both(pairs)))
    return found


def _sizes(group: Sequence[Point], size: str) -> dict[int, Gas]:
    """Gas of one transaction by size: of later ones where three sizes know any, else of the first."""
    if group[0].operation.batches:
        return {max(1, point.sizes[size] // point.count): point.mean for point in group}
    later = {point.sizes[size]: point.later for point in group if point.later is not None}
    return later if len(later) >= LEAST else {point.sizes[size]: point.first for point in group}


def _both(points: Sequence[tuple[int, Gas]]) -> tuple[Line, Line]:
    return fit(points, lambda gas: gas.today), fit(points, lambda gas: gas.announced)


def fit(points: Sequence[tuple[int, Gas]], figure: Callable[[Gas], int]) -> Line:
    """The line through `points`; over log2 of the size when that fits better by far, as with proofs."""
    pairs = [(size, figure(gas)) for size, gas in points]
    straight = _line(pairs, doubling=False)
    if len(pairs) < FOR_DOUBLING:
        return straight
    doubled = _line(pairs, doubling=True)
    return doubled if doubled.residual * 4 < straight.residual else straight


def _line(points: Sequence[tuple[int, int]], doubling: bool) -> Line:
    xs = [math.log2(x) if doubling else float(x) for x, _ in points]
    ys = [y for _, y in points]
    n = len(xs)
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    intercept = mean_y - slope * mean_x
    off = [y - intercept - slope * x for x, y in zip(xs, ys, strict=True)]
    error = math.sqrt(sum(o * o for o in off) / (n - 2) / spread)
    return Line(intercept, slope, error, max(map(abs, off)), doubling, n, max(xs) - min(xs))
