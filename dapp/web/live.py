"""News by server-sent events: one small message for each block that brings something, to every open page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dapp.index import Caught
from dapp.web.backend import Backend, Now
from dapp.web.guard import RequestRefused

MAX_STREAMS: Final = 500
KEEP_ALIVE_S: Final = 15.0
RETRY_MS: Final = 2_000
router = APIRouter(tags=["live"])


class Hub:
    """Whoever listens; a slow listener misses all but the newest, and delays nobody."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def tell(self, now: Now, caught: Caught) -> None:
        """From any thread: there is news."""
        news = message(now, caught.events, caught.went_back_to is not None)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._spread, news)

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[dict[str, Any]]]:
        """A queue of news, for as long as the `with` block. Raises RequestRefused: too many listen."""
        if self.count >= MAX_STREAMS:
            raise RequestRefused("too many pages listen at once", status=503)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def _spread(self, news: dict[str, Any]) -> None:
        for queue in self._listeners:
            if queue.full():
                missed = queue.get_nowait()
                news = {**news, "events": news["events"] + missed["events"]}
            queue.put_nowait(news)


def message(now: Now, events: int, reorganised: bool = False) -> dict[str, Any]:
    """What a page is told: where the chain is. Nothing of what happened: pages ask for that themselves."""
    return {
        "block": now.block,
        "at_s": now.at_s,
        "events": events,
        "reorganised": reorganised,
        "trouble": now.trouble,
    }


@contextlib.asynccontextmanager
async def listening(backend: Backend) -> AsyncIterator[Hub]:
    """A hub that the backend tells its news."""
    hub = Hub(asyncio.get_running_loop())
    backend.heard.append(hub.tell)
    try:
        yield hub
    finally:
        backend.heard.remove(hub.tell)


@router.get("/events", response_class=EventSourceResponse, summary="News, by server-sent events")
async def events(request: Request) -> AsyncIterator[ServerSentEvent]:
    """One event `block` at once, and one whenever the chain has moved on; `still` where it does not."""
    hub: Hub = request.app.state.hub
    backend: Backend = request.app.state.backend
    with hub.listen() as queue:
        yield ServerSentEvent(data=message(backend.now, 0), event="block", retry=RETRY_MS)
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    news = await queue.get()
            except TimeoutError:
                yield ServerSentEvent(data={}, event="still")
                continue
            yield ServerSentEvent(data=news, event="block", id=str(news["block"]))
