"""Stage train: a model on private data, packed so that its digest can be sealed. Nothing leaves the
machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dapp import packages
from dapp.chain import tasks
from dapp.lineage import verdicts
from dapp.lineage.verdicts import Round
from dapp.stages.context import Context, TermsRefused
from ml import growth, weights
from ml.architecture import Architecture, follows
from ml.data.samples import Samples
from ml.evaluate import METRICS, likelihood_ppm
from ml.growth import Grown
from ml.growth.improving import FINE_TUNING
from ml.growth.schemas import NEURONS
from ml.manifest import Manifest
from ml.round_rules import EXTEND, IMPROVE
from ml.spec import TaskSpec
from ml.train import Recipe
from ml.train import train as fit


@dataclass(frozen=True)
class Trained:
    """A model ready to be sealed."""

    manifest: Manifest
    weights: bytes


def train(
    ctx: Context,
    spec: TaskSpec,
    samples: Samples,
    check_samples: Samples,
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
) -> Trained:
    """Train on `samples`; the claimed score is the spec's metric on `check_samples`. Same arguments, same
    bytes.

    Raises TermsRefused when a task of Scenario II prescribes an architecture that this one does not follow,
    and ml's InvalidArchitecture and InvalidSamples.
    """
    if spec.architecture is not None and not follows(architecture, spec.architecture):
        raise TermsRefused("the task prescribes an architecture, and this is another")
    model = fit(
        architecture,
        samples,
        recipe,
        seed,
        lambda done, total: ctx.progress("train", done, total),
        spec.bounds,
    )
    data = weights.to_bytes(model)
    manifest = Manifest(
        spec=spec.digest().hex(),
        architecture=architecture,
        weights=packages.weights_ref(data),
        claimed_ppm=METRICS[spec.metric](model, check_samples, 1),
    )
    return Trained(manifest, data)


def improve(
    ctx: Context,
    task: bytes,
    samples: Samples,
    check_samples: Samples,
    seed: int,
    recipe: Recipe = FINE_TUNING,
) -> Trained:
    """A model for a round that improves, trained from the head on `samples`; the claim is its likelihood on
    `check_samples`.

    Raises TermsRefused for another task, HeadUnavailable, NotARound, InvalidSamples.
    """
    spec, round_ = _round(ctx, task, IMPROVE)
    model = growth.improve(
        round_.head.model,
        samples,
        seed,
        recipe=recipe,
        bounds=round_.spec.bounds,
        progress=lambda done, total: ctx.progress("train", done, total),
    )
    return _packed(spec, model, check_samples)


def extend(
    ctx: Context,
    task: bytes,
    samples: Samples,
    check_samples: Samples,
    labels: Sequence[int],
    rule: str,
    seed: int,
    options: Mapping[str, int] = growth.OPTIONS,
) -> Trained:
    """The head grown by `labels`, in this order, for a round that extends; without labels, by neurons alone
    (rule "neurons"), from the samples of labels that the head knows.

    check_samples: of new labels, and of old ones where the contributor has any; the claim is the likelihood
    on them. Raises TermsRefused for another task, InvalidGrowth, HeadUnavailable, NotARound, InvalidSamples.
    """
    spec, round_ = _round(ctx, task, EXTEND)
    model = growth.grow(
        round_.head.model,
        samples.with_labels(tuple(labels) if labels or rule != NEURONS else round_.head.labels),
        rule,
        seed,
        labels=labels,
        options=options,
        bounds=round_.spec.bounds,
    )
    return _packed(spec, model, check_samples)


def _round(ctx: Context, task: bytes, kind: str) -> tuple[TaskSpec, Round]:
    spec = packages.spec(ctx.store, tasks.view(ctx.chain, task).key.spec)
    if spec.kind != kind:
        raise TermsRefused(f"task 0x{task.hex()} is of kind {spec.kind}, not {kind}")
    return spec, verdicts.round_of(ctx.chain, ctx.store, task, spec)


def _packed(spec: TaskSpec, model: Grown, check_samples: Samples) -> Trained:
    claimed_ppm = likelihood_ppm(model, check_samples.with_labels(model.labels))
    return Trained(*packages.packed(spec.digest(), model, claimed_ppm))
