"""Fusing accepted models into one: a rule a file, all behind one base (ml.fuse.strategy)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ml.data.samples import Samples
from ml.errors import InvalidFusion
from ml.fuse.features import FeatureCache
from ml.fuse.fully_connected import FullyConnected
from ml.fuse.gradual import Gradual
from ml.fuse.lateral import Lateral
from ml.fuse.strategy import Fused, Strategy, check_members
from ml.models.classifier import Classifier
from ml.train import Progress

__all__ = ["RULES", "FeatureCache", "Fused", "Strategy", "fuse", "restore"]

RULES: Mapping[str, Strategy] = MappingProxyType(
    {rule.name: rule for rule in (FullyConnected(), Gradual(), Lateral())}
)


def fuse(
    rule: str | Strategy,
    models: Sequence[Classifier],
    development: Samples,
    labels: Sequence[int],
    seed: int,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> Fused:
    """Fuse `models`, in the order given, by training a head on `development`.

    rule      a name in RULES, or a rule with settings of its own
    labels    the task's label indices, ascending; the fused model decides among all of them
    cache     keeps features between calls: pass the same one to fuse growing sets of the same models

    The models themselves stay as they are. Raises InvalidFusion.
    """
    strategy = find(rule)
    members = check_members(models, labels)
    cache = FeatureCache() if cache is None else cache
    head = strategy.fit(members, development, tuple(labels), seed, cache, progress)
    return Fused(strategy, members, tuple(labels), head.eval(), cache)


def restore(
    rule: str | Strategy,
    models: Sequence[Classifier],
    labels: Sequence[int],
    data: bytes,
    cache: FeatureCache | None = None,
) -> Fused:
    """The fused model whose head `Fused.to_bytes` wrote. Raises InvalidFusion or InvalidPackage."""
    strategy = find(rule)
    members = check_members(models, labels)
    head = strategy.load(members, tuple(labels), data)
    return Fused(strategy, members, tuple(labels), head, FeatureCache() if cache is None else cache)


def find(rule: str | Strategy) -> Strategy:
    """The rule of that name. Raises InvalidFusion."""
    if isinstance(rule, Strategy):
        return rule
    if rule not in RULES:
        raise InvalidFusion(
            f"there is no fusion rule {rule[:40]!r}; the rules are {', '.join(sorted(RULES))}"
        )
    return RULES[rule]
