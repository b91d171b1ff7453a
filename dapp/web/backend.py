"""What all requests share: a chain to read, its index, the content store, and who follows the chain."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from dapp.artifacts import load_deployment
from dapp.chain.client import Chain
from dapp.chain.rpc import connect
from dapp.index import Caught, Index, catch_up
from dapp.index.tables import VERSION
from dapp.store import Store, open_store
from dapp.web.names import learn_names
from dapp.web.receipts import Receipts
from dapp.web.rosters import Rosters
from dapp.web.settings import WebSettings
from ml.errors import QuorateError

_log = logging.getLogger(__name__)
NAMES_S: Final = (
    1.0  # that news wait for names; a store that is slow, or asked for what nobody has, delays no more
)
STALE_S: Final = 15.0  # without a word from the chain; pages say so


@dataclass(frozen=True)
class Now:
    """As of when pages speak: the chain's clock, and how fresh that is.

    read_s   when the chain answered last, by this machine's clock
    trouble  why it has not answered since, for people
    """

    block: int
    hash: str
    at_s: int
    read_s: float
    trouble: str | None = None

    def age_s(self) -> float:
        """Seconds since the chain answered."""
        return max(0.0, time.time() - self.read_s)

    @property
    def is_stale(self) -> bool:
        """Whether pages have to say that they may be old."""
        return self.trouble is not None or self.age_s() > STALE_S


def place_of(chain: Chain) -> str:
    """What files about this chain and board are called."""
    first = chain.rpc.block(0).hash.hex()
    return f"{chain.chain_id}-{chain.quorate.address[2:10].lower()}-{first[:8]}"


@dataclass(eq=False)
class Backend:
    """Chain, index and store of one server."""

    chain: Chain
    index: Index
    store: Store
    heard: list[Callable[[Now, Caught], None]] = field(default_factory=list)  # who is told of new blocks
    receipts: Receipts = field(default_factory=Receipts)
    rosters: Rosters = field(default_factory=Rosters)
    _now: Now | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _wanted: threading.Event = field(default_factory=threading.Event)  # names, by whoever learns them
    _learned: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, web: WebSettings) -> Backend:
        """As the settings say. Raises what connecting raises."""
        settings = web.settings
        rpc = connect(settings.rpc, settings.chain_id)
        chain = Chain(rpc, load_deployment(rpc.chain_id, settings.deployments))
        if web.index_url:
            index = Index.open(web.index_url)
        else:
            index = Index.of_file(settings.data_dir / "index" / f"{place_of(chain)}-{VERSION}.sqlite")
        return cls(chain, index, open_store(settings.store_url))

    @property
    def now(self) -> Now:
        """As of when; asks the chain when nobody has yet."""
        return self._now or self.refresh()

    def refresh(self) -> Now:
        """Read what is new; a chain that does not answer makes what is known stale, not wrong.

        Raises what reading raised when nothing is known yet.
        """
        with self._guard:
            before = self._now
            try:
                caught = catch_up(self.chain, self.index)
            except QuorateError as error:
                if before is None:
                    raise
                now = replace(before, trouble=error.message)
                caught = Caught(before.block, before.hash, before.at_s, 0)
            else:
                now = Now(caught.block, caught.hash, caught.at_s, time.time())
            self._now = now
        if before is not None and (before.hash, before.trouble) == (now.hash, now.trouble):
            return now
        if caught.went_back_to is not None:
            self.receipts.forget()
            self.rosters.forget()
        if now.trouble is None:
            self._learn()
        for tell in list(self.heard):
            tell(now, caught)
        return now

    def start(self, poll_s: float) -> None:
        """Follow the chain, and learn names, in threads until `close`."""
        for name, work in (
            ("quorate-names", self._learn_on),
            ("quorate-follow", lambda: self._follow(poll_s)),
        ):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop following. A store that is being asked is not waited for."""
        self._stop.set()
        self._wanted.set()
        for thread, wait_s in zip(self._threads, (0.5, 5.0), strict=False):
            thread.join(wait_s)

    def close(self) -> None:
        """Stop following, and let go of the index."""
        self.stop()
        self.index.close()

    def _learn(self) -> None:
        """Here where nobody else learns names; else there, waited for only so long."""
        if not self._threads:
            learn_names(self.index, self.store)
            return
        self._learned.clear()
        self._wanted.set()
        self._learned.wait(NAMES_S)

    def _learn_on(self) -> None:
        while self._wanted.wait() and not self._stop.is_set():
            self._wanted.clear()
            try:
                learn_names(self.index, self.store, self._guard)
            except Exception:
                _log.exception("learning names failed; it is tried again")
            self._learned.set()

    def _follow(self, poll_s: float) -> None:
        while not self._stop.wait(poll_s):
            try:
                self.refresh()
            except QuorateError as error:
                _log.warning("%s: %s", error.code, error.message)
            except Exception:
                _log.exception("following the chain failed; it is tried again")
