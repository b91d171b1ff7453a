"""Lineages from Python: ids, declarations and merged trees, as contracts/Lineage.sol has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Any, Final

from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak, to_checksum_address

from dapp.chain.client import Chain
from dapp.chain.ledger import Mountains
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import MAX_MODELS
from ml.bounds import CLASS_NAME_BYTES

ROUND_MAFR_PPM: Final = 500_000  # of every round's task: a score from here on says "take this model"
MAX_FIRST_CLASSES: Final = 256
MAX_NEW_CLASSES: Final = 16
MAX_PARAMETERS: Final = 1 << 28
_TAG: Final = keccak(text="quorate/lineage/1")
_TERMS_ABI: Final = (
    "(address,bytes32,bytes32,bytes32,bytes32,uint16,uint24,bytes32,uint16,uint96,uint16,uint8,uint24,uint32,"
    "bool,uint64)"
)
_GROWTH_ABI: Final = "(bytes32,uint16,uint40,uint24,(bytes32,bytes32)[])"


class Kind(IntEnum):
    """What a round may do to the head (ILineage.Kind)."""

    NONE = 0
    IMPROVE = 1
    EXTEND = 2


class RoundState(IntEnum):
    """Where a round stands (ILineage.State)."""

    NONE = 0
    OPEN = 1
    TAKEN = 2
    CLOSED = 3


@dataclass(frozen=True)
class LineageTerms:
    """What a lineage promises (contracts/types/LineageId.sol), in the order of its ABI."""

    initiator: str
    spec: bytes
    weights: bytes
    manifest: bytes
    tensors: bytes
    tensor_count: int
    score_ppm: int
    pool: bytes
    committee: int
    prize_wei: int
    rounds_max: int
    idle_max: int
    threshold_ppm: int
    challenge_s: int
    growable: bool
    salt: int

    def astuple(self) -> tuple[object, ...]:
        """The terms as web3 takes them."""
        return astuple(self)

    @classmethod
    def fromtuple(cls, values: Sequence[Any]) -> LineageTerms:
        """The terms from what a contract returned."""
        first, *rest = values
        return cls(str(to_checksum_address(first)), *rest)

    @property
    def prizes_wei(self) -> int:
        """The prizes of all rounds: what the initiator pays when it starts the lineage."""
        return self.prize_wei * self.rounds_max


@dataclass(frozen=True)
class NewClass:
    """A class as declared (ILineage.Class): name by class_word, SHA-256 of its label's description."""

    name: bytes
    label_spec: bytes

    @classmethod
    def fromtuples(cls, values: Sequence[Any]) -> tuple[NewClass, ...]:
        """The classes from what a contract returned."""
        return tuple(cls(*value) for value in values)


@dataclass(frozen=True)
class Growth:
    """What a contributor declares of its model (ILineage.Growth)."""

    tensors: bytes
    tensor_count: int
    parameters: int
    score_ppm: int
    classes: tuple[NewClass, ...] = ()

    def astuple(self) -> tuple[object, ...]:
        """The growth as web3 takes it."""
        return astuple(self)

    @classmethod
    def fromtuple(cls, values: Sequence[Any]) -> Growth:
        """The growth from what a contract returned."""
        tensors, tensor_count, parameters, score_ppm, classes = values
        return cls(tensors, tensor_count, parameters, score_ppm, NewClass.fromtuples(classes))

    @property
    def digest(self) -> bytes:
        """What the chain keeps of it."""
        return keccak(encode([_GROWTH_ABI], [self.astuple()]))


@dataclass(frozen=True)
class Merge:
    """How several growths become one head (ILineage.Merge); empty for one."""

    peaks: tuple[bytes, ...] = ()
    leaves: tuple[tuple[bytes, ...], ...] = ()
    proofs: tuple[tuple[bytes, ...], ...] = ()

    def astuple(self) -> tuple[object, ...]:
        """The merge as web3 takes it."""
        return astuple(self)


@dataclass(frozen=True)
class Head:
    """A head of a lineage, present or past (ILineage.Head)."""

    tensors: bytes
    task: bytes  # of the round that made it; zeros: the first
    tensor_count: int
    score_ppm: int
    classes: int
    parent: int
    challenge_ends_at_s: int
    idle_before: int
    fallen: bool

    @classmethod
    def fromtuple(cls, values: Sequence[Any]) -> Head:
        """The head from what a contract returned."""
        return cls(*values)


@dataclass(frozen=True)
class LineageView:
    """A lineage as the chain has it (ILineage.Line), with its present head."""

    lineage: bytes
    pot_wei: int
    number: int  # of the present head
    heads: int
    rounds: int
    idle: int
    challenge_s: int
    ended: bool
    open: bool
    round: bytes  # task of the last round; zeros: none was opened
    head: Head


@dataclass(frozen=True)
class RoundView:
    """A round as the chain has it (ILineage.Round); sets of models hold their indices in the task."""

    task: bytes
    lineage: bytes
    prize_wei: int
    taken: frozenset[int]
    teachers: frozenset[int]
    cheats: frozenset[int]
    paid: frozenset[int]
    accepted: int
    parent: int
    head: int
    kind: Kind
    state: RoundState

    @property
    def share_wei(self) -> int:
        """What each taken model gets."""
        return self.prize_wei // self.accepted if self.accepted else 0


@dataclass(frozen=True)
class KnownClass:
    """A class that the present head knows."""

    teacher: str
    index: int
    head: int  # number of the head that it was taught with


@dataclass(frozen=True)
class Lineages:
    """What lineages are bound to: one contract on one chain."""

    chain_id: int
    address: str

    def lineage_id(self, terms: LineageTerms) -> bytes:
        """Id of the lineage that has these terms."""
        types = ["bytes32", "uint256", "address", _TERMS_ABI]
        return keccak(encode(types, [_TAG, self.chain_id, self.address, terms.astuple()]))


def class_word(name: str) -> bytes:
    """A class's name as the chain takes it. Raises ValueError when it is empty, too long or holds a zero."""
    word = name.encode()
    if not word or len(word) > CLASS_NAME_BYTES or b"\0" in word:
        raise ValueError(f"a class has a name of 1 to {CLASS_NAME_BYTES} bytes without zeros, not {name!r}")
    return word.ljust(CLASS_NAME_BYTES, b"\0")


def class_name(word: bytes) -> str:
    """A class's name for people, on one line: what is no UTF-8, or not printable, is shown as its bytes."""
    text = word.rstrip(b"\0").decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def merged(parent_count: int, models: Sequence[Sequence[bytes]]) -> tuple[Merge, bytes, int]:
    """How models that each add leaves to the same head become one, and the root and size of its tree.

    models: all leaves of each, in order of opening. Raises ValueError without any, or when one adds none.
    """
    if not models or any(len(leaves) <= parent_count for leaves in models):
        raise ValueError("every model has more tensors than the head")
    first, *others = models
    tree = Mountains(first)
    peaks = tree.peaks if others else ()
    added = [tuple(leaves[parent_count:]) for leaves in others]
    proofs = [tuple(PlacedTree(leaves).multiproof(range(parent_count, len(leaves)))) for leaves in others]
    for leaves in added:
        for leaf in leaves:
            tree.append(leaf)
    return Merge(peaks, tuple(added), tuple(proofs)), tree.root, len(tree)


def lineage_view(chain: Chain, lineage: bytes) -> LineageView:
    """The lineage as it stands. Raises ContractRefused (LineageUnknown)."""
    line, head = chain.read(chain.lineage.call("lineageOf", lineage))
    pot_wei, number, heads, rounds, idle, challenge_s, _, ended, is_open, task = line
    return LineageView(
        lineage, pot_wei, number, heads, rounds, idle, challenge_s, ended, is_open, task, Head.fromtuple(head)
    )


def head_view(chain: Chain, lineage: bytes, number: int) -> Head:
    """A head by its number."""
    return Head.fromtuple(chain.read(chain.lineage.call("headOf", lineage, number))[0])


def round_view(chain: Chain, task: bytes) -> RoundView | None:
    """The round that a task is, None when it is none."""
    values = chain.read(chain.lineage.call("roundOf", task))[0]
    lineage, prize_wei, taken, teachers, cheats, paid, accepted, parent, head, kind, state = values
    if state == RoundState.NONE:
        return None
    return RoundView(
        task=task,
        lineage=lineage,
        prize_wei=prize_wei,
        taken=_indices(taken),
        teachers=_indices(teachers),
        cheats=_indices(cheats),
        paid=_indices(paid),
        accepted=accepted,
        parent=parent,
        head=head,
        kind=Kind(kind),
        state=RoundState(state),
    )


def known_class(chain: Chain, lineage: bytes, name: str) -> KnownClass | None:
    """The class of this name, None when the present head has none. Raises ValueError for no name."""
    known, teacher, index, head = chain.read(chain.lineage.call("classOf", lineage, class_word(name)))
    return KnownClass(str(to_checksum_address(teacher)), index, head) if known else None


def _indices(bits: int) -> frozenset[int]:
    return frozenset(index for index in range(MAX_MODELS) if bits >> index & 1)
