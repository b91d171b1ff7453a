"""Naming the target of a rollback, signed or by transaction, and carrying out what a quorum of nodes named.

For nodes whose key is in a wallet; `dapp.ledger.node` signs by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.ledger import (
    Ledger,
    RunView,
    compact,
    history_proof,
    quorum,
    rollback_header,
    signer_of,
)
from dapp.journal import Journal
from dapp.ledger.book import Book
from dapp.ledger.client import RecorderClient, Voting
from dapp.ledger.errors import ContentMissing, EntryUnknown, LedgerError, RecorderRefused, WouldEquivocate
from dapp.ledger.follow import open_vote
from ml.history.header import Header, Kind


class RollbackNotDue(LedgerError):
    """No rollback vote is open, or no quorum has named the target yet."""

    code = "rollback-not-due"
    default_fix = "Open a vote (`quorate rollback`), or wait until enough nodes have named the target."


@dataclass(frozen=True)
class Named:
    """A target, what naming it means on chain, and which nodes have done so by transaction."""

    vote: int
    head: Header
    target: Header
    entry: Header
    digest: bytes
    nodes: tuple[str, ...]


def named(chain: Chain, book: Book, view: RunView, target: bytes) -> Named:
    """What naming `target` in the open vote means. Raises RollbackNotDue, EntryUnknown, ContentMissing."""
    vote = open_vote(view, book, chain.rpc.block().timestamp_s)
    if vote is None:
        raise RollbackNotDue("no rollback vote is open")
    head, to = book.get(view.head), book.get(target)
    if head is None:
        raise ContentMissing("this copy of the run does not have the chain's head yet", retryable=True)
    if to is None or to.kind is not Kind.EPOCH or to.height >= head.height:
        raise EntryUnknown("the target is no epoch before the head")
    entry = rollback_header(head, to, book.history_at(head.height + 1))
    ledger = Ledger(chain.chain_id, chain.ledger.address)
    digest = ledger.rollback_vote(view.run, head.id, to.id, entry.id, vote)
    nodes = {event.node for event in events.endorsements(chain, digest)} & set(view.nodes)
    return Named(vote, head, to, entry, digest, tuple(sorted(nodes)))


def endorse(chain: Chain, journal: Journal, view: RunView, what: Named) -> None:
    """Name it by a transaction, as the chain's account. Raises WouldEquivocate."""
    _decide(journal, view, what)
    if chain.address not in what.nodes:
        chain.send(f"ledger.endorse/{what.digest.hex()}", chain.ledger.call("endorse", what.digest))


def sign(chain: Chain, journal: Journal, view: RunView, what: Named) -> bytes:
    """The chain's account's signature that names it, compact, for the recorder. Raises WouldEquivocate."""
    _decide(journal, view, what)
    ledger = Ledger(chain.chain_id, chain.ledger.address)
    ids = (view.run, what.head.id, what.target.id, what.entry.id)
    return compact(chain.sign_typed_data(ledger.rollback_typed_data(*ids, what.vote)))


def collects(recorder: RecorderClient, what: Named) -> Voting:
    """The vote as the recorder's server collects it. Raises RecorderRefused, RecorderUnreachable."""
    voting = recorder.state().vote
    if voting is None or (voting.nonce, voting.head) != (what.vote, what.head.id):
        raise RecorderRefused(
            f"the recorder does not collect signatures for vote {what.vote}",
            fix="Try again in a moment, or name the target by a transaction.",
            retryable=True,
        )
    return voting


def hand_in(recorder: RecorderClient, what: Named, node: str, signature: bytes) -> frozenset[str]:
    """Hand a node's signature to the recorder; returns which nodes have signed. Raises as `collects`."""
    if signer_of(what.digest, signature) != node:
        raise RecorderRefused(
            f"this is no signature of {node} for this target",
            fix="A contract wallet names its target by a transaction.",
        )
    recorder.vote(collects(recorder, what), what.target.id, what.entry.id, node, signature)
    return collects(recorder, what).signed | {node}


def decided(journal: Journal, view: RunView, vote: int) -> bytes | None:
    """The target that this journal's node has decided for in a vote."""
    known = journal.get("vote", _key(view, vote))
    return None if known is None else bytes.fromhex(known["target"])


def _decide(journal: Journal, view: RunView, what: Named) -> None:
    """One target a vote, written down first. Raises WouldEquivocate."""
    known = journal.put_once("vote", _key(view, what.vote), {"target": what.target.id.hex()})
    if known["target"] != what.target.id.hex():
        raise WouldEquivocate(
            f"this node named another target in vote {what.vote} already: entry 0x{known['target'][:16]}…"
        )


def _key(view: RunView, vote: int) -> str:
    return f"{view.run.hex()}/{vote}/{view.head.hex()}"


def carry_out(chain: Chain, book: Book, view: RunView, what: Named) -> None:
    """Move the head, once a quorum has named the target. By anyone. Raises RollbackNotDue."""
    if len(what.nodes) < view.needed:
        so_far = f"{len(what.nodes)} of {view.needed} nodes have named it so far"
        raise RollbackNotDue(so_far, retryable=True)
    proof = history_proof(book.ids(what.head.height), what.target.height)
    agreed = quorum(view.nodes, {}, what.nodes)
    target = (what.target.id, what.target.height, what.entry.id, proof)
    arguments = (view.run, what.head.to_bytes(), *target, agreed)
    step = f"ledger.rollback/{view.run.hex()}/{what.vote}"
    chain.send(step, chain.ledger.call("rollback", *arguments))
