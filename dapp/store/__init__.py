"""Content-addressed storage: one small protocol, an embedded store by default, an IPFS node on request."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from dapp.store.cid import cid_from_digest, cid_of, digest_of
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import (
    DigestMismatch,
    Full,
    InvalidCid,
    InvalidStore,
    NotFound,
    StoreError,
    TooLarge,
    Unreachable,
)

__all__ = [
    "DigestMismatch",
    "Full",
    "InvalidCid",
    "InvalidStore",
    "NotFound",
    "Store",
    "StoreError",
    "TooLarge",
    "Unreachable",
    "cid_from_digest",
    "cid_of",
    "digest_of",
    "open_store",
]


class Store(Protocol):
    """What keeps content. Every error is a StoreError."""

    def put(self, data: bytes) -> str:
        """Keeps `data`; returns cid_of(data). Raises Full, Unreachable."""

    def get(self, cid: str, max_bytes: int) -> bytes:
        """The content under `cid`, hashed and found to be it, of at most max_bytes.

        Raises InvalidCid, NotFound, TooLarge, DigestMismatch, Unreachable.
        """

    def has(self, cid: str) -> bool:
        """Whether the store itself holds the content, so that get asks nobody else.

        Raises InvalidCid, Unreachable.
        """


def open_store(url: str) -> Store:
    """The store at `url`.

    embedded:DIRECTORY                     a directory, made if it is not there
    ipfs:/ip4/127.0.0.1/tcp/5001/http      the RPC of an IPFS daemon, as a multiaddr
    ipfs:http://127.0.0.1:5001             the same as a URL

    Opening speaks to no daemon. Raises InvalidStore, and for a directory Full and StoreError.
    """
    kind, separator, place = url.partition(":")
    if separator and place and kind == "embedded":
        return EmbeddedStore(Path(place).expanduser())
    if separator and place and kind == "ipfs":
        from dapp.store.ipfs import IpfsStore  # its client takes 0.5 s to import

        return IpfsStore(place)
    raise InvalidStore("The address of a store begins with embedded: or ipfs: and goes on.")
