"""Stage verify: what every opened model scores on the drawn shards, by the rule of the task's spec.

Everything comes from strangers and is checked first; a model that cannot be had or is not what was sealed
scores 0.
All verifiers get the same numbers: evaluation is exact, and fusion is seeded by the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dapp import packages
from dapp.chain import tasks
from dapp.chain.copies import originals
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.lineage import verdicts
from dapp.lineage.errors import HeadUnavailable, NotARound
from dapp.lineage.verdicts import HeadFinding
from dapp.packages import PEER_FAULTS, Package, PackageRefused
from dapp.stages.context import Context, NothingDue, StageError
from dapp.store import StoreError, cid_from_digest
from ml.data.samples import Samples
from ml.evaluate import METRICS, Model, accuracy_ppm, own_label_accuracy_ppm
from ml.fuse import FeatureCache, fuse
from ml.models.classifier import Classifier
from ml.spec import FUSE, TaskSpec

SEED_BITS = 53  # a seed also stands in manifests, whose integers end there


class ShardsMissing(StageError):
    """Drawn shards that the store cannot bring yet."""

    code = "shards-missing"


@dataclass(frozen=True)
class ModelScore:
    """What one model scores, and why it was refused; in a round, why it is not to be taken."""

    index: int
    contributor: str
    manifest_cid: str
    score_ppm: int
    reason: str | None


@dataclass(frozen=True)
class Verified:
    """Scores of all opened models, in order of opening."""

    task: bytes
    samples: int
    scores: tuple[ModelScore, ...]
    shards_unusable: str | None = None  # why the development test images were judged on in their place
    head: HeadFinding | None = None  # of a round

    @property
    def scores_ppm(self) -> tuple[int, ...]:
        """What a ballot holds."""
        return tuple(score.score_ppm for score in self.scores)


class Watch(Protocol):
    """Whoever follows an evaluation, model by model; it may pass on what it knows."""

    def known(self, index: int) -> int | None:
        """The score that an earlier run of this evaluation found for a model; None: it has to be found."""

    def begins(self, index: int, model: Model, samples: Samples) -> None:
        """The model is about to be scored on these samples."""

    def fused(self, index: int, accuracy_ppm: int) -> None:
        """It and those before it that reached MAFR, as one, are right so often."""

    def found(self, index: int, score_ppm: int) -> None:
        """It scores so much."""


class Unwatched:
    """Nobody looks."""

    def known(self, index: int) -> int | None:
        return None

    def begins(self, index: int, model: Model, samples: Samples) -> None:
        return None

    def fused(self, index: int, accuracy_ppm: int) -> None:
        return None

    def found(self, index: int, score_ppm: int) -> None:
        return None


def verify(ctx: Context, task: bytes, watch: Watch | None = None) -> Verified:
    """Evaluate every opened model. Needs no account.

    Shards that cannot be used leave the initiator no way out: the public development test images stand in for
    them. Raises NothingDue before the shards are shown, ShardsMissing while they may still come; InvalidSpec
    or InvalidSamples when the initiator published nothing but nonsense; Unreachable when the store does not
    answer.
    """
    view = tasks.view(ctx.chain, task)
    if not view.shards or view.seed is None:
        raise NothingDue(
            f"the shards of task 0x{task.hex()} are not shown yet", fix="Wait until the phase is Vote."
        )
    spec = packages.spec(ctx.store, view.key.spec)
    samples, shards_unusable = _judged_on(ctx, spec, view)
    found, reasons = _models(ctx, spec, view)
    head, watch = None, watch or Unwatched()
    if spec.kind != FUSE:
        scores, head = _round(ctx, spec, view, found, reasons, samples, watch)
    elif spec.rule == "fused":
        scores = _fused(ctx, spec, view, _classifiers(found), samples, watch)
    else:
        scores = _standalone(ctx, spec, _classifiers(found), samples, watch)
    return Verified(
        task,
        len(samples),
        tuple(
            ModelScore(
                m.index,
                m.contributor,
                cid_from_digest(m.manifest, 0),
                scores.get(m.index, 0),
                reasons.get(m.index),
            )
            for m in view.models
        ),
        shards_unusable,
        head,
    )


def _judged_on(ctx: Context, spec: TaskSpec, view: TaskView) -> tuple[Samples, str | None]:
    """The drawn shards; else the development test images, and why."""
    try:
        return packages.drawn(ctx.store, spec, [shard.digest for shard in view.shards]), None
    except (*PEER_FAULTS, StoreError) as error:
        if isinstance(error, StoreError):
            if not _answers(ctx, view):
                raise
            _wait_for_shards(view, error)
        unusable = f"{error.code}: {error.message}"
    return packages.samples(ctx.store, spec, spec.development.test), unusable


def _may_still_come(view: TaskView) -> bool:
    """Whether this is one of the first three quarters of the vote."""
    return view.now_s < (view.ends_at_s(Phase.VOTE) or 0) - view.key.vote_s // 4


def _wait_for_shards(view: TaskView, error: StoreError) -> None:
    """Raise ShardsMissing while they may still come."""
    if _may_still_come(view):
        raise ShardsMissing(
            f"the drawn shards cannot be had yet ({error.message})",
            fix="Try again: after three quarters of the vote the development test images stand in for them.",
            retryable=True,
        ) from error


def _models(ctx: Context, spec: TaskSpec, view: TaskView) -> tuple[dict[int, Package], dict[int, str]]:
    """The models that can be evaluated, and why the others cannot."""
    found: dict[int, Package] = {}
    reasons: dict[int, str] = {}
    first = originals(ctx.chain, view)
    for done, m in enumerate(view.models):
        ctx.progress("verify.fetch", done, len(view.models))
        if m.struck or first[m.index] != m.index:
            reasons[m.index] = f"copy of model {first[m.index]}"
            continue
        try:
            found[m.index] = packages.model(ctx.store, spec, m.manifest, m.weights, m.size_bytes)
        except (*PEER_FAULTS, PackageRefused) as error:
            reasons[m.index] = f"{error.code}: {error.message}"
        except StoreError as error:
            if not _answers(ctx, view):
                raise
            reasons[m.index] = f"{error.code}: {error.message}"
    ctx.progress("verify.fetch", len(view.models), len(view.models))
    return found, reasons


def _classifiers(found: dict[int, Package]) -> dict[int, Classifier]:
    return {index: package.classifier for index, package in found.items()}


def _answers(ctx: Context, view: TaskView) -> bool:
    """Whether the store is there: a model it cannot bring in time is its publisher's fault then."""
    try:
        return ctx.store.has(cid_from_digest(view.key.spec, 0))
    except StoreError:
        return False


def _standalone(
    ctx: Context, spec: TaskSpec, found: dict[int, Classifier], samples: Samples, watch: Watch
) -> dict[int, int]:
    def score(index: int, model: Classifier) -> int:
        return METRICS[spec.metric](model, samples, 1)

    return {index: score_ppm for index, _, score_ppm in _watched(ctx, found, samples, watch, score)}


def _fused(
    ctx: Context,
    spec: TaskSpec,
    view: TaskView,
    found: dict[int, Classifier],
    samples: Samples,
    watch: Watch,
) -> dict[int, int]:
    """Accuracy after fusing each model with those before it that reached MAFR, in order of opening [Mendis];
    at most what the model reaches by itself on its own labels, or good models would carry a useless one.
    """
    development = packages.samples(ctx.store, spec, spec.development.train)
    labels = tuple(range(len(spec.labels)))
    seed = (view.seed or 0) % 2**SEED_BITS
    cache = FeatureCache()
    good: list[Classifier] = []

    def score(index: int, model: Classifier) -> int:
        own_ppm = own_label_accuracy_ppm(model, samples)
        if own_ppm < view.key.mafr_ppm:
            return own_ppm
        together = fuse(spec.fusion, [*good, model], development, labels, seed, cache)
        fused_ppm = accuracy_ppm(together, samples)
        watch.fused(index, fused_ppm)
        return min(own_ppm, fused_ppm)

    scores = {}
    for index, model, score_ppm in _watched(ctx, found, samples, watch, score):
        scores[index] = score_ppm
        if score_ppm >= view.key.mafr_ppm:
            good.append(model)
    return scores


def _watched(
    ctx: Context,
    found: dict[int, Classifier],
    samples: Samples,
    watch: Watch,
    score: Callable[[int, Classifier], int],
) -> Iterator[tuple[int, Classifier, int]]:
    """Index, model and score of each, in order of opening."""
    for done, (index, model) in enumerate(found.items()):
        ctx.progress("verify", done, len(found))
        score_ppm = watch.known(index)
        if score_ppm is None:
            watch.begins(index, model, samples)
            score_ppm = score(index, model)
            watch.found(index, score_ppm)
        yield index, model, score_ppm
    ctx.progress("verify", len(found), len(found))


def _round(
    ctx: Context,
    spec: TaskSpec,
    view: TaskView,
    found: dict[int, Package],
    reasons: dict[int, str],
    samples: Samples,
    watch: Watch,
) -> tuple[dict[int, int], HeadFinding | None]:
    """Half the likelihood of each model, and one half more for those that the round should take (decision
    0011).
    """
    try:
        round_ = verdicts.round_of(ctx.chain, ctx.store, view.task, spec)
    except (NotARound, *PEER_FAULTS) as error:
        reasons |= dict.fromkeys(found, f"{error.code}: {error.message}")
        return {}, None
    except HeadUnavailable as error:
        if error.retryable and (_may_still_come(view) or not _answers(ctx, view)):
            raise
        reasons |= dict.fromkeys(found, f"{error.code}: {error.message}")
        return {}, verdicts.missing_head(ctx.chain, view.task)
    contributors = {m.index: m.contributor for m in view.models}
    unknown = [index for index in found if watch.known(index) is None]
    for done, index in enumerate(unknown):
        ctx.progress("verify", done, len(found))
        watch.begins(index, found[index].grown, samples)
    verdict = verdicts.verdict(ctx.chain, round_, found, contributors, samples)
    for index, finding in verdict.findings.items():
        if finding.reason is not None:
            reasons[index] = finding.reason
    for index in unknown:
        watch.found(index, verdict.findings[index].score_ppm)
    ctx.progress("verify", len(found), len(found))
    return {index: finding.score_ppm for index, finding in verdict.findings.items()}, verdict.head
