"""What the accepted models are worth together: fused one after another, by every rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dapp.demo.report import FusedPoint
from ml import evaluate
from ml.baselines import best_single
from ml.data.samples import Samples
from ml.fuse import FeatureCache, fuse
from ml.fuse.strategy import Strategy
from ml.models.classifier import Classifier

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Measure:
    """The samples on which fused models are trained and judged."""

    development: Samples
    verification: Samples  # the drawn shards
    test: Samples
    labels: tuple[int, ...]


def curves(
    models: Sequence[Classifier], measure: Measure, rules: Sequence[Strategy], seed: int, progress: Progress
) -> dict[str, tuple[FusedPoint, ...]]:
    """For each rule, the accuracy of the first 1, 2, … of `models` fused, in order of opening."""
    cache = FeatureCache()
    total = len(rules) * len(models)
    found: dict[str, tuple[FusedPoint, ...]] = {}
    for turn, rule in enumerate(rules):
        points: list[FusedPoint] = []
        for count in range(1, len(models) + 1):
            fused = fuse(rule, models[:count], measure.development, measure.labels, seed, cache)
            points.append(
                FusedPoint(
                    models=count,
                    verification_ppm=evaluate.accuracy_ppm(fused, measure.verification),
                    test_ppm=evaluate.accuracy_ppm(fused, measure.test),
                )
            )
            progress(turn * len(models) + count, total)
        found[rule.name] = tuple(points)
    return found


def best_single_ppm(models: Sequence[Classifier], measure: Measure) -> int:
    """Test accuracy of the model that is best on the verification samples."""
    return evaluate.accuracy_ppm(best_single(models, measure.verification), measure.test)
