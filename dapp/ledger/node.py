"""A node: keeps its own copy of a run's log and weights, checks all of it, mines, attests, and votes.

What it signs it writes down before it signs: one head for a place in the log, one target for a vote. Killed
at any point and started again it goes on where it stood.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.chain.ledger import Ledger, RunView, compact, rollback_header, run_view, signer_of
from dapp.chain.outbox import Failpoint, is_unsent, no_failpoint
from dapp.journal import Journal
from dapp.ledger.alarms import cause_of
from dapp.ledger.book import Book
from dapp.ledger.check import Evaluate, Limits, check_content, check_link
from dapp.ledger.client import Announced, Proposed, RecorderClient, RecorderState, Voting, Work
from dapp.ledger.content import Shelves
from dapp.ledger.errors import (
    AnnouncementForged,
    ContentMissing,
    EntryRefused,
    NotAsked,
    RecorderRefused,
    RecorderUnreachable,
    WouldEquivocate,
    WrongHeight,
)
from dapp.ledger.follow import Opening, catch_up, open_vote, opening_of, rollback_to_append
from dapp.ledger.verdicts import GOOD, Verdict, Verdicts
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.header import NONE, Header, Kind, mine
from ml.history.target import best_target

CHECKED_AT_ONCE: Final = 256  # entries in one step
TRIES: Final = 1 << 17  # nonces at once: a fraction of a second
MINED_AT_ONCE: Final = 64  # entries in one step
NEXT_S: Final = 0.1  # until a recorder that was handed a nonce has made the next header
PATIENCE_S: Final = (
    30.0  # for fetching, checking, mining, each in one step: a slow peer must not outlast a vote
)
MAX_AHEAD: Final = 65_536  # entries that nobody has registered: a recorder could make them without end


@dataclass(frozen=True)
class NodeSettings:
    """How a node goes about it.

    endorse   pay for a transaction where the recorder does not take a signature, or a vote lasts long
    mine      search nonces when the run asks for work
    evaluate  the node's own measurement; a checkpoint that claims more is refused
    follow    go along with any rollback that another node asks for, and name the epoch that it wishes for
    """

    limits: Limits = field(default_factory=Limits)
    endorse: bool = False
    mine: bool = True
    evaluate: Evaluate | None = None
    follow: bool = False
    poll_s: float = 2.0


@dataclass(frozen=True)
class Report:
    """What a step came to: what was done, what was refused and why, and what is in the way."""

    entries: int
    registered: int  # entries that the chain vouches for
    did: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


class Node:
    """One node of one run. Not for use by several threads at once."""

    def __init__(
        self,
        chain: Chain,
        journal: Journal,
        book: Book,
        shelves: Shelves,
        packs: Archive,
        recorder: RecorderClient,
        settings: NodeSettings | None = None,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        """journal: the account's, the one that `chain` sends from."""
        self.book = book
        self.verdicts = Verdicts(book)
        self.verdicts.forget_refusals()
        self._chain = chain
        self._journal = journal
        self._shelves = shelves
        self._packs = packs
        self._recorder = recorder
        self._settings = settings or NodeSettings()
        self._failpoint = failpoint
        self._ledger = Ledger(chain.chain_id, chain.ledger.address)
        self._tried: tuple[bytes, int] = (NONE, 0)  # the header without nonce, and where to go on
        self._unvoted: object = None  # a rollback's entry met before the vote that made it
        self._log: dict[str, list[str]] = {}

    def run(self, stop: threading.Event, on_step: Callable[[Report], None]) -> None:
        """Step until `stop` is set, whatever fails in between that may pass."""
        while not stop.is_set():
            try:
                on_step(self.step())
            except QuorateError as error:
                if not error.retryable:
                    raise
                on_step(Report(self.book.count, self._registered(), waits=(error.message,)))
            stop.wait(self._settings.poll_s)

    def step(self) -> Report:
        """Look once, and do all that is due. Raises ChainErrors, LedgerFull, RollbackInvented."""
        self._log = {"did": [], "refused": [], "waits": []}
        catch_up(self._chain, self.book)
        self._drop_unvoted()
        view = run_view(self._chain, self.book.run)
        state = self._state(view)
        if state is not None and state.announced is not None:
            self._fetch(state.announced, view)
        self._append_rollback()
        if view.head != NONE and self.book.get(view.head) is None:
            self._waits(
                f"the chain's head {view.head.hex()[:16]}… is not in this book: its headers are missing"
            )
        self._check()
        now_s = self._chain.rpc.block().timestamp_s
        vote = open_vote(view, self.book, now_s)
        if vote is not None:
            self._vote(view, vote, state.vote if state else None, now_s)
        elif state is not None and state.proposal is not None:
            self._attest(state.proposal, view)
        if state is not None and self._settings.mine:
            self._mine(state, view)
        return Report(self.book.count, self._registered(), **{k: tuple(v) for k, v in self._log.items()})

    def _registered(self) -> int:
        last = self.book.registered()
        return 0 if last is None else last.height + 1

    def _state(self, view: RunView) -> RecorderState | None:
        """What the recorder says, None when it says nothing, or somebody else speaks for it."""
        try:
            state = self._recorder.state()
            if state.announced is not None:
                self._check_announced(state.announced, view)
        except (RecorderUnreachable, RecorderRefused, AnnouncementForged) as error:
            self._waits(error.message)
            return None
        return state

    def _check_announced(self, announced: Announced, view: RunView) -> None:
        digest = self._ledger.announcement(self.book.run, announced.head)
        if signer_of(digest, announced.signature) != view.recorder:
            raise AnnouncementForged(
                f"{self._recorder.url} announces entry {announced.height}, which the recorder"
                f" {view.recorder} has not signed"
            )

    # the log

    def _fetch(self, announced: Announced, view: RunView) -> None:
        """Take in the headers up to the announced one."""
        try:
            if self.book.get(announced.head) is None and announced.height < self.book.count:
                self._drop_replaced()
            until = time.monotonic() + PATIENCE_S
            while self.book.count <= announced.height and time.monotonic() < until:
                before = self.book.count
                if before - self._registered() >= MAX_AHEAD:
                    self._waits(f"{MAX_AHEAD:,} entries wait for a quorum: no more are taken in")
                    break
                self._take_page(self._recorder.headers(before), view)
                if self.book.count == before:
                    break
        except EntryRefused as error:
            if not self._may_be_voted_by_now(error):
                self._refuse(error.message)
        except (RecorderUnreachable, RecorderRefused) as error:
            self._waits(error.message)
        if self.book.get(announced.head) is None and announced.height < self.book.count:
            self._refuse(f"entry {announced.height} as announced is not the one among the recorder's headers")

    def _may_be_voted_by_now(self, error: EntryRefused) -> bool:
        """Whether an entry that no vote made is met for the first time: the chain was read before it was."""
        before, self._unvoted = self._unvoted, error.values.get("unvoted")
        return self._unvoted is not None and self._unvoted != before

    def _take_page(self, headers: Sequence[Header], view: RunView) -> None:
        """All of them in one transaction, up to the first bad one. Raises EntryRefused for that."""
        refusal = None
        try:
            with self.book.database.transaction():
                for header in headers:
                    try:
                        self._take(header, view)
                    except EntryRefused as error:
                        refusal = error
                        break
        except BaseException:
            self.book.reload()
            raise
        if refusal is not None:
            raise refusal

    def _take(self, header: Header, view: RunView) -> None:
        if header.parent != self.book.head_id and header.height == self.book.count:
            self._drop_replaced()
        if header.height < self.book.count:
            return
        check_link(header, self.book, view.difficulty_bits, [r.entry for r in self.book.rollbacks()])
        self.book.append(header)

    def _drop_replaced(self) -> None:
        """The recorder made other entries where nothing is registered: take back ours from there on."""
        last = self.book.registered()
        first = 0 if last is None else last.height + 1
        for header in self._recorder.headers(first):
            if header.height != first:
                raise WrongHeight(f"asked for entry {first}, the recorder sends entry {header.height}")
            if first == self.book.count or self.book.at(first).id != header.id:
                break
            first += 1
        if first < self.book.count:
            self.book.truncate(first)
            self._did(f"took back entries from {first} on: the recorder made others")

    def _drop_unvoted(self) -> None:
        """A reorganisation took back a rollback: take it out of the book, with what goes on from it."""
        rolled = {rollback.entry for rollback in self.book.rollbacks()}
        for header in list(self.book.headers(self._registered())):
            if header.kind is Kind.ROLLBACK and header.id not in rolled:
                self.book.truncate(header.height)
                self._did(
                    f"took back entries from {header.height} on: a reorganisation took back the rollback"
                )
                return

    def _append_rollback(self) -> None:
        while (found := rollback_to_append(self.book)) is not None:
            rollback, header = found
            self.book.truncate(header.height)
            self.book.append(header)
            self._did(
                f"followed rollback vote {rollback.vote}: entry {header.height} goes back to"
                f" entry {self.book.height_of(rollback.target)}"
            )

    def _check(self) -> None:
        """Check what is behind the headers, in order: a pack may need those before it."""
        until = time.monotonic() + PATIENCE_S
        for header in self.verdicts.unchecked(CHECKED_AT_ONCE):
            if time.monotonic() > until:
                return
            verdict = GOOD
            if header.kind is Kind.EPOCH:
                try:
                    check_content(
                        header, self._shelves, self._packs, self._settings.limits, self._settings.evaluate
                    )
                except ContentMissing as error:
                    self._waits(error.message)
                    return
                except EntryRefused as error:
                    verdict = Verdict(error.code, error.message)
                    self._refuse(error.message)
            self.verdicts.keep(header.id, verdict)
            self._failpoint("check:kept")

    # what it signs

    def _attest(self, proposed: Proposed, view: RunView) -> None:
        """Sign a proposal, when all of it is good."""
        if self._chain.address in proposed.signed or not self._may_sign(view):
            return
        head, parent = self.book.get(proposed.head), self.book.get(proposed.parent)
        if proposed.parent != view.head or head is None or (parent is None and proposed.parent != NONE):
            self._waits("what is proposed does not follow the chain's head, or is not in this book yet")
            return
        first = 0 if parent is None else parent.height + 1
        if head.height < first:
            self._refuse(f"what is proposed, entry {head.height}, is registered already")
            return
        for header in self.book.headers(first, head.height + 1):
            verdict = self.verdicts.of(header.id)
            if verdict is None:
                self._waits(f"entry {header.height} is not checked yet")
                return
            if not verdict.is_good:
                self._refuse(f"not signed, for entry {header.height}: {verdict.refusal}")
                return
        key = f"{self.book.run.hex()}/{proposed.parent.hex()}/{proposed.attempt}"
        known = self._journal.put_once("attestation", key, {"head": proposed.head.hex()})
        if known["head"] != proposed.head.hex():
            self._refuse(_equivocation(proposed).message)
            return
        self._failpoint("attest:journaled")
        digest = self._ledger.attestation(self.book.run, proposed.parent, proposed.head, proposed.attempt)
        signature = self._sign(digest)
        if self._hand_in(lambda: self._recorder.attest(proposed, self._chain.address, signature), digest):
            self._did(f"attested entries {first} to {head.height}")
        self._failpoint("attest:sent")

    def _vote(self, view: RunView, vote: int, voting: Voting | None, now_s: int) -> None:
        """Name the best target of our own book; in the second half of the window on chain too, if allowed:
        a recorder may say that it has a signature, and keep it.
        """
        late = self._settings.endorse and view.vote_ends_at_s - now_s <= view.window_s // 2
        listed = (
            voting is not None
            and (voting.nonce, voting.head) == (vote, view.head)
            and self._chain.address in voting.signed
        )
        if not self._may_sign(view) or (listed and not late):
            return
        head = self.book.get(view.head)
        if head is None:
            self._waits("a rollback vote is open on an entry that is not in this book yet")
            return
        asked = self._opening(vote)
        if asked is not None and not self._has_cause(asked, view, head):
            self._waits(
                f"{asked.opener} asks for a rollback (vote {vote}); this node's monitor sees no cause"
            )
            return
        target = self._wish(asked, head) or best_target(self.verdicts.good(head.height))
        if target is None:
            self._waits("a rollback vote is open, and this node knows no good epoch before its head")
            return
        key = f"{self.book.run.hex()}/{vote}/{view.head.hex()}"
        known = self._journal.put_once("vote", key, {"target": target.id.hex()})
        named = self.book.get(bytes.fromhex(known["target"]))
        if named is None:  # a reorganisation took back what it was registered with
            self._waits(f"the target named in rollback vote {vote} is no longer in this book")
            return
        self._failpoint("vote:journaled")
        entry = rollback_header(head, named, self.book.history_at(head.height + 1)).id
        digest = self._ledger.rollback_vote(self.book.run, head.id, named.id, entry, vote)
        signature, ours = self._sign(digest), Voting(vote, head.id)
        if not listed and self._hand_in(
            lambda: self._recorder.vote(ours, named.id, entry, self._chain.address, signature), digest
        ):
            self._did(f"named entry {named.height} as the target of rollback vote {vote}")
        if late and self._endorse(digest):
            self._did(f"endorsed entry {named.height} as the target of rollback vote {vote}")
        self._failpoint("vote:sent")

    def _opening(self, vote: int) -> Opening | None:
        """Who opened the vote, and why: from the book, or, where it was opened just now, from the chain."""
        known = opening_of(self.book, vote)
        if known is None:
            for event in events.of_run(self._chain, self.book.run):
                if isinstance(event, events.RollbackOpened) and event.vote == vote:
                    return Opening(event.at.block, event.opener, event.reason)
        return known

    def _has_cause(self, asked: Opening, view: RunView, head: Header) -> bool:
        """The recorder may go back when it likes; what another node asks for, our own monitor must see."""
        return (
            self._settings.follow
            or asked.opener in (view.recorder, self._chain.address)
            or cause_of(self.book, head) is not None
        )

    def _wish(self, asked: Opening | None, head: Header) -> Header | None:
        """The epoch that the vote asks for, when this node goes along with such wishes."""
        wish = None if asked is None or not self._settings.follow else self.book.get(asked.reason)
        if wish is None or wish.kind is not Kind.EPOCH or wish not in self.verdicts.good(head.height):
            return None
        return wish

    def _may_sign(self, view: RunView) -> bool:
        if self._chain.address not in view.nodes:
            self._waits(f"{self._chain.address} is no node of this run: it follows, and signs nothing")
            return False
        if self._chain.address in view.barred:
            self._waits(f"{self._chain.address} is barred: it signed two entries for one place")
            return False
        return True

    def _sign(self, digest: bytes) -> bytes:
        assert self._chain.signer is not None
        return compact(self._chain.signer.sign_digest(digest))

    def _hand_in(self, send: Callable[[], None], digest: bytes) -> bool:
        """Give a signature to the recorder, or endorse on chain if that is allowed; whether it arrived."""
        try:
            send()
            return True
        except (RecorderUnreachable, RecorderRefused) as error:
            self._waits(error.message)
            if not self._settings.endorse:
                return False
        self._endorse(digest)
        self._did("endorsed it on chain instead")
        return True

    def _endorse(self, digest: bytes) -> bool:
        """Say so on chain; whether that was not done before."""
        step = f"ledger.endorse/{digest.hex()}"
        is_new = is_unsent(self._journal, step)
        self._chain.send(step, self._chain.ledger.call("endorse", digest))
        return is_new

    # what it mines

    def _mine(self, state: RecorderState | None, view: RunView) -> None:
        """Mine what is asked for, one entry after the other while more is asked for at once."""
        until = time.monotonic() + PATIENCE_S
        for _ in range(MINED_AT_ONCE):
            if time.monotonic() > until or state is None or state.work is None:
                return
            if not self._find(state.work, view):
                return
            time.sleep(NEXT_S)
            state = self._state(view)
            if state is not None and state.announced is not None:
                self._fetch(state.announced, view)

    def _find(self, work: Work, view: RunView) -> bool:
        """Search a nonce for an entry that continues our book; whether the recorder took it."""
        try:
            check_link(replace(work.header, nonce=0), self.book, 0)
        except EntryRefused as error:
            self._waits(f"the entry to be mined does not continue this book: {error.message}")
            return False
        name = replace(work.header, nonce=0).id
        seat = view.seat(self._chain.address) if self._chain.address in view.nodes else 255
        first = self._tried[1] if self._tried[0] == name else seat << 48
        found = mine(work.header, view.difficulty_bits, first, TRIES)
        self._tried = (name, first + TRIES)
        if found is None:
            return False
        try:
            self._recorder.nonce(found.height, found.nonce)
        except NotAsked:  # another node was faster
            return False
        except (RecorderRefused, RecorderUnreachable) as error:
            self._waits(error.message)
            return False
        self._did(f"mined entry {found.height}")
        return True

    def _did(self, text: str) -> None:
        self._log["did"].append(text)

    def _refuse(self, text: str) -> None:
        self._log["refused"].append(text)

    def _waits(self, text: str) -> None:
        self._log["waits"].append(text)


def _equivocation(proposed: Proposed) -> WouldEquivocate:
    return WouldEquivocate(
        f"attempt {proposed.attempt} after {proposed.parent.hex()[:16]}… proposes another entry than the one"
        " that this node has signed"
    )
