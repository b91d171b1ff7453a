"""A lineage through rounds, cheats, overturns, doubts and payments in any order, beside a model of it.

At any time the contract holds what is in the pot and what is promised, to the wei; the head is the one that
the model names; only classes that its line of heads taught are known. Whatever happened, everything can be
paid out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Kind, merged
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import Snapshot
from dapp.gas.lines import CHALLENGE_S, CHALLENGER, THRESHOLD_PPM, Grown, Line
from dapp.gas.rounds import Round
from dapp.gas.world import World
from tests.machine import as_long_test, as_test

pytestmark = pytest.mark.heavy

BUGS = {"Panic", "NoReason", "Error"}
PRIZE_WEI = 1_000_003  # divides by nothing
NAMES = ("two", "three", "four", "five")
many = st.sampled_from((7, 7, 3, 1, 0))  # bit i: the i-th of three contributors
few = st.sampled_from((0, 0, 1, 2, 5))


@dataclass
class Played:
    """A round as the model knows it."""

    task: Round
    kind: Kind
    models: dict[str, Grown]
    accepted: list[str]
    cheats: dict[str, int]  # who changed an old tensor, and which
    parent: int
    overturned: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)
    ends_at_s: int = 0

    @property
    def share_wei(self) -> int:
        return PRIZE_WEI // len(self.accepted)

    @property
    def owed_wei(self) -> int:
        return self.share_wei * len(set(self.taken) - set(self.paid)) if self.taken else 0


@dataclass
class ModelHead:
    """A head as the model knows it."""

    leaves: tuple[bytes, ...]
    classes: dict[str, str]  # who taught which
    good: bool
    parent: int


@lru_cache(maxsize=1)
def ground() -> tuple[World, Snapshot]:
    world = World()
    return world, world.evm.snapshot()


class Lifelong(RuleBasedStateMachine):
    seen: ClassVar[Counter[str]] = Counter()

    @initialize(good=st.booleans())
    def start(self, good: bool) -> None:
        world, origin = ground()
        world.evm.revert(origin)
        score_ppm = THRESHOLD_PPM if good else 1
        self.line = Line(
            world, score_ppm=score_ppm, prize_wei=PRIZE_WEI, rounds_max=4, idle_max=9, verifiers=1
        ).start()
        self.heads = [ModelHead(self.line.leaves, dict.fromkeys(("zero", "one"), w.INITIATOR), good, 0)]
        self.head = 0
        self.rounds: list[Played] = []
        self.open = self.ended = False
        self.pot_wei = 4 * PRIZE_WEI

    @property
    def now_s(self) -> int:
        return self.line.world.evm.now_s

    @property
    def last(self) -> Played:
        return self.rounds[-1]

    def challenged(self) -> bool:
        return bool(self.rounds) and bool(self.last.taken) and self.now_s < self.last.ends_at_s

    # rules

    @precondition(lambda self: not self.open)
    @rule(sent=many, accepted=many, cheats=few, teach=many, doubts=st.integers(0, 4))
    def play(self, sent: int, accepted: int, cheats: int, teach: int, doubts: int) -> None:
        """A round up to the end of its vote; perhaps its committee (of one) doubts the head."""
        if self.ended or self.challenged() or len(self.rounds) == 4:
            try:
                self.line.open(Kind.EXTEND if self.heads[self.head].good else Kind.IMPROVE, self.line.task())
            except ContractRefused as refused:
                assert refused.name in {"LineageEnded", "ChallengeOpen", "RoundsUsedUp"}
                self.seen[f"open refused: {refused.name}"] += 1
                return
            raise AssertionError("a round was opened")
        head = self.heads[self.head]
        kind = Kind.EXTEND if head.good else Kind.IMPROVE
        self.line.leaves = head.leaves
        names = [c for i, c in enumerate(w.contributors(3)) if sent >> i & 1] or w.contributors(1)
        models: dict[str, Grown] = {}
        changed: dict[str, int] = {}
        free = [name for name in NAMES if name not in head.classes]
        for i, name in enumerate(names):
            key = f"{name} {len(self.rounds)}"
            if kind is Kind.IMPROVE:
                models[name] = self.line.improved(key)
                continue
            if cheats >> i & 1:
                changed[name] = i % len(head.leaves)
            classes = free[i : i + 1] if teach >> i & 1 else []
            models[name] = self.line.grown(key, i + 1, classes, changed.get(name))
        chosen = [c for i, c in enumerate(names) if accepted >> i & 1]
        if kind is Kind.IMPROVE:
            chosen = chosen[:1]
        played = Played(
            self.line.play(kind, models, chosen, Phase.BALLOT), kind, models, chosen, changed, self.head
        )
        self.rounds.append(played)
        self.open = True
        if doubts == 4:
            self.line.doubt(played.task, self.line.verifiers[0])
            self.seen["doubt"] += 1
            if self.head == 0:
                self.ended = True
            else:
                self.head = head.parent
        for verifier in self.line.verifiers:
            played.task.open_ballot(verifier)
        played.task.until(Phase.SETTLED)

    @precondition(lambda self: self.open)
    @rule()
    def extend(self) -> None:
        played = self.last
        left = [c for c in played.accepted if c not in played.overturned]
        expected = bool(left) and not self.ended and self.head == played.parent
        models = {c: played.models[c] for c in left}
        parent = self.heads[played.parent]
        merge = merged(len(parent.leaves), [m.leaves for m in models.values()])[0] if len(left) > 1 else None
        try:
            self.line.send(w.STRANGER, "extend", *self.line.extend_args(played.task, models, merge))
        except ContractRefused as refused:
            assert refused.name not in BUGS
            assert not expected, refused
            self.seen[f"extend refused: {refused.name}"] += 1
            return
        assert expected
        self.seen[f"{played.kind.name} {len(left)}"] += 1
        leaves = models[left[0]].leaves
        for other in left[1:]:
            leaves += models[other].leaves[len(parent.leaves) :]
        taught = {name: c for c in left for name in models[c].classes}
        self.heads.append(ModelHead(leaves, parent.classes | taught, True, played.parent))
        self.head, self.open = len(self.heads) - 1, False
        played.taken = left
        played.ends_at_s = self.line.head().challenge_ends_at_s
        self.pot_wei -= played.share_wei * len(left)

    @precondition(lambda self: self.challenged())
    @rule(which=st.integers(0, 2))
    def overturn(self, which: int) -> None:
        played = self.last
        suspect = played.taken[which % len(played.taken)]
        place = played.cheats.get(suspect, 0)
        self.line.leaves = self.heads[played.parent].leaves
        args = self.line.overturn_args(played.task, suspect, played.models[suspect], place)
        before = self.line.world.evm.balance(CHALLENGER)
        try:
            self.line.send(CHALLENGER, "overturn", *args)
        except ContractRefused as refused:
            assert refused.name == "FraudUnproven"
            assert suspect not in played.cheats or played.kind is Kind.IMPROVE
            self.seen["overturn refused"] += 1
            return
        assert suspect in played.cheats
        self.seen["overturn"] += 1
        reward_wei = played.share_wei // 2
        assert self.line.world.evm.balance(CHALLENGER) - before == reward_wei
        self.pot_wei += played.share_wei * len(played.taken) - reward_wei
        played.overturned.append(suspect)
        played.taken = []
        self.head, self.open = played.parent, True

    @precondition(lambda self: self.open)
    @rule()
    def close(self) -> None:
        try:
            self.line.close(self.last.task)
        except ContractRefused as refused:
            assert refused.name == "RoundPending"
            assert set(self.last.accepted) - set(self.last.overturned)
            self.seen["close refused"] += 1
            return
        self.seen["close"] += 1
        self.open = False

    @precondition(lambda self: self.rounds)
    @rule(which=st.integers(0, 9), who=st.integers(0, 2), patient=st.booleans())
    def withdraw(self, which: int, who: int, patient: bool) -> None:
        """By anyone of any round; or, after a wait, by one who is owed something."""
        played, contributor = self.rounds[which % len(self.rounds)], w.contributors(3)[who]
        claims = [(p, c) for p in self.rounds for c in p.taken if c not in p.paid]
        if claims and patient:
            played, contributor = claims[which % len(claims)]
            self.line.world.evm.travel_to(max(self.now_s, played.ends_at_s))
        owed = contributor in played.taken and contributor not in played.paid
        expected = owed and self.now_s >= played.ends_at_s
        try:
            self.line.prize(played.task, contributor)
        except ContractRefused as refused:
            assert refused.name in {"NothingOwed", "ChallengeOpen"}
            assert not expected, refused
            return
        assert expected
        self.seen["withdraw"] += 1
        played.paid.append(contributor)

    @rule(sure=st.integers(0, 5))
    def end(self, sure: int) -> None:
        if sure != 5:
            return
        expected = not self.open and not self.challenged() and (not self.ended or self.pot_wei != 0)
        try:
            self.line.end()
        except ContractRefused as refused:
            assert refused.name in {"RoundIsOpen", "ChallengeOpen", "LineageEnded"}
            assert not expected, refused
            return
        assert expected
        self.ended, self.pot_wei = True, 0

    @rule(seconds=st.sampled_from((1, CHALLENGE_S // 2, CHALLENGE_S)))
    def wait(self, seconds: int) -> None:
        self.line.world.evm.travel(seconds)

    # laws

    @invariant()
    def itHoldsWhatItOwes_andNothingElse(self) -> None:
        if not hasattr(self, "line"):
            return
        owed_wei = sum(played.owed_wei for played in self.rounds)
        assert self.line.wei() == self.pot_wei + owed_wei
        now = self.line.line()
        assert (now["potWei"], now["head"]) == (self.pot_wei, self.head)
        assert (now["open"], now["ended"]) == (self.open, self.ended)

    @invariant()
    def theHeadIsTheModels(self) -> None:
        if not hasattr(self, "line"):
            return
        model, head = self.heads[self.head], self.line.head()
        assert (head.tensor_count, head.classes) == (len(model.leaves), len(model.classes))
        assert head.tensors == Grown(model.leaves).tree.root
        known = {name: self.line.class_of(name)[:2] for name in ("zero", "one", *NAMES)}
        assert {name: teacher for name, (knows, teacher) in known.items() if knows} == {
            name: teacher.lower() for name, teacher in model.classes.items()
        }

    def teardown(self) -> None:
        """Whatever state it is in, all ether can be paid out."""
        if not hasattr(self, "line"):
            return
        self.line.world.evm.travel(2 * CHALLENGE_S)
        if self.open:
            self.line.close(self.last.task)
        for played in self.rounds:
            for contributor in set(played.taken) - set(played.paid):
                self.line.prize(played.task, contributor)
        if self.pot_wei or not self.ended:
            self.line.end()
        assert self.line.wei() == 0


TestLifelong = as_test(Lifelong, games=32, steps=18)
TestLifelongLong = as_long_test(Lifelong, games=32, steps=18)


def test_machine_metEveryKindOfStep() -> None:
    """A machine that takes nothing, overturns nothing and pays nobody would prove nothing."""
    wanted = {
        "IMPROVE 1",
        "EXTEND 1",
        "EXTEND 2",
        "doubt",
        "overturn",
        "overturn refused",
        "close",
        "close refused",
        "withdraw",
        "extend refused: HeadMoved",
        "extend refused: AcceptedMismatch",
        "open refused: ChallengeOpen",
    }
    assert {name: Lifelong.seen[name] for name in wanted if Lifelong.seen[name] < 1} == {}
