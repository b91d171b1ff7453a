"""The journals of the accounts that people use here: the same files that the command line keeps."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dapp.chain.rpc import Rpc
from dapp.journal import Journal


class Journals:
    """Opened for as long as one request needs one; requests for one account wait for one another."""

    def __init__(self, data_dir: Path, rpc: Rpc) -> None:
        self._folder = data_dir / "journal"
        self._rpc = rpc
        self._guards: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def of(self, account: str) -> Iterator[Journal]:
        """The account's, made if it is not there. Raises JournalBusy: another program works for it."""
        with self._guards[account], self._open(account) as journal:
            yield journal

    @contextmanager
    def known(self, account: str) -> Iterator[Journal | None]:
        """The account's, None where there is none: looking makes no files."""
        if not Journal.folder(self._folder, self._rpc.chain_id, self._first(), account).is_dir():
            yield None
            return
        with self.of(account) as journal:
            yield journal

    def _open(self, account: str) -> Journal:
        return Journal.open(self._folder, self._rpc.chain_id, self._first(), account)

    def _first(self) -> bytes:
        """The chain's first block; asked each time, since a development chain may be another by now."""
        return self._rpc.block(0).hash
