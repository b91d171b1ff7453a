"""The database of an index: SQLite in a file by default, any other that SQLAlchemy knows by its URL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import create_engine, event, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from dapp.chain.events import Event, Log, Place, decoded, spread
from dapp.index.tables import VERSION, Base, Block, Cursor, LogEntry
from ml.errors import QuorateError

BUSY_S = 10.0


class IndexFailed(QuorateError):
    """A database of the index that cannot be used."""

    code = "index-failed"
    default_fix = "Delete the index, or name another with --index-url: it is made again from the chain."


class Index:
    """One database. Sessions of several threads may be open at once; one writes."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @classmethod
    def in_memory(cls) -> Self:
        """An index that lasts as long as the process."""
        return cls.open("sqlite://")

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """The index in this file, made if it is not there."""
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise IndexFailed(f"{file.parent} cannot be written: {error.strerror}") from error
        return cls.open(f"sqlite:///{file}")

    @classmethod
    def open(cls, url: str) -> Self:
        """The index at a SQLAlchemy URL, its tables made if they are not there. Raises IndexFailed."""
        try:
            parts = make_url(url)
            options: dict[str, Any] = {}
            if parts.get_backend_name() == "sqlite":
                options["connect_args"] = {"timeout": BUSY_S, "check_same_thread": False}
                if not parts.database:
                    options["poolclass"] = StaticPool
            engine = create_engine(parts, **options)
            if parts.get_backend_name() == "sqlite" and parts.database:
                event.listen(engine, "connect", _as_the_house_does)
            index = cls(engine, parts.render_as_string(hide_password=True))
            index._create()
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise IndexFailed(
                f"the index's URL cannot be used: {str(error)[:200]}",
                fix="Give a SQLAlchemy URL, for example sqlite:////tmp/index.sqlite.",
            ) from error
        except DBAPIError as error:
            raise IndexFailed(f"the index cannot be opened: {str(error.orig)[:200]}") from error
        return index

    def close(self) -> None:
        """Let go of it."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self) -> Session:
        """A session of its own, for a `with` block."""
        return Session(self.engine, expire_on_commit=False)

    def _create(self) -> None:
        Base.metadata.create_all(self.engine)
        with self.session() as session:
            found = session.scalar(select(Cursor.version))
        if found not in (None, VERSION):
            raise IndexFailed(f"{self.name} was made by another version of this program")


def history(
    session: Session, contract: str, topic1: str | None = None, topic2: str | None = None
) -> list[Event]:
    """Everything that a contract said of a subject, in order: what dapp.chain.events reads from the chain."""
    query = select(LogEntry).where(LogEntry.contract == contract)
    if topic1 is not None:
        query = query.where(LogEntry.topic1 == topic1)
    if topic2 is not None:
        query = query.where(LogEntry.topic2 == topic2)
    found = session.scalars(query.order_by(LogEntry.block, LogEntry.position))
    return [event for entry in found for event in spread(event_of(entry))]


def event_of(entry: LogEntry) -> Event | None:
    """The event of a row."""
    given = (entry.topic0, entry.topic1, entry.topic2, entry.topic3)
    topics = tuple(bytes.fromhex(topic[2:]) for topic in given if topic is not None)
    place = Place(entry.block, entry.position, entry.tx)
    return decoded(Log(place, b"", entry.contract, topics, entry.data))


def times(session: Session, blocks: Sequence[int]) -> dict[int, int]:
    """When these blocks were made."""
    found: dict[int, int] = {}
    wanted = sorted(set(blocks))
    for at in range(0, len(wanted), 500):
        query = select(Block.number, Block.at_s).where(Block.number.in_(wanted[at : at + 500]))
        found |= {row.number: row.at_s for row in session.execute(query)}
    return found


def _as_the_house_does(connection: Any, _: object) -> None:
    """WAL: readers do not wait for the writer. An index can be made again: normal is safe enough."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
