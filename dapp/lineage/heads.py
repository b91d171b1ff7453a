"""The heads of a lineage: terms, specification, and the model that each head is, checked against the
chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dapp import packages
from dapp.chain import events, tasks
from dapp.chain.client import Chain
from dapp.chain.events import ClassTaught, HeadAdvanced, LineageStarted
from dapp.chain.lineage import (
    Head,
    LineageTerms,
    LineageView,
    class_name,
    class_word,
    head_view,
    lineage_view,
)
from dapp.chain.merkle import PlacedTree
from dapp.lineage.errors import HeadUnavailable, LineageUnfit
from dapp.packages import PEER_FAULTS, Package, PackageRefused
from dapp.store import NotFound, Store, StoreError
from ml.lineage_spec import LineageSpec

if TYPE_CHECKING:
    from ml.growth import Grown  # importing torch takes seconds, and the chain tells most without it


@dataclass(frozen=True)
class Class:
    """A class that the present head knows, as the registry on chain has it."""

    index: int
    name: str
    label_spec: bytes
    teacher: str
    head: int  # with which it was taught


@dataclass(frozen=True)
class Known:
    """A lineage, from the chain alone."""

    lineage: bytes
    view: LineageView
    terms: LineageTerms
    history: tuple[events.LineageEvent, ...]

    @property
    def classes(self) -> tuple[Class, ...]:
        """The classes of the present head, in order."""
        taught = self.taught(self.view.number)
        return tuple(Class(e.index, class_name(e.name), e.label_spec, e.teacher, e.head) for e in taught)

    def taught(self, number: int) -> tuple[ClassTaught, ...]:
        """How the classes of head `number` came about, in order: with it or with one that it goes on from."""
        line = {0}
        while number:
            line.add(number)
            made = self.advanced(number)
            number = 0 if made is None else made.head.parent
        found = [event for event in events.of_type(self.history, ClassTaught) if event.head in line]
        return tuple(sorted(found, key=lambda event: event.index))

    def advanced(self, number: int) -> HeadAdvanced | None:
        """How head `number` came about; None for the first."""
        made = events.of_type(self.history, HeadAdvanced)
        return next((event for event in made if event.number == number), None)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A head with its model."""

    number: int
    head: Head
    model: Grown
    data: bytes  # the weights file
    leaves: tuple[bytes, ...]
    authors: tuple[str, ...]

    @property
    def labels(self) -> tuple[int, ...]:
        """Label indices in the order of its answers."""
        return self.model.labels


def known(chain: Chain, lineage: bytes) -> Known:
    """What the chain says of a lineage. Raises ContractRefused (LineageUnknown), LineageUnfit."""
    return known_of(chain, lineage, lambda: events.of_lineage(chain, lineage))


def known_of(chain: Chain, lineage: bytes, read: Callable[[], Sequence[events.LineageEvent]]) -> Known:
    """As `known`; `read` gives everything that happened to the lineage, in order: from an index, say."""
    view = lineage_view(chain, lineage)
    history = tuple(read())
    started = events.of_type(history, LineageStarted)
    if not started:
        raise LineageUnfit(f"the event that started lineage 0x{lineage.hex()} is missing", retryable=True)
    return Known(lineage, view, started[0].terms, history)


def spec_of(store: Store, terms: LineageTerms) -> LineageSpec:
    """The lineage's specification. Raises what packages.document raises, InvalidJson and InvalidSpec."""
    return LineageSpec.from_bytes(packages.document(store, terms.spec))


def fetch(chain: Chain, store: Store, known_: Known, number: int | None = None) -> HeadModel:
    """The model of head `number`, the present one unless given, checked tensor by tensor against the chain.

    Raises HeadUnavailable, and Unreachable when the store does not answer.
    """
    wanted = known_.view.number if number is None else number
    head = head_view(chain, known_.lineage, wanted)
    try:
        spec = spec_of(store, known_.terms)
        model, data, authors = _load(chain, store, known_, spec, wanted)
        _check_spec(spec, model, known_.taught(wanted))
        return _checked(wanted, head, model, data, authors)
    except (*PEER_FAULTS, PackageRefused) as error:
        raise HeadUnavailable(
            f"head {wanted} of lineage 0x{known_.lineage.hex()} cannot be had: {error.message}",
            retryable=isinstance(error, NotFound),
        ) from error
    except StoreError as error:
        raise HeadUnavailable(
            f"head {wanted} of lineage 0x{known_.lineage.hex()} cannot be had now: {error.message}",
            retryable=True,
        ) from error


def _load(
    chain: Chain, store: Store, known_: Known, spec: LineageSpec, number: int
) -> tuple[Grown, bytes, tuple[str, ...]]:
    made = known_.advanced(number)
    if made is None and number:
        raise LineageUnfit(f"the event that made head {number} is missing", retryable=True)
    if made is None:
        terms = known_.terms
        package = packages.grown(store, spec.bounds, terms.spec, terms.manifest, terms.weights)
        return package.grown, package.data, (terms.initiator,)
    parts = taken(chain, store, spec, made.task, made.contributors)
    if len(parts) == 1:
        return parts[0].grown, parts[0].data, made.contributors
    from ml import growth

    parent, _, _ = _load(chain, store, known_, spec, made.head.parent)
    merged = growth.merge(parent, [part.grown for part in parts], spec.bounds)
    return merged, growth.to_bytes(merged), made.contributors


def taken(
    chain: Chain, store: Store, spec: LineageSpec, task: bytes, contributors: tuple[str, ...]
) -> list[Package]:
    """The models of a round that these contributors opened. Raises one of PEER_FAULTS, PackageRefused,
    Unreachable.
    """
    view = tasks.view(chain, task)
    found = []
    for contributor in contributors:
        model = view.model_of(contributor)
        if model is None:
            raise PackageRefused(f"{contributor} opened no model in task 0x{task.hex()}")
        found.append(
            packages.grown(store, spec.bounds, view.key.spec, model.manifest, model.weights, model.size_bytes)
        )
    return found


def _check_spec(spec: LineageSpec, model: Grown, taught: tuple[ClassTaught, ...]) -> None:
    """Raises PackageRefused unless the head is one of the lineage's specification and knows the chain's
    classes.
    """
    if model.plan.input_shape != spec.input_shape:
        raise PackageRefused(f"it takes {model.plan.input_shape}, the lineage's input is {spec.input_shape}")
    if max(model.labels) >= len(spec.labels):
        raise PackageRefused(f"it has labels beyond the lineage's {len(spec.labels)}")
    own = [(class_word(spec.labels[label]), spec.label_digest(label)) for label in model.labels]
    if own != [(event.name, event.label_spec) for event in taught]:
        raise PackageRefused("its classes are not those that are registered on chain")


def _checked(number: int, head: Head, model: Grown, data: bytes, authors: tuple[str, ...]) -> HeadModel:
    from ml.weights import leaves

    own = tuple(leaves(data))
    if len(own) != head.tensor_count or PlacedTree(own).root != head.tensors:
        raise PackageRefused(
            f"its {len(own)} tensors are not those whose root 0x{head.tensors.hex()} is on chain"
        )
    return HeadModel(number, head, model, data, own, authors)
