"""Content by CID from several stores, the node's own first; what a peer gave is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dapp.ledger.errors import ContentMissing, TooLargeToCheck
from dapp.store import Store
from dapp.store.errors import NotFound, StoreError, TooLarge


@dataclass(frozen=True)
class Shelves:
    """A node's own store and those of its peers, by the names that people know them by."""

    own: Store
    peers: Mapping[str, Store]

    def fetch(self, cid: str, max_bytes: int, what: str) -> bytes:
        """The content, from the first that holds it. Raises ContentMissing, TooLargeToCheck, Full.

        what: how the message calls it.
        """
        answers = []
        for name, store in {"its own store": self.own, **self.peers}.items():
            try:
                data = store.get(cid, max_bytes)
            except TooLarge as error:
                raise TooLargeToCheck(
                    f"{what} ({cid}) is larger than the {max_bytes:,} bytes that it may have",
                    limit_bytes=max_bytes,
                    size_bytes=error.values.get("size_bytes"),
                ) from error
            except NotFound:
                answers.append(f"{name} does not hold it")
            except StoreError as error:
                answers.append(f"{name} failed ({error.code})")
            else:
                if store is not self.own:
                    self.own.put(data)
                return data
        raise ContentMissing(
            f"{what} ({cid}) is nowhere: {'; '.join(answers)}. --peer names another store to ask",
            retryable=True,
            cid=cid,
        )
