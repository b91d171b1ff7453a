"""A content store behind an IPFS daemon's RPC. The daemon is not believed: every block is hashed here.

A file is read block by block (`block/get`), so a wrong byte is found with the block that holds it. It is
added with this project's import settings, and the CID the daemon answers has to be the one computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import urllib3.exceptions
from ipfshttpclient import exceptions

from dapp.causes import innermost
from dapp.store.cid import Cid, cid_of, parse
from dapp.store.errors import DigestMismatch, Full, NotFound, StoreError, Unreachable
from dapp.store.reader import read_file
from dapp.store.rpc import ANSWER_BYTES, BoundedClient, multiaddr_of
from dapp.store.unixfs import CHUNK_BYTES, LINKS_PER_NODE

_IMPORT_SETTINGS = {
    "cid-version": "1",
    "cid-base": "base32",
    "hash": "sha2-256",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK_BYTES}",
    "max-file-links": str(LINKS_PER_NODE),
    "pin": "true",
}
# What ipfshttpclient lets escape when it reads an answer of another shape than it expects.
_ODD_ANSWERS = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_NOWHERE = ("not found", "could not find", "timed out", "timeout", "deadline exceeded")


@dataclass(frozen=True)
class Timeouts:
    """How long a daemon may take, in seconds.

    idle_s   for a connection, and between any two pieces of an answer
    total_s  for one put, get or has as a whole
    find_s   for the daemon to find one block, in its own repository or in the network; below idle_s
    """

    idle_s: float = 30
    total_s: float = 300
    find_s: int = 20


class IpfsStore:
    """Content on an IPFS node, and through it on the network that the node is part of."""

    def __init__(self, place: str, timeouts: Timeouts | None = None) -> None:
        """place: a multiaddr or a URL. Raises InvalidStore; speaks to nobody yet."""
        self.address = multiaddr_of(place)
        self._timeouts = timeouts or Timeouts()

    def put(self, data: bytes) -> str:
        """Adds and pins `data`.

        Raises Unreachable, Full, DigestMismatch where the daemon names the content differently.
        """
        expected = cid_of(data)
        with self._client() as client:
            answered = client.capped(ANSWER_BYTES).add_bytes(data, opts=dict(_IMPORT_SETTINGS))
        if answered != expected:
            raise DigestMismatch(
                f"The daemon at {self.address} named {expected} {str(answered)[:80]!r}.",
                fix="Use a daemon that honours the import settings in docs/formats.md, such as Kubo.",
                cid=expected,
                actual=str(answered)[:80],
            )
        return expected

    def get(self, cid: str, max_bytes: int) -> bytes:
        """The content, verified block by block.

        Raises InvalidCid, NotFound, TooLarge, DigestMismatch, Unreachable.
        """
        with self._client() as client:

            def fetch(block: Cid, limit_bytes: int) -> bytes:
                answer: bytes = client.capped(limit_bytes).block.get(str(block), opts=self._find())
                return answer

            return b"".join(read_file(parse(cid), fetch, max_bytes))

    def has(self, cid: str) -> bool:
        """Whether the daemon says that it holds the content's root. Raises InvalidCid, Unreachable."""
        wanted = str(parse(cid))
        try:
            with self._client() as client:
                options = self._find() | {"offline": "true"}
                return int(client.capped(ANSWER_BYTES).block.stat(wanted, opts=options)["Size"]) >= 0
        except NotFound:
            return False

    def _find(self) -> dict[str, str]:
        return {"timeout": f"{self._timeouts.find_s}s"}

    @contextmanager
    def _client(self) -> Iterator[BoundedClient]:
        client = BoundedClient(self.address, self._timeouts.idle_s, self._timeouts.total_s)
        try:
            yield client
        except exceptions.ErrorResponse as error:
            raise self._refusal(str(error)) from error
        except (exceptions.Error, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._silence(error, client.deadline.left_s <= 0) from error
        except _ODD_ANSWERS as error:
            raise Unreachable(f"{self.address} answers what no IPFS daemon does: {error}") from error
        finally:
            client.close()

    def _refusal(self, message: str) -> StoreError:
        said = message[:300]
        if any(word in said.lower() for word in _NOWHERE):
            return NotFound(f"The daemon at {self.address} cannot find it: {said}", retryable=True)
        if "no space left" in said.lower():
            return Full(f"The daemon at {self.address} has no room: {said}")
        return StoreError(f"The daemon at {self.address} refused: {said}")

    def _silence(self, error: Exception, out_of_time: bool) -> Unreachable:
        if out_of_time:
            return Unreachable(f"The daemon at {self.address} took more than {self._timeouts.total_s:g} s.")
        return Unreachable(f"No answer to use from {self.address}: {innermost(error)}")
