"""What a round of a lineage takes. Pure: the same models and samples, the same verdict.

Krolevets (2019), section 3.0.1 (2) and appendix A (2): of the models whose loss is verified and below the
head's, the lowest becomes the head; an extension must keep what the head can do, and one that brings no class
must have a lower loss than the head. Loss is counted as a
likelihood (ml.evaluate.likelihood_ppm), so higher is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ml.data.samples import Samples
from ml.errors import QuorateError
from ml.evaluate import Probabilistic, accuracy_ppm, likelihood_ppm
from ml.models.classifier import Classifier
from ml.round_rules import IMPROVE, RoundRules, ballot_score

Scored: TypeAlias = Classifier | Probabilistic
Merge: TypeAlias = Callable[[Sequence[int]], Scored]
"""The head that growths of these indices make together. Raises QuorateError where they make none."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model that may be taken, as far as its file and its declaration tell."""

    index: int
    model: Scored
    labels: tuple[int, ...]
    claimed_ppm: int


@dataclass(frozen=True)
class Finding:
    """What a verifier found about a candidate: its likelihood on its own labels, and why it is not taken."""

    index: int
    likelihood_ppm: int
    reason: str | None  # None: it is to be taken

    @property
    def score_ppm(self) -> int:
        """What the ballot says."""
        return ballot_score(self.likelihood_ppm, taken=self.reason is None)


def judge(
    kind: str,
    head: Scored,
    head_labels: tuple[int, ...],
    candidates: Sequence[Candidate],
    samples: Samples,
    rules: RoundRules,
    merge: Merge,
) -> tuple[Finding, ...]:
    """The finding on each candidate, in their order.

    kind: IMPROVE takes at most one, EXTEND all that fit together: whose merged model keeps what is asked of
    each.
    """
    if not len(samples.with_labels(head_labels)):  # then nobody can tell what the head would lose
        return tuple(Finding(c.index, 0, "no drawn sample shows a label of the head") for c in candidates)
    if kind == IMPROVE:
        return _improve(head, head_labels, candidates, samples, rules)
    return _extend(head, head_labels, candidates, samples, rules, merge)


def _improve(
    head: Scored,
    head_labels: tuple[int, ...],
    candidates: Sequence[Candidate],
    samples: Samples,
    rules: RoundRules,
) -> tuple[Finding, ...]:
    # at least one above the head's, or the head itself could be submitted again
    bar = likelihood_ppm(head, samples.with_labels(head_labels)) + max(1, rules.step_ppm)
    found: dict[int, Finding] = {}
    for c in candidates:
        measured = likelihood_ppm(c.model, samples.with_labels(c.labels))
        reason = _claim_reason(c, measured, rules)
        if c.labels != head_labels:
            reason = "it has other labels than the head, in number or order"
        elif reason is None and measured < bar:
            reason = f"its likelihood {measured} ppm is below the head's and the step, {bar} ppm"
        found[c.index] = Finding(c.index, measured, reason)
    passed = [finding for finding in found.values() if finding.reason is None]
    best = min(passed, key=lambda finding: (-finding.likelihood_ppm, finding.index), default=None)
    for finding in passed:
        if best is not None and finding is not best:
            reason = f"model {best.index} has a lower loss"
            found[finding.index] = Finding(finding.index, finding.likelihood_ppm, reason)
    return tuple(found[c.index] for c in candidates)


def _extend(
    head: Scored,
    head_labels: tuple[int, ...],
    candidates: Sequence[Candidate],
    samples: Samples,
    rules: RoundRules,
    merge: Merge,
) -> tuple[Finding, ...]:
    old = samples.with_labels(head_labels)
    old_bar = accuracy_ppm(head, old) - rules.old_drop_ppm
    better = likelihood_ppm(head, old) + max(1, rules.step_ppm)
    found: dict[int, Finding] = {}
    loss_order: list[tuple[int, int]] = []
    for c in candidates:
        measured = likelihood_ppm(c.model, samples.with_labels(c.labels))
        reason = _growth_reason(c, head_labels, samples, old_bar, rules) or _claim_reason(c, measured, rules)
        if reason is None and c.labels == head_labels and measured < better:
            reason = f"it brings no class, and its likelihood {measured} ppm is below {better} ppm"
        found[c.index] = Finding(c.index, measured, reason)
        if reason is None:
            loss_order.append((-likelihood_ppm(c.model, samples), c.index))
    by_index = {c.index: c for c in candidates}
    taken: list[Candidate] = []
    for _, index in sorted(loss_order):
        together = [*taken, by_index[index]]
        reason = _merge_reason(together, head_labels, samples, old_bar, rules, merge) if taken else None
        if reason is None:
            taken = together
            continue
        reason = f"model {taken[0].index} has a lower loss and was taken; both do not fit together: {reason}"
        found[index] = Finding(index, found[index].likelihood_ppm, reason)
    return tuple(found[c.index] for c in candidates)


def _merge_reason(
    together: Sequence[Candidate],
    head_labels: tuple[int, ...],
    samples: Samples,
    old_bar: int,
    rules: RoundRules,
    merge: Merge,
) -> str | None:
    """Why growths that pass one by one make no head together: what is recorded of it is the lowest claim."""
    try:
        model = merge([c.index for c in together])
    except QuorateError as error:
        return error.message
    head = Candidate(together[-1].index, model, model.labels, min(c.claimed_ppm for c in together))
    reason = _growth_reason(head, head_labels, samples, old_bar, rules)
    return reason or _claim_reason(head, likelihood_ppm(model, samples.with_labels(model.labels)), rules)


def _claim_reason(c: Candidate, measured: int, rules: RoundRules) -> str | None:
    if c.claimed_ppm > measured + rules.claim_tolerance_ppm:
        return (
            f"it claims a lower loss than is verified: {c.claimed_ppm} ppm of likelihood, measured {measured}"
        )
    return None


def _growth_reason(
    c: Candidate, head_labels: tuple[int, ...], samples: Samples, old_bar: int, rules: RoundRules
) -> str | None:
    if c.labels[: len(head_labels)] != head_labels:
        return "it drops, renames or reorders labels of the head"
    for label in c.labels[len(head_labels) :]:
        own = samples.with_labels((label,))
        if len(own) == 0:
            return f"no drawn sample shows its new label {label}"
        accuracy = accuracy_ppm(c.model, own)
        if accuracy < rules.new_bar_ppm:
            return f"it knows {accuracy} ppm of new label {label}, at least {rules.new_bar_ppm} are asked for"
    old = accuracy_ppm(c.model, samples.with_labels(head_labels))
    if old < old_bar:
        return f"on the head's labels it reaches {old} ppm, at least {old_bar} are asked for"
    return None
