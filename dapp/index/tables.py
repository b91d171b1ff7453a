"""The tables. Each row but the cursor's, the blocks' and the specifications' is a fact that one event stated:
it is written once, never changed, and goes when its block goes.

Ids and digests are 0x… in lower case, accounts are checksummed, times are seconds of the chain.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Index, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

VERSION: Final = 2
WEI_DIGITS: Final = 29  # 2^96 has so many


class Wei(TypeDecorator[int]):
    """An amount beyond 64 bits, as digits of equal length: text that sorts as numbers do."""

    impl = String(WEI_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{value:0{WEI_DIGITS}d}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Base(DeclarativeBase):
    """The base of all tables."""

    type_annotation_map = {int: BigInteger, bytes: LargeBinary}  # noqa: RUF012 (SQLAlchemy's own way)


class Cursor(Base):
    """One row: which chain and board this is, and the last block that was read."""

    __tablename__ = "cursor"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    chain_id: Mapped[int]
    board: Mapped[str] = mapped_column(String(42))
    block: Mapped[int]
    hash: Mapped[str] = mapped_column(String(66))
    at_s: Mapped[int]


class Block(Base):
    """A block that an event stands in, or at which reading stopped."""

    __tablename__ = "blocks"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(66))
    at_s: Mapped[int]


class Fact(Base):
    """What all tables of facts have: the event's place; `part` tells apart several facts of one event."""

    __abstract__ = True
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)


class LogEntry(Fact):
    """An event, byte for byte: dapp.chain.events decodes it."""

    __tablename__ = "logs"
    tx: Mapped[str] = mapped_column(String(66))
    contract: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(20))
    topic0: Mapped[str] = mapped_column(String(66))
    topic1: Mapped[str | None] = mapped_column(String(66))
    topic2: Mapped[str | None] = mapped_column(String(66))
    topic3: Mapped[str | None] = mapped_column(String(66))
    data: Mapped[bytes]
    __table_args__ = (
        Index("logs_by_topic1", "topic1", "contract"),
        Index("logs_by_topic2", "topic2", "contract"),
    )


class Task(Fact):
    """A task as it was opened. number: how many were opened before it."""

    __tablename__ = "tasks"
    task: Mapped[str] = mapped_column(String(66), unique=True)
    number: Mapped[int] = mapped_column(unique=True)
    initiator: Mapped[str] = mapped_column(String(42), index=True)
    spec: Mapped[str] = mapped_column(String(66), index=True)
    pool: Mapped[str] = mapped_column(String(66))
    listed: Mapped[bool]
    reward_wei: Mapped[int] = mapped_column(Wei, index=True)
    fee_wei: Mapped[int] = mapped_column(Wei)
    bond_wei: Mapped[int] = mapped_column(Wei)
    mafr_ppm: Mapped[int]
    cap: Mapped[int]
    committee: Mapped[int]
    opened_at_s: Mapped[int]
    opens_at_s: Mapped[int]
    submit_ends_at_s: Mapped[int]
    open_ends_at_s: Mapped[int]
    draw_ends_at_s: Mapped[int]
    vote_s: Mapped[int]
    ballot_s: Mapped[int]


class Cancellation(Fact):
    """A task that its initiator took back."""

    __tablename__ = "cancellations"
    task: Mapped[str] = mapped_column(String(66), unique=True)


class Fixing(Fact):
    """A task whose draw was fixed: which roster its committee comes from."""

    __tablename__ = "fixings"
    task: Mapped[str] = mapped_column(String(66), unique=True)
    roster: Mapped[int]
    pool_size: Mapped[int]


class Draw(Fact):
    """A task whose shards were shown: its committee votes. seed: hexadecimal, it may have all 64 bits."""

    __tablename__ = "draws"
    task: Mapped[str] = mapped_column(String(66), unique=True)
    seed: Mapped[str] = mapped_column(String(18))
    committee: Mapped[int]
    vote_ends_at_s: Mapped[int]
    ballot_ends_at_s: Mapped[int]


class Settlement(Fact):
    """What a task came to."""

    __tablename__ = "settlements"
    task: Mapped[str] = mapped_column(String(66), unique=True)
    models: Mapped[int]  # one bit a paid model
    paid_models: Mapped[int]
    paid_verifiers: Mapped[int]
    contributor_wei: Mapped[int] = mapped_column(Wei)
    verifier_wei: Mapped[int] = mapped_column(Wei)


class Submission(Fact):
    """What a contributor did in a task: sealed, opened, struck (somebody's copy)."""

    __tablename__ = "submissions"
    task: Mapped[str] = mapped_column(String(66))
    contributor: Mapped[str] = mapped_column(String(42), index=True)
    state: Mapped[str] = mapped_column(String(8))
    model: Mapped[int | None]
    manifest: Mapped[str | None] = mapped_column(String(66))
    size_bytes: Mapped[int | None]
    claimed_ppm: Mapped[int | None]
    __table_args__ = (Index("submissions_by_task", "task", "state"),)


class Ballot(Fact):
    """What a verifier did in a task: sealed or opened; by seat where it came in a batch."""

    __tablename__ = "ballots"
    task: Mapped[str] = mapped_column(String(66), index=True)
    verifier: Mapped[str | None] = mapped_column(String(42), index=True)
    seat: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(8))


class Payout(Fact):
    """Money that left a task or a lineage."""

    __tablename__ = "payouts"
    task: Mapped[str] = mapped_column(String(66), index=True)
    payee: Mapped[str] = mapped_column(String(42), index=True)
    to: Mapped[str] = mapped_column(String(42))
    amount_wei: Mapped[int] = mapped_column(Wei)
    state: Mapped[str] = mapped_column(String(8))  # paid, refused, prize


class Run(Fact):
    """A training run as it was started."""

    __tablename__ = "runs"
    run: Mapped[str] = mapped_column(String(66), unique=True)
    number: Mapped[int] = mapped_column(unique=True)
    recorder: Mapped[str] = mapped_column(String(42), index=True)
    spec: Mapped[str] = mapped_column(String(66), index=True)
    nodes: Mapped[int]
    quorum_ppm: Mapped[int]
    difficulty_bits: Mapped[int]
    window_s: Mapped[int]
    started_at_s: Mapped[int]


class Checkpoint(Fact):
    """What happened to a run's head: announced, attested, rolled back."""

    __tablename__ = "checkpoints"
    run: Mapped[str] = mapped_column(String(66), index=True)
    state: Mapped[str] = mapped_column(String(12))
    head: Mapped[str] = mapped_column(String(66))
    before: Mapped[str | None] = mapped_column(String(66))
    vote: Mapped[int | None]
    at_s: Mapped[int]


class Lineage(Fact):
    """A lineage as it was started."""

    __tablename__ = "lineages"
    lineage: Mapped[str] = mapped_column(String(66), unique=True)
    number: Mapped[int] = mapped_column(unique=True)
    initiator: Mapped[str] = mapped_column(String(42), index=True)
    spec: Mapped[str] = mapped_column(String(66), index=True)
    prize_wei: Mapped[int] = mapped_column(Wei)
    rounds_max: Mapped[int]
    threshold_ppm: Mapped[int]
    started_at_s: Mapped[int]


class Head(Fact):
    """A head of a lineage; 0 is the first."""

    __tablename__ = "heads"
    lineage: Mapped[str] = mapped_column(String(66), index=True)
    number: Mapped[int]
    task: Mapped[str | None] = mapped_column(String(66))
    parent: Mapped[int]
    score_ppm: Mapped[int]
    classes: Mapped[int]
    tensor_count: Mapped[int]
    contributors: Mapped[str] = mapped_column(Text)  # accounts, parted by blanks
    challenge_ends_at_s: Mapped[int]
    at_s: Mapped[int]


class Fall(Fact):
    """A head that was overturned or doubted."""

    __tablename__ = "falls"
    lineage: Mapped[str] = mapped_column(String(66), index=True)
    head: Mapped[int]
    back_to: Mapped[int]


class Class(Fact):
    """A class that a head brought."""

    __tablename__ = "classes"
    lineage: Mapped[str] = mapped_column(String(66), index=True)
    index: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    label_spec: Mapped[str] = mapped_column(String(66))
    teacher: Mapped[str] = mapped_column(String(42), index=True)
    head: Mapped[int]


class Round(Fact):
    """A task that is a round of a lineage."""

    __tablename__ = "rounds"
    lineage: Mapped[str] = mapped_column(String(66), index=True)
    task: Mapped[str] = mapped_column(String(66), unique=True)
    kind: Mapped[int]
    head: Mapped[int]


class Badge(Fact):
    """A badge that was claimed."""

    __tablename__ = "badges"
    token: Mapped[str] = mapped_column(String(66), unique=True)
    account: Mapped[str] = mapped_column(String(42), index=True)
    kind: Mapped[int]
    task_start: Mapped[str] = mapped_column(String(24), index=True)


class Spec(Base):
    """What a specification says, once the store gave it: no fact of the chain, but bound to it by digest."""

    __tablename__ = "specs"
    digest: Mapped[str] = mapped_column(String(66), primary_key=True)
    known: Mapped[bool]  # else it could not be had, or is none
    name: Mapped[str] = mapped_column(String(200), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    dataset: Mapped[str] = mapped_column(String(100))
    labels: Mapped[int]
    tries: Mapped[int]


FACTS: Final = tuple(mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Fact))
