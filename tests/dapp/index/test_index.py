"""A database by its URL: what it is called, what goes wrong with it, and that no password is ever told."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import text

from dapp.index import Index, IndexFailed
from tests.dapp.index.postgres import PASSWORD, Postgres

SECRET = "hunter2word"
UNUSABLE = {
    "a port that is none": f"postgresql://me:{SECRET}@127.0.0.1:{SECRET}/index",
    "a database of no kind": f"nowhere://me:{SECRET}@127.0.0.1/index",
    "a driver that is not here": f"postgresql+pg8000://me:{SECRET}@127.0.0.1/index",
    "no URL": SECRET,
    "nobody there": f"postgresql://me:{SECRET}@127.0.0.1:1/index",
    "nobody there, password behind": f"postgresql://me@127.0.0.1:1/index?password={SECRET}",
    "an @ in the password": f"postgresql://me:p@{SECRET}@127.0.0.1:1/index",
    "an @ and a stroke in the password": f"postgresql://me:p@/{SECRET}@127.0.0.1:1/index",
    "an @ and a question mark in the password": f"postgresql://me:p@{SECRET}?@127.0.0.1:1/index",
    "an option that is none": f"postgresql://me@127.0.0.1:1/index?nonsense={SECRET}&password={SECRET}",
}


@pytest.mark.parametrize("given", UNUSABLE.values(), ids=UNUSABLE)
def test_open_whereItFails_neverTellsThePassword(given: str) -> None:
    with pytest.raises(IndexFailed) as failed:
        Index.open(given)
    told = "".join(traceback.format_exception(failed.value)) + repr(failed.value.to_dict())
    assert SECRET not in told


def test_open_withAWrongPassword_isToldBySayingWhoWasRefused(postgres: Postgres) -> None:
    with pytest.raises(IndexFailed, match="authentication failed") as failed:
        Index.open(postgres.url(password=SECRET))
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_name_leavesOutPasswordAndOptions(postgres: Postgres) -> None:
    with Index.open(postgres.new() + f"&application_name={SECRET}") as index:
        assert index.name.startswith("postgresql+psycopg://quorate:***@/index_")
        assert SECRET not in index.name and PASSWORD not in index.name


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_open_ofPostgresql_takesTheDriverThatIsInstalled(postgres: Postgres, scheme: str) -> None:
    with Index.open(postgres.new().replace("postgresql+psycopg", scheme)) as index:
        assert index.engine.driver == "psycopg"


def test_session_afterTheServerClosedAllConnections_isOpenedAnew(postgres: Postgres) -> None:
    with Index.open(postgres.new()) as index:
        with index.session() as session:
            name = session.scalar(text("SELECT current_database()"))
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        with index.session() as session:
            assert session.scalar(text("SELECT current_database()")) == name
