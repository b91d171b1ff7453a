"""News on a real server: many open pages, one that is slow, a chain that falls silent and comes back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import pytest

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.ledger import RunTerms
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.config import Settings
from dapp.index import Index
from dapp.store import open_store
from dapp.web import WebSettings
from dapp.web.backend import Backend
from dapp.web.desk.evaluations import Evaluation
from dapp.web.desk.office import office_of
from dapp.web.serve import WebFailed, WebServer

STREAMS = 200
WATCHERS = 60  # more than the threads that make pages
T = TypeVar("T")


def run(story: Coroutine[None, None, T]) -> T:
    """In a thread of its own: a browser of another test may keep a loop going in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


@dataclass
class Running:
    """A server on a port, over a devnet."""

    node: Anvil
    web: WebSettings
    server: WebServer


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("live")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Anvil() as node:
        quick = SendSettings(poll_s=0.01)
        deployment = deploy(Chain(node.rpc(), None, Signer.devnet(0), settings=quick), folder=None)
        web = WebSettings(Settings(data_dir=folder), port=port, poll_s=0.1)
        store = open_store(f"embedded:{folder / 'store'}")
        backend = Backend(Chain(node.rpc(), deployment), Index.in_memory(), store)
        server = WebServer(web, backend)
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield Running(node, web, server)
        server.stop()
        thread.join(10)
        assert not thread.is_alive()
        backend.close()


async def open_stream(port: int, path: str = "/events") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    await writer.drain()
    return reader, writer


async def next_news(reader: asyncio.StreamReader) -> dict[str, object]:
    async with asyncio.timeout(20):
        while True:
            line = await reader.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                return json.loads(line[6:])


def test_events_toManyPages_tellAllOfThemEachBlock(running: Running) -> None:
    async def story() -> float:
        streams = await asyncio.gather(*(open_stream(running.web.port) for _ in range(STREAMS)))
        first = await asyncio.gather(*(next_news(reader) for reader, _ in streams))
        assert len({news["block"] for news in first}) == 1
        began = time.monotonic()
        await asyncio.to_thread(running.node.rpc().raw, "anvil_mine", "0x1")
        told = await asyncio.gather(*(next_news(reader) for reader, _ in streams))
        spent = time.monotonic() - began
        assert {news["block"] for news in told} == {first[0]["block"] + 1}  # type: ignore[operator]
        assert all(set(news) == {"block", "at_s", "events", "reorganised", "trouble"} for news in told)
        page, writer = await asyncio.open_connection("127.0.0.1", running.web.port)
        writer.write(f"GET /tasks.json HTTP/1.1\r\nHost: 127.0.0.1:{running.web.port}\r\n\r\n".encode())
        assert (await page.readline()).startswith(b"HTTP/1.1 200")
        for _, each in [*streams, (page, writer)]:
            each.close()
        return spent

    assert run(story()) < 5


def test_events_whenTheChainFallsSilent_sayTrouble_andPagesSaySo(running: Running) -> None:
    async def story() -> None:
        reader, writer = await open_stream(running.web.port)
        assert (await next_news(reader))["trouble"] is None
        await asyncio.to_thread(running.node.stop)
        news = await next_news(reader)
        assert news["trouble"]
        page, asking = await asyncio.open_connection("127.0.0.1", running.web.port)
        asking.write(f"GET /tasks HTTP/1.0\r\nHost: 127.0.0.1:{running.web.port}\r\n\r\n".encode())
        text = (await page.read()).decode()
        assert text.startswith("HTTP/1.1 200") and "This page may be old." in text
        assert '<p class="banner" id="stale" role="status">' in text
        writer.close()
        asking.close()

    run(story())


def test_progress_watchedByManyPages_keepsNoPageWaiting(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = b"\x07" * 32
    evaluations = office_of(running.server.app).evaluations
    monkeypatch.setitem(evaluations._known, task.hex(), Evaluation("0x" + task.hex(), 1))

    async def story() -> float:
        path = f"/desk/0x{task.hex()}/progress"
        streams = await asyncio.gather(*(open_stream(running.web.port, path) for _ in range(WATCHERS)))
        first = await asyncio.gather(*(next_news(reader) for reader, _ in streams))
        assert {news["state"] for news in first} == {"running"}
        await asyncio.sleep(0.5)
        began = time.monotonic()
        page, writer = await open_stream(running.web.port, "/tasks.json")
        assert (await page.readline()).startswith(b"HTTP/1.1 200")
        spent = time.monotonic() - began
        for _, each in [*streams, (page, writer)]:
            each.close()
        return spent

    assert run(story()) < 4


def test_follow_whileTheStoreIsSilentAboutAStrangersSpec_tellsEachBlock(running: Running) -> None:
    """Anyone can name a document that nobody has; the store's daemon looks for it as long as it is let."""
    backend = running.server.app.state.backend
    stranger = Chain(running.node.rpc(), backend.chain.deployment, Signer.devnet(1))
    call = stranger.ledger.call("runStart", RunTerms(b"\x0d" * 32).astuple(), ["0x" + "11" * 20])

    async def story() -> None:
        reader, writer = await open_stream(running.web.port)
        await next_news(reader)
        receipt = await asyncio.to_thread(stranger.send, "run", call)
        for block in (receipt.block, receipt.block + 1):
            async with asyncio.timeout(8):
                while (await next_news(reader))["block"] != block:
                    pass
            await asyncio.to_thread(running.node.rpc().raw, "anvil_mine", "0x1")
        writer.close()

    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        backend.store = open_store(f"ipfs:http://127.0.0.1:{silent.getsockname()[1]}")
        run(story())


def test_serve_onAPortThatIsTaken_isNamed(running: Running) -> None:
    with pytest.raises(WebFailed, match=str(running.web.port)):
        WebServer(running.web)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.org", ""])
def test_settings_withAHostThatIsNotThisMachine_areRefused(host: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        WebSettings(host=host)
