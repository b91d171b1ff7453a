"""A machine of honest nodes and liars that attest, vote, change their set and convict, in any order.

Beside the ledger runs a model of it. At any time the head is one that a quorum of the nodes of that moment
stood for, and all before it can be proven. What was ever signed, sent again, moves the head only where it was
meant to. Liars, fewer than a third, sign anything; the honest sign one head for a place and attempt, and one
target for a vote and head.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dapp.chain.errors import ContractRefused
from dapp.chain.ledger import history_proof, quorum
from dapp.gas.evm import Snapshot
from dapp.gas.runs import RECORDER, SPEC, SUBMITTER, Run, RunTerms, sign
from dapp.gas.world import World, account
from ml.history.header import NONE, Header
from tests.machine import as_long_test, as_test

pytestmark = pytest.mark.heavy

WINDOW_S = 600
LIARS = frozenset({101, 107})  # of the first four to seven nodes fewer than a third
HONEST = tuple(range(110, 118))  # who may follow
BUGS = {"Panic", "NoReason", "Error"}

some = st.sampled_from((127, 127, 126, 125, 63, 31, 7, 1))  # bit i: the node at seat i is asked
which = st.integers(0, 99)


@dataclass(frozen=True)
class Said:
    """A call with a quorum's signatures, as it was first sent."""

    function: str
    arguments: tuple[Any, ...]  # without the quorum
    digest: bytes
    signers: dict[int, str]  # by seat
    agreed: tuple[int, int, bytes]
    entry: Header | None = None  # the new head
    numbers: tuple[int, ...] = ()  # the new set


@lru_cache(maxsize=1)
def ground() -> tuple[World, Snapshot]:
    world = World()
    return world, world.evm.snapshot()


class Nodes(RuleBasedStateMachine):
    """`run.log` and what `start` sets up are the model: what the ledger has to say of the run."""

    seen: ClassVar[Counter[str]] = Counter()

    @initialize(nodes=st.integers(4, 7), quorum_ppm=st.sampled_from((510_000, 666_667)))
    def start(self, nodes: int, quorum_ppm: int) -> None:
        self.world, origin = ground()
        self.world.evm.revert(origin)
        self.run = Run(self.world, nodes, RunTerms(SPEC, quorum_ppm, window_s=WINDOW_S))
        self.next: tuple[int, ...] = ()  # the set that was agreed on and does not count yet
        self.changes_at_s = 0
        self.roster = self.last_roster = 1
        self.votes = self.vote_ends_at_s = 0
        self.checked = (0, 0)  # roster and length of the log that the laws have seen
        self.barred: set[tuple[int, int]] = set()  # roster and seat
        self.said: list[Said] = []
        self.promised: dict[tuple[int, object], bytes] = {}  # what an honest node signed for a place
        self.attested: dict[tuple[bytes, int], dict[int, set[bytes]]] = {}  # heads, by place and number
        for accuracy in (1, 2):
            self.attest(127, 0, accuracy)

    # nodes

    def promises(self, number: int, place: object, choice: bytes) -> bool:
        """Whether this node signs: the honest one choice for a place, liars all."""
        return number in LIARS or self.promised.setdefault((number, place), choice) == choice

    def gather(self, digest: bytes, asked: int, place: object, choice: bytes) -> dict[int, str]:
        """Those of the nodes asked who sign, by seat."""
        return {
            seat: node
            for seat, node in enumerate(self.run.nodes)
            if asked >> seat & 1 and self.promises(self.run.numbers[seat], place, choice)
        }

    def bundle(self, digest: bytes, signers: dict[int, str]) -> tuple[int, int, bytes]:
        return quorum(
            self.run.nodes,
            {node: sign(self.run.numbers[seat], digest) for seat, node in signers.items()},
        )

    # what the ledger has to answer

    def stands(self, said: Said) -> bool:
        """Whether a quorum of today's nodes stands for what this call asks for today."""
        nodes, now_s = self.run.nodes, self.world.evm.now_s
        parent = self.run.head
        if said.function == "attest":
            head, attempt = said.arguments
            if head == parent:
                return False
            digest = self.run.ledger.attestation(self.run.id, parent, head, attempt)
        elif said.function == "rollback":
            head, target, _, entry, _ = said.arguments
            if now_s > self.vote_ends_at_s or Header.from_bytes(head).id != parent:
                return False
            digest = self.run.ledger.rollback_vote(self.run.id, parent, target, entry, self.votes)
        else:
            digest = self.run.ledger.node_set(self.run.id, said.arguments[0], self.last_roster)
        return (
            digest == said.digest
            and all(seat < len(nodes) and nodes[seat] == node for seat, node in said.signers.items())
            and not any((self.roster, seat) in self.barred for seat in said.signers)
            and len(said.signers) * 1_000_000 >= self.run.terms.quorum_ppm * len(nodes)
        )

    def submit(self, said: Said) -> None:
        """Send it; it goes through if and only if the model says so."""
        expected = self.stands(said)
        try:
            self.run.send(said.function, *said.arguments, said.agreed)
        except ContractRefused as refused:
            assert refused.name not in BUGS
            assert not expected, refused
            self.seen[f"{said.function} refused: {refused.name}"] += 1
            return
        assert expected, f"{said.function} went through"
        assert any(self.number_of(node) not in LIARS for node in said.signers.values())
        self.seen[said.function] += 1
        if said.entry is not None:
            assert said.entry.parent == self.run.head
            self.run.log.append(said.entry)
        else:
            self.agree_on(said.numbers)

    def number_of(self, node: str) -> int:
        return self.run.numbers[self.run.nodes.index(node)]

    def agree_on(self, numbers: tuple[int, ...]) -> None:
        now_s = self.world.evm.now_s
        self.next, self.last_roster = numbers, self.last_roster + 1
        self.changes_at_s = self.vote_ends_at_s + 1 if now_s <= self.vote_ends_at_s else now_s
        self.pass_to(now_s)

    def pass_to(self, now_s: int) -> None:
        self.world.evm.now_s = now_s
        if self.next and now_s >= self.changes_at_s:
            members = {account(number): number for number in self.next}
            self.run.nodes = tuple(sorted(members, key=lambda node: int(node, 16)))
            self.run.numbers = [members[node] for node in self.run.nodes]
            self.next, self.roster = (), self.last_roster

    # rules

    @rule(asked=some, attempt=st.integers(0, 1), accuracy=st.integers(1, 3))
    def attest(self, asked: int, attempt: int, accuracy: int) -> None:
        entry = self.run.epoch(accuracy)
        digest = self.run.attestation(entry.id, self.run.head, attempt)
        signers = self.gather(digest, asked, (self.run.head, attempt), entry.id)
        places = self.attested.setdefault((self.run.head, attempt), {})
        for seat in signers:
            places.setdefault(self.run.numbers[seat], set()).add(entry.id)
        said = Said("attest", (entry.id, attempt), digest, signers, self.bundle(digest, signers), entry)
        self.said.append(said)
        self.submit(said)

    @precondition(lambda self: LIARS & set(self.run.numbers))
    @rule(attempt=st.integers(0, 1))
    def lie(self, attempt: int) -> None:
        """All liars, and nobody else, sign two heads for the next place."""
        liars = sum(1 << seat for seat, number in enumerate(self.run.numbers) if number in LIARS)
        for accuracy in (8, 9):
            self.attest(liars, attempt, accuracy)

    @rule(sender=st.integers(-2, 6))
    def open_vote(self, sender: int) -> None:
        """By the recorder (-1), a stranger (-2), or a node."""
        now_s, nodes = self.world.evm.now_s, self.run.nodes
        seat = max(sender, 0)
        who = {-1: RECORDER, -2: SUBMITTER}.get(sender) or (nodes[seat] if seat < len(nodes) else SUBMITTER)
        paused = self.votes == 0 or now_s > self.vote_ends_at_s + WINDOW_S
        node = who in nodes and (self.roster, seat) not in self.barred
        expected = bool(self.run.log) and paused and (who == RECORDER or node)
        try:
            self.run.open_vote(who, seat)
        except ContractRefused as refused:
            assert refused.name not in BUGS
            assert not expected, refused
            return
        assert expected
        self.votes, self.vote_ends_at_s = self.votes + 1, now_s + WINDOW_S
        self.seen["opened"] += 1

    @precondition(lambda self: self.votes)
    @rule(asked=st.just(127) | some, to=which)
    def vote(self, asked: int, to: int) -> None:
        height = to % (len(self.run.log) - 1)
        entry = self.run.rolled_back_to(height)
        digest = self.run.vote(height, self.votes)
        signers = self.gather(digest, asked, (self.run.head, self.votes, "vote"), entry.id)
        proof = history_proof(self.run.ids[:-1], height)
        arguments = (self.run.log[-1].to_bytes(), self.run.log[height].id, height, entry.id, proof)
        said = Said("rollback", arguments, digest, signers, self.bundle(digest, signers), entry)
        self.said.append(said)
        self.submit(said)

    @rule(asked=some, honest=st.lists(st.sampled_from(HONEST), min_size=4, max_size=6, unique=True))
    def change(self, asked: int, honest: list[int]) -> None:
        numbers = (101, *honest)
        nodes = sorted((account(number) for number in numbers), key=lambda node: int(node, 16))
        digest = self.run.ledger.node_set(self.run.id, nodes, self.last_roster)
        signers = {seat: node for seat, node in enumerate(self.run.nodes) if asked >> seat & 1}
        agreed = self.bundle(digest, signers)
        said = Said("nodesChange", (nodes,), digest, signers, agreed, numbers=numbers)
        self.said.append(said)
        self.submit(said)

    @precondition(lambda self: self.said)
    @rule(which=which)
    def say_again(self, which: int) -> None:
        """What was said once, of another head, vote, attempt or set perhaps, or refused then."""
        votes = [said for said in self.said if said.function == "rollback"]
        among = votes if votes and which % 2 else self.said
        said = among[which // 2 % len(among)]
        self.seen[f"{said.function} again"] += 1
        self.submit(said)

    @precondition(lambda self: self.attested)
    @rule(which=which, seat=st.integers(0, 6))
    def convict(self, which: int, seat: int) -> None:
        """A node by what it said of a place; where that is no evidence, by what another says for it."""
        places = sorted(self.attested.items(), key=lambda place: -max(map(len, place[1].values()), default=0))
        (parent, attempt), heads = places[which % min(len(places), 3)]
        guilty = [at for at, number in enumerate(self.run.numbers) if len(heads.get(number, ())) > 1]
        seat = guilty[0] if guilty and seat < 4 else seat % len(self.run.nodes)
        number = self.run.numbers[seat]
        stated = sorted(heads.get(number, ()))[:2]
        expected = len(stated) == 2 and (self.roster, seat) not in self.barred
        heads_shown = [*stated, NONE, b"\1" * 32][:2]
        evidence = []
        for at, head in enumerate(heads_shown):
            signer = number if at < len(stated) else 101  # a liar's, where the node has said no such thing
            signer = 107 if signer == number and at >= len(stated) else signer
            digest = self.run.attestation(head, parent, attempt)
            evidence.append((head, sign(signer, digest)))
        try:
            self.run.send("nodeBar", seat, parent, attempt, *evidence)
        except ContractRefused as refused:
            assert refused.name not in BUGS
            assert not expected, refused
            return
        assert expected
        assert number in LIARS
        self.barred.add((self.roster, seat))
        self.seen["barred"] += 1

    @rule(seconds=st.sampled_from((1, WINDOW_S // 2, WINDOW_S, WINDOW_S + 1)))
    def wait(self, seconds: int) -> None:
        self.pass_to(self.world.evm.now_s + seconds)

    # laws

    @invariant()
    def theLedgerSaysWhatTheModelSays(self) -> None:
        if not hasattr(self, "run"):
            return
        answer = self.world.read(self.world.ledger, "runOf", self.run.id)
        barred = sum(1 << seat for roster, seat in self.barred if roster == self.roster)
        model = (len(self.run.nodes), self.votes, self.vote_ends_at_s, barred, self.run.head)
        assert (answer[2], *answer[8:12]) == model
        if self.checked[0] != self.roster:
            assert self.run.nodes_now() == self.run.nodes
        self.checked = (self.roster, self.checked[1])

    @invariant()
    def theHeadReachesBackToTheFirst(self) -> None:
        if not hasattr(self, "run") or len(self.run.log) < 2 or self.checked[1] == len(self.run.log):
            return
        self.checked = (self.checked[0], len(self.run.log))
        last = len(self.run.log) - 1
        for height in {last // 2, last - 1}:
            assert self.run.includes(last, self.run.ids[height], height)
        assert not self.run.includes(last, self.run.head, 0)
        parents = [header.parent for header in self.run.log]
        assert parents == [NONE, *self.run.ids[:-1]]


TestNodes = as_test(Nodes, games=28, steps=20)
TestNodesLong = as_long_test(Nodes, games=28, steps=20)


def test_machine_metEveryKindOfStep() -> None:
    """A machine that carries no vote, convicts nobody or repeats nothing would prove nothing."""
    wanted = {
        "attest",
        "attest refused: QuorumMissing",
        "attest refused: SeatBarred",
        "attest refused: SignatureInvalid",
        "rollback",
        "rollback again",
        "attest again",
        "nodesChange",
        "opened",
        "barred",
    }
    assert {name: Nodes.seen[name] for name in wanted if Nodes.seen[name] < 2} == {}
