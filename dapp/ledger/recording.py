"""The recorder: what a training has written becomes entries of the ledger, batch by batch.

result → content in the store → header → nonce → proposal → signatures → one transaction → registered.
Every arrow is durable (dapp.ledger.queues), every transaction sent at most once (dapp.chain.outbox). Where
fewer than a quorum of the nodes answer it waits and says who is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dapp.chain import events
from dapp.chain.client import Chain, Receipt
from dapp.chain.errors import ContractRefused
from dapp.chain.ledger import Ledger, compact, history_proof, quorum, run_view
from dapp.chain.outbox import Failpoint, no_failpoint
from dapp.ledger.ask import ask
from dapp.ledger.book import Book
from dapp.ledger.desk import Desk
from dapp.ledger.errors import LedgerCorrupt
from dapp.ledger.follow import REORG_BLOCKS, catch_up, open_vote, opening_of, rollback_to_append
from dapp.ledger.manifest import Checkpoint, PackRef
from dapp.ledger.queues import MAX_WAITING, PENDING, Entry, Kind, Proposal, Queues, State
from dapp.ledger.requests import Answer, Requests
from dapp.store import Store
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.header import NONE, Header, mine
from ml.history.monitor import Alarm
from ml.history.result import Result
from ml.history.results import Results
from ml.history.target import best_target

MINED_AT_ONCE: Final = 256  # entries in one step
TRIES: Final = 1 << 17  # nonces in one step


@dataclass(frozen=True)
class RecordSettings:
    """How a recorder goes about it.

    batch         epochs in one proposal; fewer once the first of them has waited for age_s
    mine          search nonces here instead of asking the nodes
    broadcast     announce each batch on chain too
    on_alarm      ask for a rollback when the training's monitor raised an alarm
    patience_s    how long an alarm waits until what was recorded before it is registered
    architecture  of the model (ml.architecture), for nodes that evaluate
    """

    batch: int = 64
    age_s: float = 60.0
    mine: bool = False
    broadcast: bool = True
    on_alarm: bool = True
    patience_s: float = 60.0
    architecture: Mapping[str, Any] | None = None
    poll_s: float = 1.0


@dataclass(frozen=True)
class Restore:
    """What the training has to go on from before its results count again: a row of them.

    vote  the rollback vote that says so; None where entries were left out, or training went back by itself
    """

    vote: int | None
    row: int
    step: int
    pack: bytes


@dataclass(frozen=True)
class Progress:
    """What a step came to. missing: nodes that a quorum waits for."""

    states: Mapping[State, int]
    did: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    restore: Restore | None = None

    @property
    def is_idle(self) -> bool:
        """Whether everything that the training has written is registered or dropped."""
        return not any(
            count for state, count in self.states.items() if state not in (State.REGISTERED, State.DROPPED)
        )


class Recording:
    """The recorder of one run. Its steps are for one thread; `desk` serves others."""

    def __init__(
        self,
        chain: Chain,
        store: Store,
        results: Results,
        archive: Archive,
        book: Book,
        settings: RecordSettings | None = None,
        failpoint: Failpoint = no_failpoint,
        monotonic: Callable[[], float] = time.monotonic,
        requests: Requests | None = None,
    ) -> None:
        """requests: of other processes of this account, which cannot send beside this one."""
        self._chain = chain
        self._store = store
        self._results = results
        self._archive = archive
        self._settings = settings or RecordSettings()
        self._requests = requests
        self._failpoint = failpoint
        self._monotonic = monotonic
        self._ledger = Ledger(chain.chain_id, chain.ledger.address)
        self._view = run_view(chain, book.run)
        self._since: dict[bytes, float] = {}  # when an entry was first seen to wait for a proposal
        self._named: set[str] | None = None  # packs that manifests of this log name
        self._tried: tuple[bytes, int] = (NONE, 0)
        self._did: list[str] = []
        self._waits: list[str] = []
        self._missing: tuple[str, ...] = ()
        self._hurried = False
        self._alarmed_at: float | None = None
        self.book = book
        self.queues = Queues(book, failpoint)
        self._woken = threading.Event()
        self.desk = Desk(
            self.queues,
            self._ledger,
            lambda: self._view,
            self._sign,
            not self._settings.mine,
            self._woken.set,
        )

    def run(self, stop: threading.Event, on_step: Callable[[Progress], None]) -> None:
        """Step until `stop` is set, whatever fails in between that may pass; at once when nodes answer."""
        while not stop.is_set():
            self._woken.clear()
            try:
                on_step(self.step())
            except QuorateError as error:
                if not error.retryable:
                    raise
                on_step(Progress(self._states(), waits=(error.message,)))
                stop.wait(self._settings.poll_s)
            if not stop.is_set():
                self._woken.wait(self._settings.poll_s)

    def step(self) -> Progress:
        """Do all that is due. Raises ChainErrors, StoreErrors, LedgerFull, RollbackInvented."""
        self._did, self._waits, self._missing = [], [], ()
        self._follow()
        self._take()
        self._draft_and_mine()
        now_s = self._chain.rpc.block().timestamp_s
        vote = open_vote(self._view, self.book, now_s)
        if vote is None:
            self._end_votes()
        if self._is_abreast():
            if vote is None:
                self._propose()
                self._attest()
            else:
                self._roll_back(vote)
                vote = open_vote(self._view, self.book, now_s)  # none once it is decided
        self._heed_alarms(self._heed_request(vote))
        return Progress(
            self._states(), tuple(self._did), tuple(self._waits), self._missing, self.restore_due()
        )

    def hurry(self) -> None:
        """Propose what is mined without waiting for a whole batch: at the end, or before a rollback."""
        self._hurried = True

    def leave_out(self, height: int) -> None:
        """Give up the entries from `height` on, which the nodes refuse: the training has to go back first."""
        self.queues.leave_out(height)
        self._named = None
        self._take_line_again()

    def restore_due(self) -> Restore | None:
        """What the training has to restore before its results count again; None: it may go on."""
        last, newest = self.queues.last(), self.queues.of_row(self.queues.next_row() - 1)
        row = self.queues.tip()
        if last is None or newest is None or row is None:
            return None
        if last.row is not None and newest.state is not State.DROPPED:
            return None
        result = self._results.at(row)
        return Restore(last.result.get("vote"), row, result.step, result.pack)

    # following

    def _follow(self) -> None:
        catch_up(self._chain, self.book)
        self._view = run_view(self._chain, self.book.run)
        if self.queues.take_back():
            self._named = None
            self._did.append("a reorganisation took back what was registered: it is put to the nodes again")
        for head, block, tx in self.book.unknown():
            if self.queues.take_up(head):
                self.queues.register(head, block, tx)
                self._named = None
                self._did.append(
                    f"the chain took entries up to {self.book.height_of(head)}, which had been left out"
                )
        last = self.book.registered()
        waiting = self.queues.first(State.MINED, State.PROPOSED, State.ATTESTED)
        behind = None if waiting is None or waiting.header is None else waiting.header.height
        if last is not None and behind is not None and behind <= last.height:
            self.queues.register(last.id, last.block, last.tx)
        while (rolled := rollback_to_append(self.book)) is not None:
            rollback, header = rolled
            self.queues.rolled_back(rollback, header)
            self._named = None
            self._did.append(f"rolled back to entry {self.book.height_of(rollback.target)}")

    # results → mined

    def _take(self) -> None:
        """Results on the branch that the training is on now; what it left before is dropped."""
        first = self.queues.next_row()
        new = self._results.since(first)
        if not new:
            return
        line = line_of(new, first)
        base = new[line[0] - first].base_row
        if base is not None and not self.queues.is_tip(base) and self.queues.turn(base):
            self._did.append(f"the training went back to row {base}: what was recorded since is left out")
        on_line, room = set(line), MAX_WAITING - self.queues.waiting()
        for row, result in enumerate(new[: max(room, 0)], first):
            taken = self.queues.take(row, result.to_document(), row in on_line)
            if not taken and row == line[0] and not self._was_left_out(row - 1, result):
                self._did.append(self._left_out(row, result))

    def _was_left_out(self, before: int, result: Result) -> bool:
        """Whether a result is no new branch, but one more of what is left out."""
        entry = self.queues.of_row(before) if result.base_row == before else None
        return entry is not None and entry.state is State.DROPPED

    def _left_out(self, row: int, result: Result) -> str:
        """Why a branch is left out that the training began, and what to do."""
        tip = self.queues.tip()
        base = None if result.base_row is None else self.queues.of_row(result.base_row)
        text = f"row {row} (step {result.step}) goes on from row {result.base_row}, not from row {tip}"
        text += f": left out, with what follows; `run.restore(row={tip})` mends that"
        known, height = (
            self.book.registered(),
            0 if base is None or base.header is None else base.header.height,
        )
        if base is None or base.state in (State.DROPPED, State.RESULT, State.DRAFTED):
            return text
        if known is not None and height < known.height:
            return text
        return f"{text}, or keep it and give up the other: start this again with --leave-out {height + 1}"

    def _take_line_again(self) -> None:
        """After entries were left out: what the training has recorded since it went back by itself."""
        tip = self.queues.tip()
        row: int | None = self.queues.next_row() - 1
        line: list[int] = []
        while row is not None and row > (-1 if tip is None else tip):
            line.append(row)
            row = self._results.at(row).base_row
        if line and self.queues.is_tip(row):
            self.queues.take_again(line[::-1])

    def _draft_and_mine(self) -> None:
        for _ in range(MINED_AT_ONCE):
            entry = self.queues.first(State.RESULT, State.DRAFTED)
            if entry is None:
                return
            if entry.state is State.DRAFTED and not self._follows(entry):
                self.queues.undraft()
            elif entry.state is State.RESULT:
                self.queues.draft(entry.place, self._draft(entry))
            elif not self._mine(entry):
                return

    def _follows(self, entry: Entry) -> bool:
        return entry.header is not None and entry.header.parent == self.book.head_id

    def _draft(self, entry: Entry) -> Header:
        """Put the content into the store, and name it in a header."""
        result = Result.from_document(entry.result)
        named = self._packs_named()
        refs = []
        for pack in self._archive.needs(result.pack):
            if pack.hex() in named and pack != result.pack:
                continue
            data = self._archive.data(pack)
            refs.append(PackRef(self._store.put(data), pack.hex(), len(data)))
        checkpoint = Checkpoint(
            step=result.step,
            weights_sha256=result.weights_sha256.hex(),
            weights_bytes=result.weights_bytes,
            pack=refs[-1],
            accuracy_ppm=result.accuracy_ppm,
            loss_micro=result.loss_micro,
            also=tuple(refs[:-1]),
            architecture=None if self._settings.architecture is None else dict(self._settings.architecture),
        )
        self._store.put(checkpoint.to_bytes())
        self._failpoint("content:stored")
        named.update(ref.sha256 for ref in refs)
        return Header(
            run=self.book.run,
            parent=self.book.head_id,
            base=self.book.base,
            history=self.book.history,
            weights=result.weights_sha256,
            manifest=checkpoint.digest(),
            height=self.book.count,
            step=result.step,
            loss_micro=result.loss_micro,
            accuracy_ppm=result.accuracy_ppm,
        )

    def _packs_named(self) -> set[str]:
        """Packs of entries of this log: nodes have them, and later manifests need not name them."""
        if self._named is None:
            counted = (State.MINED, State.PROPOSED, State.ATTESTED, State.REGISTERED)
            self._named = {
                entry.result["pack"] for entry in self.queues.entries(*counted) if entry.row is not None
            }
        return self._named

    def _mine(self, entry: Entry) -> bool:
        assert entry.header is not None
        if not self._settings.mine and self._view.difficulty_bits:
            self._waits.append(f"entry {entry.header.height} waits for a nonce from the nodes")
            return False
        name = entry.header.id
        first = self._tried[1] if self._tried[0] == name else 0
        found = mine(entry.header, self._view.difficulty_bits, first, TRIES)
        self._tried = (name, first + TRIES)
        if found is None:
            return False
        self.queues.mined(entry.place, found.nonce)
        return True

    # mined → registered

    def _propose(self) -> None:
        if self.queues.open_proposals(Kind.ATTEST):
            return
        mined = self.queues.count(State.MINED)
        head = self.book.head
        if not mined or head is None:
            return
        first = self.queues.first(State.MINED)
        assert first is not None and first.header is not None
        now = self._monotonic()
        waited = now - self._since.setdefault(first.header.id, now)
        all_mined = self._hurried and not self.queues.waiting()
        if mined < self._settings.batch and waited < self._settings.age_s and not all_mined:
            return
        end = min(first.header.height + self._settings.batch, self.book.count)
        self._hurried = self._hurried and not (all_mined and end == self.book.count)
        last = self.book.at(end - 1)
        proposal = self.queues.propose(self._view.head, self.queues.attempts(self._view.head), last.id)
        self._note_block(proposal)
        self._did.append(f"proposed entries {first.header.height} to {last.height}")
        if self._settings.broadcast:
            step = f"ledger.record/{self.book.run.hex()}/{proposal.head.hex()}"
            self._send(step, "record", proposal.head)

    def _is_abreast(self) -> bool:
        """Whether the book knows what the chain has registered last."""
        if self._view.head == NONE or self.book.is_registered(self._view.head):
            return True
        self._waits.append(
            "the chain's head is not in this recorder's book: put back the folder it came from"
        )
        return False

    def _attest(self) -> None:
        for proposal in self.queues.open_proposals(Kind.ATTEST):
            if proposal.parent != self._view.head:
                self.queues.withdraw(proposal.number)
                continue
            digest = self._ledger.attestation(self.book.run, proposal.parent, proposal.head, proposal.attempt)
            agreed = self._agreed(proposal, digest, proposal.head)
            if agreed is None:
                continue
            self.queues.attest(proposal.number, proposal.head)
            try:
                self._register(proposal, agreed)
            except ContractRefused as error:  # the head or the nodes changed since we looked
                self._waits.append(error.message)

    def _register(self, proposal: Proposal, agreed: tuple[int, int, bytes]) -> None:
        header = self.book.get(proposal.head)
        assert header is not None
        step = f"ledger.attest/{self.book.run.hex()}/{proposal.parent.hex()}/{proposal.attempt}"
        if header.parent == proposal.parent:
            before = self.book.get(proposal.parent)
            shown = b"" if before is None else before.to_bytes()
            receipt = self._send(step, "attestHeader", shown, header.to_bytes(), proposal.attempt, agreed)
        else:
            receipt = self._send(step, "attest", proposal.head, proposal.attempt, agreed)
        self._failpoint("attest:sent")
        self.queues.register(proposal.head, receipt.block, receipt.tx)
        self._view = run_view(self._chain, self.book.run)
        self._did.append(f"registered all entries up to {header.height}")

    # rollback

    def _roll_back(self, vote: int) -> None:
        """Collect what the nodes name, and carry it out once a quorum names the same."""
        head = self.book.get(self._view.head)
        if head is None:
            return
        proposal = self.queues.ask_target(head.id, vote)
        best = best_target(self.book.headers(0, head.height))
        named: dict[bytes, int] = {} if best is None else {best.id: 0}
        for signed in self.queues.signatures(proposal.number):
            named[signed.choice] = named.get(signed.choice, 0) + 1
        for target_id in sorted(named, key=lambda target: named[target], reverse=True):
            target = self.book.get(target_id)
            if target is None:  # the desk keeps no other, but a reorganisation can take entries back
                continue
            entry = self.desk.entry_of(head, target).id
            digest = self._ledger.rollback_vote(self.book.run, head.id, target.id, entry, vote)
            agreed = self._agreed(proposal, digest, target.id)
            if agreed is not None:
                self.queues.attest(proposal.number, entry)
                proof = history_proof(self.book.ids(head.height), target.height)
                arguments = (head.to_bytes(), target.id, target.height, entry, proof, agreed)
                try:
                    self._send(f"ledger.rollback/{self.book.run.hex()}/{vote}", "rollback", *arguments)
                except ContractRefused as error:
                    self._waits.append(error.message)
                self._failpoint("rollback:sent")
                self._follow()
                return
        signers = {signed.node for signed in self.queues.signatures(proposal.number)}
        self._missing = tuple(node for node in self._view.nodes if node not in signers)
        self._waits.append(f"rollback vote {vote} is open: {len(signers)} nodes have named a target")

    def _end_votes(self) -> None:
        """Votes that ended without a majority are over."""
        for proposal in self.queues.open_proposals(Kind.ROLLBACK):
            self.queues.withdraw(proposal.number)
            self._did.append(f"rollback vote {proposal.attempt} ended without a majority")

    def _heed_request(self, vote: int | None) -> int | None:
        """Open the vote that another process asks for, and answer it; the vote that is open then."""
        if self._requests is None:
            return vote
        try:
            request = self._requests.pending()
        except LedgerCorrupt as error:
            self._requests.withdraw()
            self._did.append(f"a request for a rollback is thrown away: {error.message}")
            return vote
        if request is None:
            return vote
        try:
            if vote is None:
                ask(self._chain, self._view, self._view.votes + 1, request.reason)
                self._failpoint("request:sent")
                self._view = run_view(self._chain, self.book.run)
                vote = self._view.votes
        except ContractRefused as error:
            self._requests.answer(request, Answer(None, error.message, error.fix))
            self._did.append(f"asked to roll back: {error.message}")
            return vote
        self._requests.answer(request, Answer(vote))
        self._did.append(f"asked to roll back: vote {vote} is open")
        return vote

    def _heed_alarms(self, vote: int | None) -> None:
        """Ask for a rollback when the monitor raised an alarm on the branch that counts."""
        heeded = int(self.book.noted("alarms") or 0)
        alarms = self._results.alarms(heeded)
        present = [alarm for alarm in alarms if not self._is_past(alarm)]
        if not alarms:
            return
        if not present or not self._settings.on_alarm or vote is not None or self.restore_due() is not None:
            self.book.note("alarms", str(heeded + len(alarms)))  # the way back is known already
            return
        now = self._monotonic()
        self._alarmed_at = now if self._alarmed_at is None else self._alarmed_at
        told = f"alarm at step {present[0].step}: {present[0].reason}"
        self._hurried = True
        pending = self.queues.first(*PENDING) is not None
        if self._view.head == NONE or (pending and now - self._alarmed_at < self._settings.patience_s):
            self._waits.append(f"{told}; what was recorded before is registered first")
            return
        try:
            ask(self._chain, self._view, self._view.votes + 1, present[0].reason.encode())
        except ContractRefused as error:  # one is open, or must not be yet
            self._waits.append(f"{told}; {error.message}")
            return
        self.book.note("alarms", str(heeded + len(alarms)))
        self._alarmed_at = None
        self._did.append(f"{told}; asked for a rollback")

    def _is_past(self, alarm: Alarm) -> bool:
        """Whether the training has left by itself what the alarm was raised for."""
        rows = self._results.since(0)
        if alarm.row is None or alarm.row + 1 >= len(rows):
            return False
        return alarm.reason == "nan" or alarm.row not in line_of(rows, 0)

    # both

    def _agreed(self, proposal: Proposal, digest: bytes, choice: bytes) -> tuple[int, int, bytes] | None:
        """Who stands for a digest, as the contract takes it, or None when they are no quorum."""
        nodes = [node for node in self._view.nodes if node not in self._view.barred]
        signatures = {
            signed.node: signed.signature
            for signed in self.queues.signatures(proposal.number)
            if signed.choice == choice and signed.node in nodes
        }
        endorsers: set[str] = set()
        if len(signatures) < self._view.needed:
            endorsers = self._endorsers(proposal, digest) & set(nodes)
        present = signatures.keys() | endorsers
        if len(present) < self._view.needed:
            self._missing = tuple(node for node in nodes if node not in present)
            self._waits.append(
                f"{len(present)} of {self._view.needed} signatures; missing are {', '.join(self._missing)}"
            )
            return None
        return quorum(self._view.nodes, _fewest(signatures, self._view.needed), endorsers)

    def _note_block(self, proposal: Proposal) -> None:
        """Remember from when on somebody can endorse it."""
        followed = self.book.noted("followed")
        if followed is not None:
            self.book.note(f"proposal {proposal.number}", followed.split(" ")[0])

    def _endorsers(self, proposal: Proposal, digest: bytes) -> set[str]:
        """Who has endorsed it, looked for from when it was proposed, or its vote was opened, on."""
        rollback = proposal.kind is Kind.ROLLBACK
        opening = opening_of(self.book, proposal.attempt) if rollback else None
        known = str(opening.block) if opening else self.book.noted(f"proposal {proposal.number}")
        first = None if known is None else max(self._chain.first_block, int(known) - REORG_BLOCKS)
        if first is not None and first > self._chain.rpc.block().number:
            first = None  # noted after an endpoint that told of blocks there never were
        return {event.node for event in events.endorsements(self._chain, digest, first)}

    def _send(self, step: str, function: str, *arguments: object) -> Receipt:
        return self._chain.send(step, self._chain.ledger.call(function, self.book.run, *arguments))

    def _sign(self, digest: bytes) -> bytes:
        assert self._chain.signer is not None
        return compact(self._chain.signer.sign_digest(digest))

    def _states(self) -> dict[State, int]:
        return {state: self.queues.count(state) for state in State}


def line_of(results: Sequence[Result], first: int) -> list[int]:
    """Rows that the last one goes on from, in order and with it: of these, which begin at row `first`."""
    row: int | None = first + len(results) - 1
    line: list[int] = []
    while row is not None and row >= first:
        line.append(row)
        row = results[row - first].base_row
    return line[::-1]


def _fewest(signatures: Mapping[str, bytes], needed: int) -> dict[str, bytes]:
    """No more signatures than are needed: each costs gas."""
    return dict(sorted(signatures.items())[:needed])
