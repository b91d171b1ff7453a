"""What the recorder's server answers (the Deep Learning Server of Bae & Shin), whoever asks and however.

Whatever arrives is hostile: it is checked in full before it is kept, and what is refused changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from eth_utils import is_checksum_address

from dapp.chain.ledger import Ledger, RunView, rollback_header, signer_of
from dapp.ledger.errors import NotAsked, RecorderRefused
from dapp.ledger.queues import Kind, Proposal, Queues, Signed, State
from ml.fields import Fields
from ml.history.header import MAX_UINT48, MAX_UINT64, Header
from ml.history.header import Kind as EntryKind

PAGE: Final = 256  # headers in one answer
MAX_VOTE: Final = 2**32 - 1


class Desk:
    """Serves the queues of one run. Several threads may ask.

    view       the run as the chain has it; asked for now and then, not at each request
    announce   the recorder's signature of an announcement's digest
    wake       called when something was taken, so that the recorder need not look for it
    """

    def __init__(
        self,
        queues: Queues,
        ledger: Ledger,
        view: Callable[[], RunView],
        announce: Callable[[bytes], bytes],
        asks_for_work: bool = True,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.queues = queues
        self._ledger = ledger
        self._view = view
        self._announce = announce
        self._asks_for_work = asks_for_work
        self._wake = wake
        self._announced: dict[str, Any] | None = None
        self._guard = threading.Lock()

    @property
    def run(self) -> bytes:
        return self.queues.book.run

    def state(self) -> dict[str, Any]:
        """Where the run stands, and what nodes are asked for."""
        with self._guard:
            view, book = self._view(), self.queues.book
            last = book.registered()
            proposals = self.queues.open_proposals()
            return {
                "run": self.run.hex(),
                "registered": None if last is None else {"id": last.id.hex(), "height": last.height},
                "announced": self._announcement(),
                "work": self._work(view),
                "proposal": next((self._shown(p) for p in proposals if p.kind is Kind.ATTEST), None),
                "vote": next((self._shown(p) for p in proposals if p.kind is Kind.ROLLBACK), None),
                "waiting": self.queues.waiting(),
            }

    def headers(self, first: int, count: int = PAGE) -> list[str]:
        """Headers from a height on, in hexadecimal: at most a page of them."""
        end = min(first + min(count, PAGE), self.queues.book.count)
        return [header.to_bytes().hex() for header in self.queues.book.headers(first, end)]

    def nonce(self, value: object) -> dict[str, Any]:
        """A nonce for the entry that is to be mined: the first one that works is taken."""
        fields = self._fields(value)
        height = fields.integer("height", 0, MAX_UINT48)
        nonce = _nonce(fields)
        fields.done()
        with self._guard:
            entry = self.queues.first(State.DRAFTED)
            if entry is None or entry.header is None or entry.header.height != height:
                raise NotAsked(f"nobody is asked for work on entry {height} now", status=409)
            difficulty_bits = self._view().difficulty_bits
            if not replace(entry.header, nonce=nonce).works(difficulty_bits):
                raise RecorderRefused(
                    f"with this nonce the id of entry {height} has fewer than {difficulty_bits} zero bits",
                    status=400,
                )
            self.queues.mined(entry.place, nonce)
        self._wake()
        return {"taken": True}

    def attestation(self, value: object) -> dict[str, Any]:
        """A node's signature under the open proposal."""
        fields = self._fields(value)
        parent, head = (bytes.fromhex(fields.digest(name)) for name in ("parent", "head"))
        attempt = fields.integer("attempt", 0, MAX_VOTE)
        node, signature = _node(fields), _signature(fields)
        fields.done()
        with self._guard:
            proposal = self.queues.proposal(Kind.ATTEST, parent, attempt)
            if proposal is None or proposal.head != head:
                raise RecorderRefused("this is not what is proposed", status=409)
            digest = self._ledger.attestation(self.run, parent, head, attempt)
            return self._keep(proposal, digest, Signed(node, head, signature))

    def vote(self, value: object) -> dict[str, Any]:
        """A node's signature under the target it names in the open rollback vote."""
        fields = self._fields(value)
        nonce = fields.integer("nonce", 0, MAX_VOTE)
        head, target, entry = (bytes.fromhex(fields.digest(name)) for name in ("head", "target", "entry"))
        node, signature = _node(fields), _signature(fields)
        fields.done()
        with self._guard:
            proposal = self.queues.proposal(Kind.ROLLBACK, head, nonce)
            if proposal is None:
                raise RecorderRefused("no such rollback vote is open", status=409)
            if entry != self._entry(head, target):
                raise RecorderRefused("the new entry does not follow from head and target")
            digest = self._ledger.rollback_vote(self.run, head, target, entry, nonce)
            return self._keep(proposal, digest, Signed(node, target, signature))

    def entry_of(self, head: Header, target: Header) -> Header:
        """The entry that goes back from head to target, both in the book."""
        return rollback_header(head, target, self.queues.book.history_at(head.height + 1))

    def _entry(self, head: bytes, target: bytes) -> bytes:
        """Its id. Raises RecorderRefused when the target is none."""
        book = self.queues.book
        header, to = book.get(head), book.get(target)
        if header is None or to is None or to.height >= header.height or to.kind is not EntryKind.EPOCH:
            raise RecorderRefused("the target is no epoch before the head")
        return self.entry_of(header, to).id

    def _keep(self, proposal: Proposal, digest: bytes, signed: Signed) -> dict[str, Any]:
        view = self._view()
        if signed.node not in view.nodes:
            raise RecorderRefused(f"{signed.node} is no node of this run", status=403)
        if signed.node in view.barred:
            raise RecorderRefused(f"{signed.node} is barred: it signed two entries for one place", status=403)
        if signer_of(digest, signed.signature) != signed.node:
            raise RecorderRefused(f"{signed.node} has not signed this", status=403)
        if proposal.state not in (State.PROPOSED, State.ATTESTED):  # of a quorum some may be barred yet
            return {"taken": False}
        taken = self.queues.sign(proposal.number, signed)
        self._wake()
        return {"taken": taken}

    def _announcement(self) -> dict[str, Any] | None:
        """The newest entry, with the recorder's word for it."""
        head = self.queues.book.head
        if head is None:
            return None
        if self._announced is None or self._announced["head"] != head.id.hex():
            signature = self._announce(self._ledger.announcement(self.run, head.id))
            self._announced = {"head": head.id.hex(), "height": head.height, "signature": signature.hex()}
        return self._announced

    def _work(self, view: RunView) -> dict[str, Any] | None:
        entry = self.queues.first(State.DRAFTED) if self._asks_for_work else None
        if entry is None or entry.header is None:
            return None
        return {"header": entry.header.to_bytes().hex(), "difficulty_bits": view.difficulty_bits}

    def _shown(self, proposal: Proposal) -> dict[str, Any]:
        signed = [signature.node for signature in self.queues.signatures(proposal.number)]
        if proposal.kind is Kind.ROLLBACK:
            return {"nonce": proposal.attempt, "head": proposal.parent.hex(), "signed": signed}
        return {
            "parent": proposal.parent.hex(),
            "head": proposal.head.hex(),
            "attempt": proposal.attempt,
            "signed": signed,
        }

    def _fields(self, value: object) -> Fields:
        fields = Fields(value, "message", RecorderRefused)
        if fields.digest("run") != self.run.hex():
            raise RecorderRefused(f"this server records run {self.run.hex()[:16]}…", status=409)
        return fields


def _node(fields: Fields) -> str:
    node = fields.text("node", 42)
    if not is_checksum_address(node):
        raise RecorderRefused("message.node must be an address with its checksum")
    return node


def _signature(fields: Fields) -> bytes:
    text = fields.text("signature", 128)
    try:
        signature = bytes.fromhex(text)
    except ValueError:
        signature = b""
    if len(signature) != 64 or text != signature.hex():
        raise RecorderRefused("message.signature must be 128 lower-case hexadecimal digits")
    return signature


def _nonce(fields: Fields) -> int:
    text = fields.text("nonce", 20)  # of 64 bits: more than an integer of JSON may have
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_UINT64:
        raise RecorderRefused("message.nonce must be a number of 64 bits, written in decimal")
    return int(text)
