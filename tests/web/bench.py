"""How fast pages are, with as much on them as there can be: `make bench-web`.

Server time is processor time of a request; time to usable is what Chromium needs from navigation until the
page is live (its mark `quorate:live`): the median of several.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from playwright.sync_api import Browser

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil, _free_port
from dapp.chain.events import Place, TaskOpened
from dapp.chain.ledger import RunTerms
from dapp.chain.outbox import SendSettings
from dapp.chain.seals import TaskKey
from dapp.chain.signer import Signer
from dapp.chain.words import MAX_MODELS
from dapp.config import Settings
from dapp.index import Index, catch_up
from dapp.index.rows import Known, rows_of
from dapp.index.tables import Cursor
from dapp.ledger.book import Book
from dapp.ledger.places import book_of
from dapp.store import open_store
from dapp.web import WebSettings
from dapp.web.backend import Backend
from dapp.web.serve import WebServer
from tests.dapp.index.postgres import missing, running
from tests.dapp.ledger.logs import epoch
from tests.web.browser import chromium
from tests.web.crowd import Stage, play

QUICK = SendSettings(poll_s=0.01)
NOBODY = bytes(32)
KEY = TaskKey(
    "0x" + "12" * 20, NOBODY, NOBODY, NOBODY, NOBODY, 10**18, 10**16, 10**17, 800_000, 5, 3, 10, 3,
    600, 600, 600, 600, 600, 600, 0,
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    tasks: int = 10_000
    verifiers: int = 100
    epochs: int = 10_000
    events: int = 2_000
    times: int = 7


@dataclass(frozen=True)
class Figure:
    """A page's figures."""

    what: str
    server_ms: float
    first_ms: float
    size_bytes: int
    usable_ms: float

    def row(self) -> str:
        """As a line of docs/web.md."""
        times = [f"{each:,.0f} ms" for each in (self.server_ms, self.first_ms, self.usable_ms)]
        return f"| {self.what} | {times[0]} | {times[1]} | {self.size_bytes / 1000:.0f} kB | {times[2]} |"


@dataclass
class Bench:
    """A site on a chain, and who measures it."""

    chain: Chain
    stage: Stage
    backend: Backend
    browser: Browser
    folder: Path
    url: str
    size: Size

    def figure(self, what: str, path: str) -> Figure:
        """The first request apart: what is remembered afterwards is read in it."""
        first_s, size = self._asked(path)
        server_s = statistics.median(self._asked(path)[0] for _ in range(self.size.times))
        usable = statistics.median(self._usable_ms(path) for _ in range(self.size.times))
        return Figure(what, 1000 * server_s, 1000 * first_s, size, usable)

    def _asked(self, path: str) -> tuple[float, int]:
        began = time.process_time()
        answer = requests.get(self.url + path, headers={"Accept": "text/html"}, timeout=120)
        spent_s = time.process_time() - began
        assert answer.status_code == 200, answer.text[:500]
        return spent_s, len(answer.content)

    def _usable_ms(self, path: str) -> float:
        """In a profile of its own: nothing is cached."""
        context = self.browser.new_context(bypass_csp=True)  # Playwright waits by evaluating text in the page
        try:
            page = context.new_page()
            page.goto(self.url + path, timeout=120_000)
            marks = "performance.getEntriesByName('quorate:live')"
            page.wait_for_function(f"{marks}.length > 0", timeout=120_000)
            return float(page.evaluate(f"{marks}[0].startTime"))
        finally:
            context.close()


@contextmanager
def bench(browser: Browser, folder: Path, size: Size) -> Iterator[Bench]:
    """A chain with the contracts, and the site."""
    with Anvil() as node:
        deployment = deploy(Chain(node.rpc(), None, Signer.devnet(0), settings=QUICK), folder=None)
        chain = Chain(node.rpc(), deployment)
        stage = Stage(Chain(node.rpc(), deployment))
        store = open_store(f"embedded:{folder / 'store'}")
        backend = Backend(chain, Index.of_file(folder / "index.sqlite"), store)
        server = WebServer(WebSettings(Settings(data_dir=folder), port=_free_port(), poll_s=0.5), backend)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield Bench(chain, stage, backend, browser, folder, server.url, size)
        finally:
            server.stop()
            thread.join(30)
            backend.close()


def task_page(made: Bench) -> Figure:
    """The largest task: played on the chain."""
    task = play(made.stage, made.size.verifiers)
    made.backend.refresh()
    return made.figure(
        f"a task, {MAX_MODELS} models, {made.size.verifiers} verifiers", f"/tasks/0x{task.hex()}"
    )


def task_list(made: Bench) -> list[Figure]:
    """As many tasks, by the very code that makes rows of the chain's events."""
    with made.backend.index.session() as session, session.begin():
        cursor = session.get(Cursor, 1)
        assert cursor is not None
        known = Known(session)
        for number in range(made.size.tasks):
            at = Place(cursor.block, 100_000 + number, "0x" + "00" * 32)
            key = replace(KEY, salt=number, reward_wei=10**15 * (number % 977), notice_s=number % 5_000)
            event = TaskOpened(at, (number + 1).to_bytes(32, "big"), key.initiator, key)
            session.add_all(rows_of(event, cursor.at_s - 2_500, known))
    lists = {
        "first page": "",
        "searched": "?q=0x0000",
        "by state": "?state=contribute",
        "ending": "?sort=ending",
    }
    return [
        made.figure(f"{made.size.tasks:,} tasks, {what}", f"/tasks{query}") for what, query in lists.items()
    ]


def run_page(made: Bench) -> list[Figure]:
    """A ledger of so many epochs, in the recorder's copy."""
    terms = RunTerms(NOBODY, salt=b"bench".ljust(32, b"\0"))
    recorder = Chain(made.chain.rpc, made.chain.deployment, Signer.devnet(1), settings=QUICK)
    recorder.send("run", recorder.ledger.call("runStart", terms.astuple(), [recorder.address]))
    made.backend.refresh()
    run = requests.get(f"{made.url}/runs.json", timeout=60).json()["page"]["runs"][0]["run"]
    key = bytes.fromhex(run[2:])
    with Book.open(book_of(made.folder, key, None), key) as book, book.database.transaction():
        for number in range(made.size.epochs):
            book.append(epoch(book, accuracy_ppm=500_000 + number * 40 + (number % 7) * 1_000))
    named = f"a ledger of {made.size.epochs:,} epochs"
    return [
        made.figure(named, f"/runs/{run}"),
        made.figure(f"{named}, an entry", f"/runs/{run}/entries/{made.size.epochs // 2}"),
    ]


def catching_up(made: Bench) -> list[str]:
    """Events a second into an index that is empty; most of them stand in a block of their own."""
    for number in range(made.size.events):
        terms = RunTerms(NOBODY, salt=b"many" + number.to_bytes(28, "big"))
        made.stage.send("0x" + "77" * 20, made.stage.ledger, "runStart", terms.astuple(), ["0x" + "66" * 20])
    rows = [_rate(made, "SQLite", lambda: Index.of_file(made.folder / "again.sqlite"))]
    if missing() is None:
        with running() as server:
            rows.append(_rate(made, "PostgreSQL", lambda: Index.open(server.new())))
    return rows


def _rate(made: Bench, name: str, new: Callable[[], Index]) -> str:
    with new() as index:
        began = time.monotonic()
        caught = catch_up(made.chain, index)
        spent_s = time.monotonic() - began
    return (
        f"| {name} | {caught.events:,} events | {spent_s:.1f} s | {caught.events / spent_s:,.0f} events/s |"
    )


def main() -> None:
    """Prints the tables of docs/web.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small: only to see that it works")
    size = Size(50, 3, 50, 50, 1) if parser.parse_args().quick else Size()
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        bench(browser, Path(folder), size) as made,
    ):
        figures = [task_page(made), *run_page(made)]
        rates = catching_up(made)
        made.backend.refresh()
        figures = [*task_list(made), *figures]
    head = ["| page | server | first time | bytes | usable in Chromium |", "|---|---|---|---|---|"]
    lines = [
        *head,
        *(figure.row() for figure in figures),
        "",
        "| index | events | time | rate |",
        "|---|---|---|---|",
    ]
    sys.stdout.write("\n".join([*lines, *rates]) + "\n")


if __name__ == "__main__":
    main()
