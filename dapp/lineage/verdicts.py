"""What a round's models are, and which of them are to be taken: what verifiers vote and contributors
declare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.lineage import Growth, Kind, NewClass, RoundView, class_word, head_view, round_view
from dapp.chain.merkle import PlacedTree
from dapp.lineage import heads
from dapp.lineage.errors import NotARound
from dapp.lineage.heads import HeadModel, Known
from dapp.packages import Package
from dapp.store import Store
from ml.data.samples import Samples
from ml.errors import InvalidArchitecture, InvalidGrowth
from ml.evaluate import likelihood_ppm
from ml.growth import Grown, check_extension, check_frozen, merge
from ml.lineage_spec import LineageSpec
from ml.round_rules import EXTEND, IMPROVE
from ml.rounds import Candidate, Finding, judge
from ml.spec import TaskSpec
from ml.weights import leaves, parse

WORDS = {Kind.IMPROVE: IMPROVE, Kind.EXTEND: EXTEND}


@dataclass(frozen=True, eq=False)
class Round:
    """A task that is a round: what it starts from and what it asks."""

    view: RoundView
    known: Known
    spec: LineageSpec
    head: HeadModel

    @property
    def extends(self) -> bool:
        """Whether models may only grow."""
        return self.view.kind is Kind.EXTEND


@dataclass(frozen=True)
class HeadFinding:
    """What a verifier found about the head itself, on shards that nobody saw before."""

    number: int
    recorded_ppm: int
    measured_ppm: int
    doubtful: bool
    tolerance_ppm: int = 0  # by which it may do worse than recorded


@dataclass(frozen=True)
class Verdict:
    """What a verifier found in a round."""

    head: HeadFinding
    findings: Mapping[int, Finding]  # by index


def standing(chain: Chain, task: bytes) -> RoundView:
    """The round that a task is, from the chain alone. Raises NotARound."""
    view = round_view(chain, task)
    if view is None:
        raise NotARound(f"task 0x{task.hex()} is no round of a lineage")
    return view


def round_of(chain: Chain, store: Store, task: bytes, spec: TaskSpec) -> Round:
    """The round that a task with this spec is. Raises NotARound, HeadUnavailable, and what the store
    raises.
    """
    view = round_view(chain, task)
    if view is None:
        raise NotARound(
            f"task 0x{task.hex()} is no round of a lineage yet",
            fix="Its initiator makes it one: `quorate round open`.",
            retryable=True,
        )
    known = heads.known(chain, view.lineage)
    lineage_spec = heads.spec_of(store, known.terms)
    head = heads.fetch(chain, store, known, view.parent)
    asked = spec.round
    if (
        asked is None
        or (asked.lineage, asked.head) != (view.lineage.hex(), head.head.tensors.hex())
        or spec.kind != WORDS[view.kind]
        or not lineage_spec.allows(spec)
    ):
        raise NotARound(
            f"task 0x{task.hex()} promises another round than the chain has",
            fix="Do not contribute to it: its specification contradicts its lineage.",
        )
    return Round(view, known, lineage_spec, head)


def growth_of(round_: Round, package: Package) -> Growth:
    """What a contributor declares of its model. Raises InvalidGrowth for one that drops or reorders
    labels.
    """
    labels, old = package.grown.labels, round_.head.labels
    if round_.extends and labels[: len(old)] != old:
        raise InvalidGrowth("it drops, renames or reorders labels of the head")
    new = labels[len(old) :] if round_.extends else ()
    own = leaves(package.data)
    return Growth(
        tensors=PlacedTree(own).root,
        tensor_count=len(own),
        parameters=package.grown.parameters,
        score_ppm=package.manifest.claimed_ppm,
        classes=tuple(
            NewClass(class_word(round_.spec.labels[label]), round_.spec.label_digest(label)) for label in new
        ),
    )


def check(round_: Round, package: Package) -> None:
    """Raise InvalidGrowth unless the round could take such a model, as far as its file tells."""
    if round_.extends:
        check_extension(round_.head.model.architecture, package.grown.architecture, round_.spec.bounds)
        check_frozen(round_.head.data, package.data)
        added = len(package.grown.plan.parts) - len(round_.head.model.plan.parts)
        if added != 1:  # more cannot be merged with what others add
            raise InvalidGrowth(f"it adds {added} parts; a round takes one of each contributor")
    elif package.grown.labels != round_.head.labels:
        raise InvalidGrowth("a model that improves has exactly the head's labels, in their order")
    elif len(parse(package.data)) < round_.head.head.tensor_count:
        raise InvalidGrowth("it has fewer tensors than the head: the contract takes no model that shrinks")


def measure_head(round_: Round, samples: Samples) -> HeadFinding:
    """The head's likelihood on `samples` of its labels; doubtful when it is below what was recorded and
    tolerated.
    """
    own = samples.with_labels(round_.head.labels)
    measured = likelihood_ppm(round_.head.model, own)
    recorded = round_.head.head.score_ppm
    tolerance = round_.spec.rules.claim_tolerance_ppm
    doubtful = bool(len(own)) and measured + tolerance < recorded
    return HeadFinding(round_.head.number, recorded, measured, doubtful, tolerance)


def missing_head(chain: Chain, task: bytes) -> HeadFinding | None:
    """The finding on a head whose model cannot be had, or is not what the chain says: it does nothing."""
    view = round_view(chain, task)
    if view is None:
        return None
    head = head_view(chain, view.lineage, view.parent)
    return HeadFinding(view.parent, head.score_ppm, 0, doubtful=True)


def verdict(
    chain: Chain,
    round_: Round,
    found: Mapping[int, Package],
    contributors: Mapping[int, str],
    samples: Samples,
) -> Verdict:
    """What to vote in a round. found: the models that can be evaluated, contributors: who opened them, by
    index.
    """
    declared = {d.contributor: d.growth.digest for d in events.declarations(chain, round_.view.task)}
    findings: dict[int, Finding] = {}
    candidates: list[Candidate] = []
    moved = heads.known(chain, round_.view.lineage).view.number != round_.view.parent
    for index, package in found.items():
        reason = _unfit(round_, package, declared.get(contributors[index]))
        if moved:
            reason = "the head moved after this round was opened"
        if reason is not None:
            findings[index] = Finding(index, 0, reason)
            continue
        model = package.grown
        candidates.append(Candidate(index, model, model.labels, package.manifest.claimed_ppm))
    kind, head = WORDS[round_.view.kind], round_.head

    def merged(indices: Sequence[int]) -> Grown:
        return merge(head.model, [found[index].grown for index in sorted(indices)], round_.spec.bounds)

    judged = judge(kind, head.model, head.labels, candidates, samples, round_.spec.rules, merged)
    findings |= {finding.index: finding for finding in judged}
    return Verdict(measure_head(round_, samples), findings)


def _unfit(round_: Round, package: Package, declared: bytes | None) -> str | None:
    """Why a model cannot be taken whatever it can do; None when nothing is wrong with it."""
    if declared is None:
        return "its contributor declared nothing about it"
    try:
        check(round_, package)
        if growth_of(round_, package).digest != declared:
            return "it is not what its contributor declared"
    except (InvalidGrowth, InvalidArchitecture) as error:
        return error.message
    return None
