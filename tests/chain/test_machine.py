"""A machine that plays several tasks at once in every order it can think of, and the laws of money.

At any time the board holds exactly what its tasks still owe, plus what was forced upon it. A task that is
over never changes. From every state that the machine reaches, all wei get out and to those who earned them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dapp.chain import batches
from dapp.chain.errors import ContractRefused
from dapp.chain.model_batches import ModelOpening, SignedModel, pack_openings, pack_signed
from dapp.chain.seals import unpack_scores
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import Receipt, Snapshot
from dapp.gas.rounds import NOTICE_S, WINDOW_S
from tests.chain.played import Played
from tests.machine import as_long_test, as_test

pytestmark = pytest.mark.heavy

STARTS = (Phase.NONE, Phase.NOTICE, Phase.OPEN, Phase.DRAW, Phase.VOTE, Phase.BALLOT)
OFTEN = (Phase.NOTICE, Phase.OPEN, Phase.VOTE, Phase.BALLOT)  # else too few ends of each kind are met
SAFE = w.account(950)
SCORES = (0, w.MAFR - 1, w.MAFR, w.GOOD, 1_000_000)
BUGS = {"Panic", "NoReason", "Error"}  # no input may lead to these

actors = st.integers(0, 7)  # 0, 1: contracts; the others have keys
which = st.integers(0, 2)
score = st.sampled_from(SCORES)
manner = st.integers(0, 4)  # of taking ether: contracts/test/Receiver.sol


class Stage:
    """The world that the machine plays in: two accounts with code, six with keys, one pool, no task yet."""

    def __init__(self) -> None:
        self.world = world = w.World()
        self.hostile = [world.create("Receiver"), world.create("Wallet", w.account(130))]
        self.actors = [hostile.address for hostile in self.hostile] + w.verifiers(6)
        self.pool_salt = world.next_salt()
        self.pool = world.join(self.actors[1:6], salt=self.pool_salt)

    @property
    def pool_key(self) -> tuple[bytes, bytes]:
        return w.ANYONE, self.pool_salt.to_bytes(32, "big")

    def sign(self, verifier: str, task: bytes, seal: bytes) -> bytes:
        if verifier == self.actors[0]:
            return b"\x01" * 65
        key = w.key_of(130) if verifier == self.actors[1] else None
        return self.world.sign(verifier, task, seal, key)


class Board(RuleBasedStateMachine):
    """One rule an operation; any of them may be refused, none may go wrong."""

    seen: ClassVar[Counter[str]] = Counter()

    @initialize(start=st.sampled_from(STARTS + OFTEN), manners=st.tuples(manner, manner))
    def begin(self, start: Phase, manners: tuple[int, int]) -> None:
        self.stage, snapshot, tasks, self.forced_wei = *beginning(start), 0
        self.world = self.stage.world
        self.world.evm.revert(snapshot)
        self.tasks = [task.copied() for task in tasks]
        for hostile, how in zip(self.stage.hostile, manners, strict=True):
            self.world.send(w.STRANGER, hostile, "behave", how)

    # doing

    def attempt(self, sender: str, function: str, *args: object, **options: Any) -> Receipt | None:
        """What a call did, None when it was refused for a reason that has a name."""
        at = self.world.membership if function in ("join", "leave") else self.world.board
        try:
            receipt = self.world.send(sender, at, function, *args, **options)
        except ContractRefused as refused:
            assert refused.name not in BUGS and not refused.name.startswith("0x"), refused
            self.seen[f"refused {refused.name}"] += 1
            return None
        self.seen[function] += 1
        for task in self.tasks:
            task.book_payments(receipt)
        self.seen["refused payments"] += len(w.decode_events(self.world.board, "PaymentRefused", receipt))
        return receipt

    def task(self, number: int) -> Played:
        return self.tasks[number % len(self.tasks)]

    def actor(self, number: int) -> str:
        return self.stage.actors[number]

    has_task = precondition(lambda self: bool(self.tasks))

    # time, people, ether out of nowhere

    @rule(seconds=st.sampled_from([1, 50, WINDOW_S // 2]), blocks=st.sampled_from([1, 3, 300]))
    def wait(self, seconds: int, blocks: int) -> None:
        self.world.evm.mine(blocks)
        self.world.evm.travel(seconds)

    @has_task
    @rule(number=which, early=st.integers(0, 1))
    def wait_for_next_phase(self, number: int, early: int) -> None:
        task = self.task(number)
        if not task.phase().is_over:
            self.world.evm.travel_to(max(task.phase_ends_s() - early, self.world.evm.now_s))
            self.world.evm.mine(3)

    @rule(who=actors, leave=st.booleans())
    def move_in_or_out_of_the_pool(self, who: int, leave: bool) -> None:
        if leave:
            self.attempt(self.actor(who), "leave", self.stage.pool)
        else:
            self.attempt(self.actor(who), "join", self.stage.pool_key, [])

    @rule(who=st.integers(0, 1), manner=manner)
    def turn_hostile(self, who: int, manner: int) -> None:
        self.world.send(w.STRANGER, self.stage.hostile[who], "behave", manner)

    @has_task
    @rule(who=st.integers(0, 1), number=which, function=st.sampled_from(["withdraw", "settle", "taskCancel"]))
    def turn_reentrant(self, who: int, number: int, function: str) -> None:
        task = self.task(number)
        args: dict[str, tuple[object, ...]] = {
            "withdraw": (task.task, self.actor(who)),
            "settle": (task.key.astuple(), task.opened, list(range(len(task.members_drawn)))),
            "taskCancel": (task.key.astuple(), self.actor(who)),
        }
        callback = self.world.board.call(function, *args[function]).data
        self.world.send(w.STRANGER, self.stage.hostile[who], "reenter", self.world.board.address, callback)

    @rule(amount_wei=st.integers(1, 9))
    def force_ether(self, amount_wei: int) -> None:
        self.world.create("ForceEther", self.world.board.address, value_wei=amount_wei)
        self.forced_wei += amount_wei
        self.seen["forced ether"] += 1

    # task, commit

    @precondition(lambda self: len(self.tasks) < 3)
    @rule(
        who=actors,
        money=st.tuples(st.integers(0, 10_000), st.integers(0, 50), st.integers(0, 99)),
        committee=st.integers(1, 7),
        cap=st.integers(1, 4),
        notice_s=st.sampled_from([0, NOTICE_S]),
    )
    def open_task(self, who: int, money: tuple[int, int, int], **terms: int) -> None:
        reward_wei, fee_wei, bond_wei = money
        values = {"reward_wei": reward_wei, "fee_wei": fee_wei, "bond_wei": bond_wei} | terms
        task = Played(self.world, self.stage.pool, initiator=self.actor(who), **values)
        self.tasks.append(task)
        task.open()
        self.seen["taskOpen"] += 1

    @precondition(lambda self: any(task.phase() is Phase.NOTICE for task in self.tasks))
    @rule()
    def call_off_what_may_be(self) -> None:
        for number, task in enumerate(self.tasks):
            if task.phase() is Phase.NOTICE:
                self.cancel(number, 0, True)

    @has_task
    @rule(number=which, who=actors, own=st.booleans())
    def cancel(self, number: int, who: int, own: bool) -> None:
        task = self.task(number)
        sender = task.key.initiator if own else self.actor(who)
        if self.attempt(sender, "taskCancel", task.key.astuple(), self.actor(who)):
            assert sender == task.key.initiator
            task.cancelled = True

    @has_task
    @rule(number=which, who=actors, kind=st.integers(0, 2), mine=st.booleans())
    def seal_model(self, number: int, who: int, kind: int, mine: bool) -> None:
        """Kind 0 is one's own model, 1 and 2 are weights that others may hand in too."""
        task, contributor = self.task(number), self.actor(who)
        model = w.Model.of(f"{contributor}")
        if kind:
            model = replace(model, weights=bytes([kind]) * 32)
        allowed = task.phase() is Phase.SUBMIT and contributor not in task.models
        seal = self.world.seals.model_seal(task.task, contributor, *model.args())
        done = self.attempt(contributor, "commitSeal", task.task, seal, mine=mine)
        assert (done is not None) == allowed
        if done:
            task.models[contributor] = model

    @has_task
    @rule(number=which, who=actors)
    def open_model(self, number: int, who: int) -> None:
        task, contributor = self.task(number), self.actor(who)
        model = task.models.get(contributor, w.Model.of(f"{contributor}"))
        allowed = (
            task.phase() is Phase.OPEN
            and contributor in task.models
            and contributor not in task.opened
            and len(task.opened) < task.key.cap
        )
        done = self.attempt(contributor, "commitOpen", task.task, *model.args())
        assert (done is not None) == allowed
        if done:
            task.opened.append(contributor)

    @has_task
    @rule(number=which, people=st.sets(actors, min_size=1))
    def seal_models_in_a_batch(self, number: int, people: set[int]) -> None:
        task, entries = self.task(number), []
        coming: dict[str, w.Model] = {}
        for who in people:
            contributor, model = self.actor(who), w.Model.of(f"{self.actor(who)}")
            seal = self.world.seals.model_seal(task.task, contributor, *model.args())
            key = None if who > 1 else w.key_of(130)  # contracts sign no models
            signature = self.world.sign_model(contributor, task.task, seal, key)
            entries.append(SignedModel(contributor, seal, signature))
            if task.phase() is Phase.SUBMIT and contributor not in task.models and who > 1:
                coming[contributor] = model
        done = self.attempt(w.SUBMITTER, "commitSealMany", task.task, pack_signed(entries))
        assert (done is not None) == bool(coming)
        task.models |= coming

    @has_task
    @rule(number=which, people=st.sets(actors, min_size=1))
    def open_models_in_a_batch(self, number: int, people: set[int]) -> None:
        task = self.task(number)
        accounts = [self.actor(who) for who in people]
        models = [task.models.get(each, w.Model.of(each)) for each in accounts]
        entries = [ModelOpening(each, *model.args()) for each, model in zip(accounts, models, strict=True)]
        coming = [each for each in accounts if each in task.models and each not in task.opened]
        coming = coming[: task.key.cap - len(task.opened)] if task.phase() is Phase.OPEN else []
        done = self.attempt(w.SUBMITTER, "commitOpenMany", task.task, pack_openings(entries))
        assert (done is not None) == bool(coming)
        task.opened += coming

    @has_task
    @rule(number=which, original=which, copy=which)
    def strike(self, number: int, original: int, copy: int) -> None:
        task = self.task(number)
        if not task.opened:
            return
        first, second = (task.opened[i % len(task.opened)] for i in (original, copy))
        if self.attempt(w.STRANGER, "commitStrike", task.task, first, second):
            assert task.models[first].weights == task.models[second].weights
            assert first != second and second not in task.struck
            task.struck.add(second)

    # draw

    @has_task
    @rule(number=which)
    def fix_draw(self, number: int) -> None:
        task = self.task(number)
        done = self.attempt(w.STRANGER, "draw", task.key.astuple())
        if done:
            roster = w.decode_event(self.world.board, "DrawFixed", done)["roster"]
            task.members_drawn = self.world.roster(roster)
            self.world.evm.mine(3)

    @has_task
    @rule(number=which, honest=st.integers(0, 3))
    def show_shards(self, number: int, honest: int) -> None:
        task = self.task(number)
        if not task.members_drawn or task.phase() is not Phase.DRAW:
            return
        shown = task.drawn_shards() if honest else [0, 1, 2]
        proof = task.tree.multiproof(shown)
        shards = [task.shards[i] for i in shown]
        if self.attempt(w.STRANGER, "drawReveal", task.key.astuple(), shards, proof):
            assert shown == task.drawn_shards()
            task.shown = True

    # vote

    @has_task
    @rule(number=which, who=actors, scores=st.lists(score, min_size=4, max_size=4))
    def vote(self, number: int, who: int, scores: list[int]) -> None:
        task, verifier = self.task(number), self.actor(who)
        if not task.shown or verifier not in task.members_drawn:
            return
        allowed = task.may_vote(verifier)
        before = task.ballots.get(verifier)
        seal = task.ballot(verifier, scores[: len(task.opened)])
        done = self.attempt(verifier, "voteSeal", task.task, task.members_drawn.index(verifier), seal)
        assert (done is not None) == allowed
        if done:
            task.direct.add(verifier)
        elif before:
            task.ballots[verifier] = before

    @has_task
    @rule(number=which, people=st.sets(actors, min_size=1), scores=st.lists(score, min_size=4, max_size=4))
    def vote_in_a_batch(self, number: int, people: set[int], scores: list[int]) -> None:
        task = self.task(number)
        if not task.shown or task.phase() is not Phase.VOTE:
            return
        entries, coming = [], []
        for who in people:
            verifier = self.actor(who)
            if verifier not in task.members_drawn:
                continue
            given = task.ballots.get(verifier)
            seal = task.ballot(verifier, scores[: len(task.opened)])
            if task.may_vote(verifier) and who != 0:
                coming.append(verifier)
            elif given:
                task.ballots[verifier] = given
            seat = task.members_drawn.index(verifier)
            entries.append(batches.SignedSeal(seat, seal, self.stage.sign(verifier, task.task, seal)))
        done = self.attempt(w.SUBMITTER, "voteSealMany", task.task, batches.pack_sealed(entries))
        assert (done is not None) == bool(coming)
        if done:
            taken = batches.unpack_sealed(w.decode_event(self.world.board, "BallotsSealed", done)["ballots"])
            assert [task.members_drawn[entry.seat] for entry in taken] == coming
            task.batches.append(taken)
            task.batched.update(coming)

    @has_task
    @rule(number=which, who=actors, paid=st.booleans())
    def open_ballot(self, number: int, who: int, paid: bool) -> None:
        task = self.task(number)
        if not task.ballots:
            return
        verifier = list(task.ballots)[who % len(task.ballots)]
        ballot = task.ballots[verifier]
        allowed = task.phase() is Phase.BALLOT and verifier in task.direct and verifier not in task.voted
        if paid:
            args = (task.key.astuple(), ballot.scores, ballot.salt, SAFE)
            done = self.attempt(verifier, "voteOpenAndWithdraw", *args)
        else:
            done = self.attempt(verifier, "voteOpen", task.task, ballot.scores, ballot.salt)
        assert (done is not None) == allowed
        if done:
            task.voted[verifier] = unpack_scores(ballot.scores)

    @precondition(lambda self: any(task.phase() is Phase.BALLOT for task in self.tasks))
    @rule()
    def open_ballots_and_take_the_fees(self) -> None:
        for number, task in enumerate(self.tasks):
            if task.phase() is Phase.BALLOT:
                for who in range(len(task.ballots)):
                    self.open_ballot(number, who, True)

    @has_task
    @rule(number=which, batch=which, people=st.sets(actors, min_size=1))
    def open_batch(self, number: int, batch: int, people: set[int]) -> None:
        task = self.task(number)
        if not task.batches:
            return
        batch %= len(task.batches)
        opening = task.opening(batch, [self.actor(who) for who in people])
        done = self.attempt(w.SUBMITTER, "voteOpenMany", task.task, *opening)
        if done:
            self.seen["ballots opened in batches"] += task.book_batch_opened(done)

    # settle

    @has_task
    @rule(number=which, payees=st.lists(actors, max_size=5), seats=st.lists(st.integers(0, 9), max_size=5))
    def settle(self, number: int, payees: list[int], seats: list[int]) -> None:
        task = self.task(number)
        accounts = [self.actor(who) for who in payees]
        done = self.attempt(w.STRANGER, "settle", task.key.astuple(), accounts, seats)
        over = task.phase().is_over and not task.cancelled
        assert (done is not None) == over

    @has_task
    @rule(number=which, who=actors, role=st.integers(0, 2), to=actors)
    def withdraw(self, number: int, who: int, role: int, to: int) -> None:
        task, payee = self.task(number), self.actor(who)
        seat = task._seat_of(payee)
        if role == 0:
            self.attempt(payee, "withdraw", task.task, self.actor(to))
        elif role == 1:
            self.attempt(payee, "withdrawFee", task.task, seat, self.actor(to))
        else:
            self.attempt(payee, "withdrawRemainder", task.key.astuple(), self.actor(to))

    # several steps at once, so that the machine gets somewhere

    @has_task
    @rule(
        number=which,
        scores=st.lists(st.sampled_from(SCORES[2:]), min_size=4, max_size=4),
        alone=st.sets(actors),
    )
    def do_what_is_due(self, number: int, scores: list[int], alone: set[int]) -> None:
        """Everyone but actor 7 does its duty (`alone`: without a batch), then the next phase begins."""
        task, everyone = self.task(number), range(7)
        phase = task.phase()
        number = self.tasks.index(task)
        if phase is Phase.NOTICE and 0 in alone:
            self.cancel(number, 0, True)
        elif phase is Phase.SUBMIT:
            for who in alone:
                self.seal_model(number, who, who % 3, True)
        elif phase is Phase.OPEN:
            for who in everyone:
                self.open_model(number, who)
        elif phase is Phase.DRAW:
            self.fix_draw(number)
            self.show_shards(number, 1)
            return
        elif phase is Phase.VOTE:
            for who in alone:
                self.vote(number, who, scores)
            self.vote_in_a_batch(number, set(everyone) - alone, scores[::-1])
        elif phase is Phase.BALLOT:
            if 6 in alone:
                for pair in ((0, 1), (0, 2), (1, 2)):
                    self.strike(number, *pair)
            for who in everyone:
                self.open_ballot(number, who, who not in alone)
            for batch in range(len(task.batches)):
                self.open_batch(number, batch, set(everyone))
        elif phase.is_over:
            listed = list(everyone) if 3 in alone else sorted(alone)  # everyone: the hostile are among them
            self.settle(number, listed, listed)
            for who in everyone:
                for role in range(3):
                    self.withdraw(number, who, role, 7)
        self.wait_for_next_phase(number, 0)

    @has_task
    @rule(number=which, alone=st.sets(actors))
    def do_what_is_due_of_a_good_task(self, number: int, alone: set[int]) -> None:
        self.do_what_is_due(number, [w.GOOD] * 4, alone)

    # laws

    @invariant()
    def board_holds_what_it_owes(self) -> None:
        if hasattr(self, "tasks"):
            held_wei = self.world.evm.balance(self.world.board.address)
            assert held_wei == self.forced_wei + sum(task.owed_wei for task in self.tasks)

    @invariant()
    def a_task_that_is_over_never_changes(self) -> None:
        for task in getattr(self, "tasks", ()):
            if task.phase().is_over and not task.cancelled:
                outcome = task.outcome()
                assert task.final in (None, outcome)
                task.final = outcome

    def teardown(self) -> None:
        if not hasattr(self, "tasks"):
            return
        for task in self.tasks:
            task.drain(SAFE)
            self.seen[f"ended {task.phase().name}"] += 1
            self.seen["models accepted"] += task.phase() is Phase.SETTLED and len(task.accepted())
            self.seen["models struck"] += len(task.struck)
        assert self.world.evm.balance(self.world.board.address) == self.forced_wei


@lru_cache(maxsize=1)
def stage() -> Stage:
    return Stage()


@lru_cache(maxsize=len(STARTS))
def beginning(start: Phase) -> tuple[Stage, Snapshot, tuple[Played, ...]]:
    """The stage with one task that has come as far as `start` (NONE: no task)."""
    place = stage()
    world = place.world
    with_task = world.evm.snapshot()
    if not hasattr(place, "origin"):
        place.origin = with_task  # type: ignore[attr-defined]
    world.evm.revert(place.origin)  # type: ignore[attr-defined]
    if start is Phase.NONE:
        return place, world.evm.snapshot(), ()
    money = {"reward_wei": 10_001, "fee_wei": 17, "bond_wei": 31}
    task = Played(world, place.pool, initiator=place.actors[7], committee=5, cap=4, **money)
    play(task, start, [place.actors[0], place.actors[1], place.actors[6]])
    return place, world.evm.snapshot(), (task,)


def play(task: Played, start: Phase, contributors: list[str]) -> None:
    """Three models (the third a copy of the second's), of which two verifiers like the first."""
    task.open()
    if start is Phase.NOTICE:
        return
    task.until(Phase.SUBMIT)
    for contributor in contributors:
        weights = (b"\1" if contributor == contributors[0] else b"\2") * 32
        task.models[contributor] = replace(w.Model.of(contributor), weights=weights)
        task.seal(contributor)
    task.until(Phase.OPEN)
    if start is Phase.OPEN:
        return
    for contributor in contributors:
        task.open_model(contributor)
        task.opened.append(contributor)
    task.until(Phase.DRAW)
    if start is Phase.DRAW:
        return
    task.draw()
    task.members_drawn = task.members()
    task.world.evm.mine(3)
    task.reveal()
    task.shown = True
    if start is Phase.VOTE:
        return
    voters = [member for member in task.committee() if task.may_vote(member)]
    for verifier in voters[:2]:
        task.vote(verifier, [w.GOOD, w.BAD, w.GOOD])
        task.direct.add(verifier)
    task.vote_batch({verifier: [w.GOOD, w.GOOD, w.GOOD] for verifier in voters[2:]})
    task.batched.update(voters[2:])
    task.until(Phase.BALLOT)


TestBoard = as_test(Board, games=60, steps=30)
TestBoardLong = as_long_test(Board, games=100, steps=30)


def test_machine_sawEveryEnd() -> None:
    """A machine that never reaches a winner, a lapse or a strike would prove nothing."""
    wanted = {
        "ended SETTLED",
        "ended LAPSED",
        "ended EMPTY",
        "ended CANCELLED",
        "models accepted",
        "models struck",
        "ballots opened in batches",
        "commitSealMany",
        "commitOpenMany",
        "voteOpen",
        "voteOpenAndWithdraw",
        "withdraw",
        "withdrawFee",
        "forced ether",
        "refused payments",
        "leave",
    }
    assert {name: Board.seen[name] for name in wanted if Board.seen[name] < 3} == {}
