"""A real PostgreSQL for tests: a cluster of its own in a folder of its own, heard on a socket in it."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

USER, PASSWORD = "quorate", "s3cret:p@ss/word"
START_S = 120
QUICK = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "listen_addresses=",
)


@dataclass
class Postgres:
    """A server that is on."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """The URL of a database, its password in it."""
        made = URL.create(
            "postgresql+psycopg", USER, password, database=database, query={"host": str(self.folder)}
        )
        return made.render_as_string(hide_password=False)

    def new(self) -> str:
        """The URL of a database that is empty."""
        name = f"index_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """One statement, outside of transactions."""
        engine = create_engine(self.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))


def missing() -> str | None:
    """Why no PostgreSQL can be started here; None: it can."""
    if _program("initdb") is None or _program("postgres") is None:
        return "PostgreSQL (initdb, postgres) is not installed"
    if os.getuid() == 0 and _owner() is None:
        return "PostgreSQL refuses to run as root, and there is no user postgres or nobody"
    return None


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """A cluster for as long as the `with` block; it belongs to nobody where tests run as root."""
    owner = _owner() if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="q-pg-", dir="/tmp"))  # a socket's name has at most 107 letters
    data, secret = folder / "data", folder / "password"
    try:
        secret.write_text(PASSWORD)
        if owner is not None:
            for path in (folder, secret):
                os.chown(path, owner, -1)
        with (folder / "log").open("wb") as log:
            make = [_program("initdb"), "-D", data, "-U", USER, f"--pwfile={secret}"]
            make += ["--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
            subprocess.run(make, user=owner, check=True, stdout=log, stderr=log, cwd=folder, timeout=START_S)
            options = itertools.chain.from_iterable(("-c", each) for each in QUICK)
            serve = [_program("postgres"), "-D", data, "-k", folder, *options]
            with subprocess.Popen(serve, user=owner, stdout=log, stderr=log, cwd=folder) as process:
                try:
                    yield _answering(Postgres(folder), process)
                finally:
                    process.send_signal(signal.SIGQUIT)  # at once: the folder goes as well
                    process.wait(START_S)
    finally:
        shutil.rmtree(folder)


def _answering(server: Postgres, process: subprocess.Popen[bytes]) -> Postgres:
    until = time.monotonic() + START_S
    while True:
        try:
            server.execute("SELECT 1")
        except OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL does not start: {(server.folder / 'log').read_text()[-2_000:]}")
            time.sleep(0.05)
        else:
            return server


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


def _owner() -> int | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return None
