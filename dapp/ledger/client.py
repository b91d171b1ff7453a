"""What nodes ask of a recorder's server: bounded in bytes and time, and believed in nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from dapp.causes import innermost
from dapp.ledger.errors import LedgerError, NotAsked, RecorderRefused, RecorderUnreachable
from dapp.store.bounded import BoundedAdapter, bounded_session
from dapp.store.deadline import Deadline
from dapp.store.errors import StoreError
from ml.canonical import canonical_json, parse_canonical_json
from ml.errors import QuorateError
from ml.fields import Fields
from ml.history.header import MAX_DIFFICULTY_BITS, MAX_UINT48, SIZE_BYTES, Header, InvalidHeader

ANSWER_BYTES: Final = 262_144
IDLE_S: Final = 10.0
TOTAL_S: Final = 30.0
MAX_PAGE: Final = 1_024
MAX_SIGNED: Final = 255
MAX_UINT32: Final = 2**32 - 1


@dataclass(frozen=True)
class Announced:
    """The newest entry, and the recorder's signature of it (64 bytes)."""

    head: bytes
    height: int
    signature: bytes


@dataclass(frozen=True)
class Work:
    """An entry that lacks its nonce."""

    header: Header
    difficulty_bits: int


@dataclass(frozen=True)
class Proposed:
    """What nodes are to attest: `head` after the registered `parent`; `signed` by these so far."""

    parent: bytes
    head: bytes
    attempt: int
    signed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Voting:
    """A rollback vote whose signatures the server collects; `signed` by these so far."""

    nonce: int
    head: bytes
    signed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecorderState:
    """What a recorder's server says of its run."""

    announced: Announced | None
    work: Work | None
    proposal: Proposed | None
    vote: Voting | None


class RecorderClient:
    """One server, for one run. Raises RecorderUnreachable, RecorderRefused."""

    def __init__(self, url: str, run: bytes, idle_s: float = IDLE_S, total_s: float = TOTAL_S) -> None:
        """url: scheme, host and port. Raises LedgerError; speaks to nobody yet."""
        self.url = _checked(url)
        self.run = run
        self._idle_s = idle_s
        self._total_s = total_s

    def state(self) -> RecorderState:
        """Where the run stands, as the recorder says."""
        return _state(self._ask("GET", "/v1/state"), self.run)

    def headers(self, first: int) -> list[Header]:
        """A page of headers from height `first` on; empty at the end."""
        fields = _fields(self._ask("GET", f"/v1/headers?from={first}"))
        texts = fields.items("headers", 0, MAX_PAGE)
        return [_header(text) for text in texts]

    def nonce(self, height: int, nonce: int) -> None:
        """Hand in a nonce."""
        self._post("/v1/nonce", {"height": height, "nonce": str(nonce)})

    def attest(self, proposed: Proposed, node: str, signature: bytes) -> None:
        """Hand in a signature under a proposal."""
        message = {"parent": proposed.parent.hex(), "head": proposed.head.hex(), "attempt": proposed.attempt}
        self._post("/v1/attestation", message | {"node": node, "signature": signature.hex()})

    def vote(self, voting: Voting, target: bytes, entry: bytes, node: str, signature: bytes) -> None:
        """Hand in a signature under a rollback's target."""
        message = {"nonce": voting.nonce, "head": voting.head.hex(), "target": target.hex()}
        self._post("/v1/vote", message | {"entry": entry.hex(), "node": node, "signature": signature.hex()})

    def _post(self, path: str, message: Mapping[str, Any]) -> None:
        self._ask("POST", path, canonical_json({"run": self.run.hex(), **message}))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        deadline = Deadline(self._total_s)
        adapter = BoundedAdapter(deadline)
        adapter.cap_bytes = ANSWER_BYTES
        try:
            with bounded_session(adapter) as session:
                headers = {} if body is None else {"Content-Type": "application/json"}
                answer = session.request(
                    method,
                    self.url + path,
                    data=body,
                    headers=headers,
                    timeout=self._idle_s,
                    allow_redirects=False,
                )
                value = parse_canonical_json(answer.content, ANSWER_BYTES)
                if not answer.ok:
                    raise _refusal(value, self.url)
                return value
        except (requests.RequestException, StoreError, OSError, ValueError) as error:
            raise RecorderUnreachable(
                f"{self.url} does not answer: {innermost(error)}", retryable=True
            ) from error
        except RecorderRefused:
            raise
        except QuorateError as error:
            raise RecorderUnreachable(
                f"{self.url} answers something else than a recorder: {_short(error)}", retryable=True
            ) from error
        finally:
            deadline.close()


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise LedgerError(
            "the address of a recorder's server is a scheme, a host and a port",
            fix="Write it as http://127.0.0.1:8600.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _state(value: object, run: bytes) -> RecorderState:
    fields = _fields(value)
    if fields.digest("run") != run.hex():
        raise RecorderRefused("the server records another run than this node follows")
    announced, work, proposal, vote = (
        None if (part := fields.any(name)) is None else Fields(part, f"state.{name}", RecorderUnreachable)
        for name in ("announced", "work", "proposal", "vote")
    )
    return RecorderState(
        announced=None
        if announced is None
        else Announced(
            bytes.fromhex(announced.digest("head")),
            announced.integer("height", 0, MAX_UINT48),
            _bytes(announced.any("signature"), 64),
        ),
        work=None
        if work is None
        else Work(
            _header(work.any("header")),
            work.integer("difficulty_bits", 0, MAX_DIFFICULTY_BITS),
        ),
        proposal=None
        if proposal is None
        else Proposed(
            bytes.fromhex(proposal.digest("parent")),
            bytes.fromhex(proposal.digest("head")),
            proposal.integer("attempt", 0, MAX_UINT32),
            _signed(proposal),
        ),
        vote=None
        if vote is None
        else Voting(vote.integer("nonce", 0, MAX_UINT32), bytes.fromhex(vote.digest("head")), _signed(vote)),
    )


def _refusal(value: object, url: str) -> RecorderRefused:
    error = _fields(value).child("error")
    kind = NotAsked if error.text("code", 40) == NotAsked.code else RecorderRefused
    return kind(f"{url} refuses: {error.text('message', 500)}")


def _fields(value: object) -> Fields:
    return Fields(value, "answer", RecorderUnreachable)


def _signed(fields: Fields) -> frozenset[str]:
    return frozenset(str(node) for node in fields.items("signed", 0, MAX_SIGNED))


def _header(value: object) -> Header:
    try:
        return Header.from_bytes(_bytes(value, SIZE_BYTES))
    except InvalidHeader as error:
        raise RecorderUnreachable(f"an answer holds what is no header: {error.message}") from error


def _bytes(value: object, size: int) -> bytes:
    text = value if isinstance(value, str) else ""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != size:
        raise RecorderUnreachable(f"an answer holds {len(data)} bytes where {size} belong")
    return data


def _short(error: Exception) -> str:
    text = error.message if isinstance(error, QuorateError) else str(error)
    return "".join(c for c in text.replace("\n", " ") if c.isprintable())[:200]
