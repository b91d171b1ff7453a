"""What the contracts have said: their events as typed records, read in bounded ranges of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count
from keyword import iskeyword
from typing import Any, Final, TypeVar

from eth_abi import decode  # type: ignore[attr-defined]
from eth_abi.exceptions import DecodingError
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import collapse_if_tuple

from dapp.artifacts import load_artifact
from dapp.chain.client import Chain, Receipt
from dapp.chain.contracts import Contract
from dapp.chain.errors import EndpointConfused
from dapp.chain.ledger import RunTerms
from dapp.chain.lineage import Growth, Head, LineageTerms, NewClass
from dapp.chain.rpc import END_OF_TIME_S, MAX_NUMBER, Refused
from dapp.chain.seals import TaskKey

RANGE_BLOCKS: Final = 5_000  # asked for at once; halved when a node finds it too many
RANGES_A_LOOK: Final = 100  # after so many, whether the blocks that are still to come are there at all


@dataclass(frozen=True)
class Place:
    """Where an event stands in the chain."""

    block: int
    index: int
    tx: str


@dataclass(frozen=True)
class Log:
    """A log of one of our contracts, as the chain keeps it: what `decoded` makes an event of."""

    at: Place
    block_hash: bytes
    contract: str  # its name
    topics: tuple[bytes, ...]
    data: bytes
    at_s: int | None = None  # when its block was made, where the node tells it with the log


@dataclass(frozen=True)
class Event:
    """The base of all events."""

    at: Place


@dataclass(frozen=True)
class TaskEvent(Event):
    """The base of what happens to a task."""

    task: bytes


@dataclass(frozen=True)
class TaskOpened(TaskEvent):
    initiator: str
    key: TaskKey


@dataclass(frozen=True)
class TaskCancelled(TaskEvent):
    pass


@dataclass(frozen=True)
class ModelSealed(TaskEvent):
    contributor: str
    seal: bytes


@dataclass(frozen=True)
class ModelOpened(TaskEvent):
    contributor: str
    index: int
    weights: bytes
    manifest: bytes
    size_bytes: int
    claimed_ppm: int


@dataclass(frozen=True)
class ModelStruck(TaskEvent):
    contributor: str
    original: str


@dataclass(frozen=True)
class DrawFixed(TaskEvent):
    draw_block: int
    roster: int
    pool_size: int


@dataclass(frozen=True)
class Shard:
    """A drawn shard: SHA-256 of its bytes, which is the digest of its CID, and the salt of its leaf."""

    index: int
    digest: bytes
    salt: bytes


@dataclass(frozen=True)
class ShardsShown(TaskEvent):
    seed: int
    committee: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class BallotSealed(TaskEvent):
    verifier: str
    seat: int
    seal: bytes


@dataclass(frozen=True)
class BallotOpened(TaskEvent):
    verifier: str
    scores: bytes


@dataclass(frozen=True)
class BallotsSealed(TaskEvent):
    ballots: bytes


@dataclass(frozen=True)
class BallotsOpened(TaskEvent):
    ballots: bytes


@dataclass(frozen=True)
class Outcome:
    """What a task that is over comes to; for a lapsed task, parts of the bond."""

    models: int  # one bit a paid model
    paid_models: int
    paid_verifiers: int
    contributor_wei: int
    verifier_wei: int
    initiator_wei: int


@dataclass(frozen=True)
class Payment:
    """A payment of a settlement (contracts/types/Payment.sol)."""

    payee: str
    amount_wei: int

    @classmethod
    def unpack(cls, word: int) -> Payment:
        return cls(str(to_checksum_address((word & (1 << 160) - 1).to_bytes(20, "big"))), word >> 160)


@dataclass(frozen=True)
class Settled(TaskEvent):
    outcome: Outcome


@dataclass(frozen=True)
class Paid(TaskEvent):
    payee: str
    to: str
    amount_wei: int


@dataclass(frozen=True)
class PaidMany(TaskEvent):
    """Payments of one settlement; read as one Paid each."""

    payments: tuple[Payment, ...]

    def each(self) -> list[Paid]:
        return [Paid(self.at, self.task, one.payee, one.payee, one.amount_wei) for one in self.payments]


@dataclass(frozen=True)
class PaymentRefused(TaskEvent):
    payee: str
    amount_wei: int


@dataclass(frozen=True)
class Joined(Event):
    pool: bytes
    member: str


@dataclass(frozen=True)
class Left(Event):
    pool: bytes
    member: str


@dataclass(frozen=True)
class RosterPublished(Event):
    pool: bytes
    roster: int
    size: int


@dataclass(frozen=True)
class RunEvent(Event):
    """The base of what happens to a run."""

    run: bytes


@dataclass(frozen=True)
class RunStarted(RunEvent):
    recorder: str
    terms: RunTerms
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Recorded(RunEvent):
    head: bytes


@dataclass(frozen=True)
class Attested(RunEvent):
    parent: bytes
    head: bytes


@dataclass(frozen=True)
class HeaderAttested(RunEvent):
    header: bytes


@dataclass(frozen=True)
class RollbackOpened(RunEvent):
    vote: int
    head: bytes
    opener: str
    reason: bytes
    ends_at_s: int


@dataclass(frozen=True)
class RolledBack(RunEvent):
    vote: int
    head: bytes
    target: bytes
    entry: bytes


@dataclass(frozen=True)
class NodesAgreed(RunEvent):
    roster: int
    nodes: tuple[str, ...]
    changes_at_s: int


@dataclass(frozen=True)
class NodeBarred(RunEvent):
    node: str
    seat: int
    parent: bytes
    attempt: int


@dataclass(frozen=True)
class Endorsed(Event):
    digest: bytes
    node: str


@dataclass(frozen=True)
class LineageEvent(Event):
    """The base of what happens to a lineage."""

    lineage: bytes


@dataclass(frozen=True)
class LineageStarted(LineageEvent):
    initiator: str
    terms: LineageTerms
    classes: tuple[NewClass, ...]


@dataclass(frozen=True)
class RoundOpened(LineageEvent):
    task: bytes
    kind: int  # lineage.Kind
    head: int


@dataclass(frozen=True)
class HeadAdvanced(LineageEvent):
    task: bytes
    number: int
    contributors: tuple[str, ...]
    head: Head


@dataclass(frozen=True)
class ClassTaught(LineageEvent):
    index: int
    name: bytes
    label_spec: bytes
    teacher: str
    head: int


@dataclass(frozen=True)
class Overturned(LineageEvent):
    task: bytes
    cheat: str
    challenger: str
    place: int
    reward_wei: int


@dataclass(frozen=True)
class Doubted(LineageEvent):
    task: bytes
    verifier: str
    head: int


@dataclass(frozen=True)
class HeadFell(LineageEvent):
    head: int
    back_to: int


@dataclass(frozen=True)
class RoundClosed(LineageEvent):
    task: bytes


@dataclass(frozen=True)
class PrizePaid(LineageEvent):
    task: bytes
    contributor: str
    to: str
    amount_wei: int


@dataclass(frozen=True)
class LineageClosed(LineageEvent):
    to: str
    amount_wei: int


@dataclass(frozen=True)
class Declared(TaskEvent):
    contributor: str
    growth: Growth


@dataclass(frozen=True)
class Transfer(Event):
    """A badge was minted: it is never transferred again."""

    from_: str
    to: str
    token_id: int


TYPES: Final[Mapping[str, type[Event]]] = {
    kind.__name__: kind
    for kind in (
        TaskOpened, TaskCancelled, ModelSealed, ModelOpened, ModelStruck, DrawFixed, ShardsShown,
        BallotSealed, BallotOpened, BallotsSealed, BallotsOpened, Settled, Paid, PaidMany, PaymentRefused,
        Joined, Left, RosterPublished,
        RunStarted, Recorded, Attested, HeaderAttested, RollbackOpened, RolledBack, NodesAgreed, NodeBarred,
        Endorsed,
        LineageStarted, RoundOpened, HeadAdvanced, ClassTaught, Overturned, Doubted, HeadFell, RoundClosed,
        PrizePaid, LineageClosed, Declared, Transfer,
    )
}  # fmt: skip


@lru_cache(maxsize=4096)
def _checksummed(account: str) -> str:
    """The same accounts come again and again, and each costs a hash."""
    return str(to_checksum_address(account))


_SHAPED: Final[Mapping[str, Callable[[Any], object]]] = {
    "address": lambda account: _checksummed(account),
    "address[]": lambda accounts: tuple(_checksummed(account) for account in accounts),
    "struct TaskKey": TaskKey.fromtuple,
    "struct ITaskBoard.Shard[]": lambda shards: tuple(Shard(*shard) for shard in shards),
    "struct IEscrow.Outcome": lambda values: Outcome(*values),
    "Payment[]": lambda words: tuple(Payment.unpack(word) for word in words),
    "struct RunTerms": RunTerms.fromtuple,
    "struct LineageTerms": LineageTerms.fromtuple,
    "struct ILineage.Class[]": NewClass.fromtuples,
    "struct ILineage.Growth": Growth.fromtuple,
    "struct ILineage.Head": Head.fromtuple,
}  # by Solidity type
E_ = TypeVar("E_", bound=Event)


def of_task(chain: Chain, task: bytes, from_block: int | None = None) -> list[TaskEvent]:
    """Everything that happened to a task, in order."""
    return [e for e in _about(chain, chain.quorate, TaskEvent, task, from_block) if e.task == task]


def opened_tasks(chain: Chain, from_block: int | None = None) -> list[TaskOpened]:
    """Every task that was opened on the board, in order."""
    return _all(chain, chain.quorate, TaskOpened, from_block)


def of_pool(chain: Chain, pool: bytes, from_block: int | None = None) -> list[Event]:
    """Who joined and left a pool, in order."""
    return _about(chain, chain.membership, Event, pool, from_block)


def of_run(chain: Chain, run: bytes, from_block: int | None = None) -> list[RunEvent]:
    """Everything that happened to a run, in order."""
    return [e for e in _about(chain, chain.ledger, RunEvent, run, from_block) if e.run == run]


def started_runs(chain: Chain, from_block: int | None = None) -> list[RunStarted]:
    """Every run that was started, in order."""
    return _all(chain, chain.ledger, RunStarted, from_block)


def endorsements(chain: Chain, digest: bytes, from_block: int | None = None) -> list[Endorsed]:
    """Who endorsed a digest, in order."""
    return _all(chain, chain.ledger, Endorsed, from_block, digest)


def of_lineage(chain: Chain, lineage: bytes, from_block: int | None = None) -> list[LineageEvent]:
    """Everything that happened to a lineage, in order; what was declared in its rounds stands apart."""
    found = _about(chain, chain.lineage, LineageEvent, lineage, from_block)
    return [e for e in found if e.lineage == lineage]


def started_lineages(chain: Chain, from_block: int | None = None) -> list[LineageStarted]:
    """Every lineage that was started, in order."""
    return _all(chain, chain.lineage, LineageStarted, from_block)


def declarations(chain: Chain, task: bytes, from_block: int | None = None) -> list[Declared]:
    """What contributors declared of their models in a task, in order."""
    return _all(chain, chain.lineage, Declared, from_block, task)


def of_round(chain: Chain, task: bytes, from_block: int | None = None) -> list[Event]:
    """Everything that the lineages' contract said of a task, in order; empty for one that is no round."""
    said = list(_events(chain, chain.lineage, [None, None, _hex(task)], from_block))
    return in_order([*said, *declarations(chain, task, from_block)])


def in_order(said: Iterable[Event]) -> list[Event]:
    """Events of several contracts, as they happened."""
    return sorted(said, key=lambda event: (event.at.block, event.at.index))


def badges_minted(chain: Chain, account: str, from_block: int | None = None) -> list[Transfer]:
    """Every badge that was minted to an account, in order."""
    to = bytes.fromhex(account[2:]).rjust(32, b"\0")
    return _all(chain, chain.badges, Transfer, from_block, None, to)


def of_receipt(chain: Chain, receipt: Receipt) -> list[Event]:
    """The events of one transaction."""
    tables = [(c, _table(c)) for c in _contracts(chain)]
    return [
        event
        for log in receipt.logs
        for c, table in tables
        if to_checksum_address(log["address"]) == to_checksum_address(c.address)
        for event in spread(_decoded(log, table))
    ]


def of_type(events: Sequence[Event] | Iterator[Event], kind: type[E_]) -> list[E_]:
    """Those events that are of one type."""
    return [event for event in events if isinstance(event, kind)]


def logs_between(chain: Chain, first: int, last: int) -> Iterator[list[Log]]:
    """Every log of our contracts in blocks `first` to `last`, in order, one range of blocks at a time."""
    names = {c.address.lower(): c.name for c in _contracts(chain)}
    for found in _ranges(chain, {"address": [c.address for c in _contracts(chain)]}, first, last):
        yield [_log(log, names[str(log["address"]).lower()]) for log in found]


def decoded(log: Log) -> Event | None:
    """The event of a log, None for one we do not know. Raises EndpointConfused for bytes that do not fit."""
    mapping = {
        "topics": log.topics,
        "data": log.data,
        "blockNumber": log.at.block,
        "logIndex": log.at.index,
        "transactionHash": bytes.fromhex(log.at.tx[2:]),
    }
    return _decoded(mapping, _known_events(log.contract))


def _all(
    chain: Chain, contract: Contract, kind: type[E_], from_block: int | None, *indexed: bytes | None
) -> list[E_]:
    """Every event of one type, in order; with `indexed`, those with these words as topics."""
    topics = [_hex(_topic(_entry(contract, kind.__name__))), *map(_hex, indexed)]
    return of_type(_events(chain, contract, topics, from_block), kind)


def _about(
    chain: Chain, contract: Contract, kind: type[E_], subject: bytes, from_block: int | None
) -> list[E_]:
    """Events of a type and its kinds whose first topic is `subject`, in order."""
    return of_type(_events(chain, contract, [None, _hex(subject)], from_block), kind)


def _hex(word: bytes | None) -> str | None:
    return None if word is None else "0x" + word.hex()


def _events(
    chain: Chain, contract: Contract, topics: Sequence[str | None], from_block: int | None
) -> Iterator[Event]:
    first = chain.first_block if from_block is None else from_block
    table = _table(contract)
    query = {"address": contract.address, "topics": list(topics)}
    for logs in _ranges(chain, query, first, chain.rpc.block().number):
        for log in logs:
            yield from spread(_decoded(log, table))


def _ranges(
    chain: Chain, query: Mapping[str, Any], first: int, last: int
) -> Iterator[list[Mapping[str, Any]]]:
    step = RANGE_BLOCKS
    for asked in count():
        if first > last:
            return
        if asked % RANGES_A_LOOK == RANGES_A_LOOK - 1 and chain.rpc.block().number + RANGE_BLOCKS < first:
            raise EndpointConfused(f"{chain.rpc.url} told of blocks that are not there", retryable=True)
        until = min(first + step - 1, last)
        try:
            logs = chain.rpc.logs({"fromBlock": first, "toBlock": until, **query})
        except Refused as refused:
            if step == 1:
                raise EndpointConfused(
                    f"{chain.rpc.url} refuses to list events: {refused}", retryable=True
                ) from refused
            step = max(1, step // 4)
            continue
        yield logs
        first = until + 1


def _log(log: Mapping[str, Any], contract: str) -> Log:
    at = Place(int(log["blockNumber"]), int(log["logIndex"]), "0x" + bytes(log["transactionHash"]).hex())
    topics = tuple(bytes(topic) for topic in log["topics"])
    told = log.get("blockTimestamp")
    at_s = int(told, 16) if isinstance(told, str) else None if told is None else int(told)
    if not (0 <= (at_s or 0) < END_OF_TIME_S and max(at.block, at.index) <= MAX_NUMBER):
        raise EndpointConfused(f"the endpoint tells of a log at {at_s:#x} seconds in block {at.block:#x}")
    return Log(at, bytes(log["blockHash"]), contract, topics, bytes(log["data"]), at_s)


def _contracts(chain: Chain) -> tuple[Contract, ...]:
    return chain.quorate, chain.membership, chain.ledger, chain.lineage, chain.badges


@cache
def _known_events(contract: str) -> dict[bytes, Mapping[str, Any]]:
    return _table_of(load_artifact(contract).abi)


def _table(contract: Contract) -> dict[bytes, Mapping[str, Any]]:
    return _table_of(contract.abi)


def _table_of(abi: Sequence[Mapping[str, Any]]) -> dict[bytes, Mapping[str, Any]]:
    return {_topic(e): e for e in abi if e["type"] == "event" and e["name"] in TYPES}


def _entry(contract: Contract, name: str) -> Mapping[str, Any]:
    return next(e for e in contract.abi if e["type"] == "event" and e["name"] == name)


def _topic(entry: Mapping[str, Any]) -> bytes:
    return keccak(text=f"{entry['name']}({','.join(collapse_if_tuple(i) for i in entry['inputs'])})")


def spread(event: Event | None) -> Sequence[Event]:
    """What a log's event says: nothing for one we do not know, one Paid each for one that lists payments."""
    if isinstance(event, PaidMany):
        return event.each()
    return [] if event is None else [event]


def _decoded(log: Mapping[str, Any], table: Mapping[bytes, Mapping[str, Any]]) -> Event | None:
    """The event of a log, None for one we do not know. Raises EndpointConfused for bytes that do not fit."""
    topics = [bytes(topic) for topic in log["topics"]]
    entry = table.get(topics[0]) if topics else None
    if entry is None:
        return None
    try:
        indexed = [given for given in entry["inputs"] if given["indexed"]]
        plain = [given for given in entry["inputs"] if not given["indexed"]]
        values = decode([collapse_if_tuple(i) for i in plain], bytes(log["data"]))
        named = {i["name"]: _clean(i, value) for i, value in zip(plain, values, strict=True)}
        for given, topic in zip(indexed, topics[1:], strict=True):
            named[given["name"]] = _clean(given, decode([collapse_if_tuple(given)], topic)[0])
    except (DecodingError, OverflowError, ValueError, TypeError) as error:
        raise EndpointConfused(f"a log of {entry['name']} does not fit its ABI", retryable=True) from error
    at = Place(int(log["blockNumber"]), int(log["logIndex"]), "0x" + bytes(log["transactionHash"]).hex())
    return TYPES[entry["name"]](at, **{_snake(name): value for name, value in named.items()})


def _clean(given: Mapping[str, Any], value: Any) -> object:
    shape = _SHAPED.get(given["internalType"])
    return value if shape is None else shape(value)


def _snake(name: str) -> str:
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)
    return snake + "_" if iskeyword(snake) else snake
