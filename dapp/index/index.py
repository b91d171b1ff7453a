"""The database of an index: SQLite in a file by default, PostgreSQL by its URL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import create_engine, event, select
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from dapp.chain.events import Event, Log, Place, decoded, spread
from dapp.index.tables import VERSION, Base, Block, Cursor, LogEntry
from ml.errors import QuorateError

BUSY_S: Final = 10
REMEMBERED: Final = 4_096  # events as they were decoded: an open page asks for the same ones with every block
POOL: Final = {"pool_size": 5, "max_overflow": 40, "pool_timeout": BUSY_S}  # pages are made by 40 threads
SHOWN: Final = 200  # letters of what a database says
POSTGRESQL: Final = "postgresql+psycopg"
SPELLINGS: Final = {"postgresql": POSTGRESQL, "postgres": POSTGRESQL}  # of what has one driver here


class IndexFailed(QuorateError):
    """A database of the index that cannot be used."""

    code = "index-failed"
    default_fix = "Delete the index, or name another with --index-url: it is made again from the chain."


class Index:
    """One database. Sessions of several threads may be open at once; one writes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = _name(engine.url)

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
        """The index at a SQLAlchemy URL, its tables made if they are not there. Raises IndexFailed.

        No message repeats the URL: it may hold a password.
        """
        if not url.startswith("sqlite") and url.count("@") > 1:  # what follows the first would be its host
            raise IndexFailed(
                "the index's URL has more than one @",
                fix="Write an @ within a user or password as %40, or keep the password in ~/.pgpass.",
            )
        try:
            parts = make_url(url)
            parts = parts.set(drivername=SPELLINGS.get(parts.drivername, parts.drivername))
            index = cls(_engine(parts))
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
            raise IndexFailed(
                f"the index's URL cannot be used ({type(error).__name__})",
                fix="Give a SQLAlchemy URL: sqlite:////tmp/index.sqlite, postgresql+psycopg://user@host/name.",
            ) from None
        try:
            index._create()
        except DBAPIError as error:
            raise index.failure(error) from None
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

    def failure(self, error: DBAPIError | NoConnection) -> IndexFailed:
        """What a database said, without the passwords of its URL."""
        return IndexFailed(
            f"the index {self.name} does not do its work: {self._said(error)}",
            fix="See that its database runs and has room, or name another with --index-url.",
            retryable=True,
        )

    def _said(self, error: DBAPIError | NoConnection) -> str:
        if isinstance(error, NoConnection):
            return "all its connections are taken"
        said = " ".join(str(error.orig).split())
        for secret in _secrets(self.engine.url):
            said = said.replace(secret, "***")
        return said[:SHOWN]

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
    return _decoded(entry.block, entry.position, entry.tx, entry.contract, given, entry.data)


@lru_cache(maxsize=REMEMBERED)
def _decoded(
    block: int, position: int, tx: str, contract: str, given: tuple[str | None, ...], data: bytes
) -> Event | None:
    topics = tuple(bytes.fromhex(topic[2:]) for topic in given if topic is not None)
    return decoded(Log(Place(block, position, tx), b"", contract, topics, data))


def times(session: Session, blocks: Sequence[int]) -> dict[int, int]:
    """When these blocks were made."""
    found: dict[int, int] = {}
    wanted = sorted(set(blocks))
    for at in range(0, len(wanted), 500):
        query = select(Block.number, Block.at_s).where(Block.number.in_(wanted[at : at + 500]))
        found |= {row.number: row.at_s for row in session.execute(query)}
    return found


def _engine(url: URL) -> Engine:
    """Errors do not repeat rows, which are strangers' words; a server may have gone and come back."""
    if url.get_backend_name() != "sqlite":
        waits = {"connect_timeout": BUSY_S} if url.get_backend_name() == "postgresql" else {}
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=waits, **POOL)
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_S, "check_same_thread": False}}
    options |= POOL if url.database else {"poolclass": StaticPool}
    engine = create_engine(url, hide_parameters=True, **options)
    if url.database:
        event.listen(engine, "connect", _as_the_house_does)
    return engine


def _name(url: URL) -> str:
    """Where it is: no password, and nothing of what follows the question mark."""
    return url.set(query={}, password=None).render_as_string()


def _secrets(url: URL) -> list[str]:
    """The longest first: none may be cut by a shorter one."""
    given = [url.password]
    for key in ("password", "passfile", "sslpassword"):
        many = url.query.get(key, ())
        given += [many] if isinstance(many, str) else many
    return sorted({str(secret) for secret in given if secret}, key=len, reverse=True)


def _as_the_house_does(connection: Any, _: object) -> None:
    """WAL: readers do not wait for the writer. An index can be made again: normal is safe enough."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
