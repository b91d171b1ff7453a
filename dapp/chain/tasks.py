"""A task as anyone can work it out from the chain: its events, held against the words that the contract
stores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import rlp  # type: ignore[import-untyped]
from eth_utils import keccak, to_bytes, to_checksum_address

from dapp.chain import draws, events
from dapp.chain.batches import SealedEntry, unpack_opened, unpack_sealed
from dapp.chain.client import Chain
from dapp.chain.errors import HistoryIncomplete, TaskUnknown
from dapp.chain.events import Outcome, Shard
from dapp.chain.seals import TaskKey, is_majority, median_ppm, unpack_scores
from dapp.chain.words import DrawWord, LateWord, Phase, TaskWord, phase_at, unpack_task


@dataclass(frozen=True)
class ModelView:
    """An opened model."""

    index: int
    contributor: str
    weights: bytes
    manifest: bytes
    size_bytes: int
    claimed_ppm: int
    struck: bool
    scores_ppm: tuple[int, ...]  # opened so far
    votes_for: int

    @property
    def score_ppm(self) -> int:
        """The official score: the median of the opened ones."""
        return median_ppm(self.scores_ppm)


@dataclass(frozen=True)
class Seat:
    """A place in the task's roster; `place` is that in the committee, None when not drawn."""

    seat: int
    verifier: str
    place: int | None
    sealed: bytes | None
    scores_ppm: tuple[int, ...] | None
    in_batch: bool


@dataclass(frozen=True)
class TaskView:
    """Everything about a task at one block."""

    task: bytes
    key: TaskKey
    opened_block: int
    phase: Phase
    now_s: int
    word: TaskWord | DrawWord
    windows_s: tuple[tuple[Phase, int], ...]  # each phase known so far and when it ends
    sealed: tuple[str, ...]  # contributors that sealed a model, opened or not
    models: tuple[ModelView, ...]
    draw_block: int | None
    roster: int | None
    seed: int | None  # once the shards were shown
    committee: int | None  # the majority's denominator
    shards: tuple[Shard, ...]
    seats: tuple[Seat, ...]  # the roster, once it was drawn
    batches: tuple[tuple[SealedEntry, ...], ...]  # ballots sealed in one transaction each, in order
    outcome: Outcome | None
    late: LateWord
    paid: tuple[events.Paid, ...]

    @cached_property
    def accepted(self) -> tuple[ModelView, ...]:
        """Models that more than half of the committee found good enough, in order of opening; final once
        settled.
        """
        if self.committee is None:
            return ()
        return tuple(m for m in self.models if is_majority(m.votes_for, self.committee) and not m.struck)

    @property
    def drawn_seats(self) -> tuple[Seat, ...]:
        """The committee."""
        return tuple(seat for seat in self.seats if seat.place is not None)

    def model_of(self, contributor: str) -> ModelView | None:
        """The model that an account opened."""
        return next((m for m in self.models if m.contributor == contributor), None)

    def seat_of(self, verifier: str) -> Seat | None:
        """The seat of an account in the roster."""
        return next((s for s in self.seats if s.verifier == verifier), None)

    def ends_at_s(self, phase: Phase) -> int | None:
        """When a phase ends, None when that is not known yet."""
        return dict(self.windows_s).get(phase)

    def paid_wei(self, account: str) -> int:
        """What an account got out of this task so far."""
        return sum(payment.amount_wei for payment in self.paid if payment.payee == account)


def view(chain: Chain, task: bytes, from_block: int | None = None) -> TaskView:
    """The task as it stands at the latest block. Raises TaskUnknown, HistoryIncomplete."""
    return view_of(chain, task, lambda: events.of_task(chain, task, from_block))


def view_of(chain: Chain, task: bytes, read: Callable[[], Sequence[events.TaskEvent]]) -> TaskView:
    """As `view`; `read` gives everything that happened to the task, in order: from an index, say."""
    word = unpack_task(chain.read(chain.quorate.call("wordOf", task))[0])
    if isinstance(word, TaskWord) and not word.exists:
        raise TaskUnknown(f"there is no task 0x{task.hex()} on this board", task=task.hex())
    late = LateWord.unpack(chain.read(chain.quorate.call("lateOf", task))[0])
    history = read()
    opened = next(iter(events.of_type(history, events.TaskOpened)), None)
    if opened is None or chain.board.task_id(opened.key) != task:
        raise HistoryIncomplete(f"the event that opened task 0x{task.hex()} is missing", retryable=True)
    now_s = chain.rpc.block().timestamp_s
    fixed = next(iter(events.of_type(history, events.DrawFixed)), None)
    shown = next(iter(events.of_type(history, events.ShardsShown)), None)
    settled = next(iter(events.of_type(history, events.Settled)), None)
    seats = _seats(chain, history, fixed, shown, opened.key, word)
    models = _models(history, seats, opened.key)
    stored = word.models
    if len(models) != stored or (isinstance(word, DrawWord)) != (shown is not None):
        raise HistoryIncomplete(
            f"{len(models)} events ModelOpened, but the board counts {stored} models", retryable=True
        )
    return TaskView(
        task,
        opened.key,
        opened.at.block,
        phase_at(word, now_s),
        now_s,
        word,
        _windows(chain, opened, word),
        tuple(e.contributor for e in events.of_type(history, events.ModelSealed)),
        models,
        None if fixed is None else fixed.draw_block,
        None if fixed is None else fixed.roster,
        None if shown is None else shown.seed,
        None if shown is None else shown.committee,
        () if shown is None else shown.shards,
        seats,
        tuple(tuple(unpack_sealed(e.ballots)) for e in events.of_type(history, events.BallotsSealed)),
        None if settled is None else settled.outcome,
        late,
        tuple(events.of_type(history, events.Paid)),
    )


def phase(chain: Chain, task: bytes) -> Phase:
    """Just the phase, at the latest block."""
    word = unpack_task(chain.read(chain.quorate.call("wordOf", task))[0])
    return phase_at(word, chain.rpc.block().timestamp_s)


def roster_address(membership: str, number: int) -> str:
    """Where roster `number`, from 1 on, lies (contracts/libraries/Rosters.sol)."""
    return str(to_checksum_address(keccak(rlp.encode([to_bytes(hexstr=membership), number]))[12:]))


def roster(chain: Chain, number: int) -> tuple[str, ...]:
    """Members of a published roster in seat order: the code of the contract that Membership created for
    it.
    """
    code = chain.rpc.code(roster_address(chain.membership.address, number))[1:]
    return tuple(str(to_checksum_address(code[i : i + 20])) for i in range(0, len(code), 20))


def _windows(
    chain: Chain, opened: events.TaskOpened, word: TaskWord | DrawWord
) -> tuple[tuple[Phase, int], ...]:
    key = opened.key
    if isinstance(word, TaskWord):
        starts_at_s = word.opens_at_s
    else:
        starts_at_s = chain.rpc.block(opened.at.block).timestamp_s + key.notice_s
    submit_ends_at_s = starts_at_s + key.submit_s
    open_ends_at_s = submit_ends_at_s + key.open_s
    windows = [
        (Phase.NOTICE, starts_at_s),
        (Phase.SUBMIT, submit_ends_at_s),
        (Phase.OPEN, open_ends_at_s),
        (Phase.DRAW, open_ends_at_s + key.draw_s),
    ]
    if isinstance(word, DrawWord):
        windows += [(Phase.VOTE, word.vote_ends_at_s), (Phase.BALLOT, word.ballot_ends_at_s)]
    return tuple(windows)


def _models(
    history: Sequence[events.TaskEvent], seats: tuple[Seat, ...], key: TaskKey
) -> tuple[ModelView, ...]:
    struck = {e.contributor for e in events.of_type(history, events.ModelStruck)}
    ballots = [seat.scores_ppm for seat in seats if seat.scores_ppm is not None]
    models = []
    for e in sorted(events.of_type(history, events.ModelOpened), key=lambda e: e.index):
        scores_ppm = tuple(ballot[e.index] for ballot in ballots)
        votes_for = sum(score_ppm >= key.mafr_ppm for score_ppm in scores_ppm)
        models.append(
            ModelView(
                e.index,
                e.contributor,
                e.weights,
                e.manifest,
                e.size_bytes,
                e.claimed_ppm,
                e.contributor in struck,
                scores_ppm,
                votes_for,
            )
        )
    return tuple(models)


def _seats(
    chain: Chain,
    history: Sequence[events.TaskEvent],
    fixed: events.DrawFixed | None,
    shown: events.ShardsShown | None,
    key: TaskKey,
    word: TaskWord | DrawWord,
) -> tuple[Seat, ...]:
    if fixed is None:
        return ()
    members = roster(chain, fixed.roster)
    if len(members) != fixed.pool_size:
        raise HistoryIncomplete(f"roster {fixed.roster} has {len(members)} members, not {fixed.pool_size}")
    sealed: dict[int, bytes] = {}
    scores: dict[int, tuple[int, ...]] = {}
    batched: set[int] = set()
    seat_of = {member: seat for seat, member in enumerate(members)}
    for e in history:
        if isinstance(e, events.BallotSealed):
            sealed[e.seat] = e.seal
        elif isinstance(e, events.BallotsSealed):
            batched |= {entry.seat for entry in unpack_sealed(e.ballots)}
            sealed |= {entry.seat: entry.seal for entry in unpack_sealed(e.ballots)}
        elif isinstance(e, events.BallotOpened):
            scores[seat_of[e.verifier]] = unpack_scores(e.scores)
        elif isinstance(e, events.BallotsOpened):
            scores |= {seat: unpack_scores(packed) for seat, packed in unpack_opened(e.ballots, word.models)}
    return tuple(
        Seat(
            seat,
            member,
            None
            if shown is None
            else draws.place_of(shown.seed, draws.COMMITTEE, len(members), shown.committee, seat),
            sealed.get(seat),
            scores.get(seat),
            seat in batched,
        )
        for seat, member in enumerate(members)
    )
