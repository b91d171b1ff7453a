"""A Round that keeps its own books: who did what, and who must therefore end up with which wei."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from dapp.chain import batches, draws
from dapp.chain.events import Payment
from dapp.chain.seals import unpack_scores
from dapp.chain.words import DrawWord, Phase
from dapp.gas import world as w
from dapp.gas.evm import Receipt
from dapp.gas.rounds import Round


class Played(Round):
    """Books of one task, written only from what was done, never from the contract's own sums."""

    def __init__(self, world: w.World, pool: bytes, **terms: Any) -> None:
        super().__init__(world, contributors=0, verifiers=0, pool=pool, **terms)
        self.opened: list[str] = []  # contributors, in order of opening
        self.struck: set[str] = set()
        self.cancelled = False
        self.members_drawn: list[str] = []  # the roster, once the draw is fixed
        self.shown = False
        self.direct: set[str] = set()  # who sealed a ballot alone
        self.batched: set[str] = set()  # whose seal came in a batch
        self.voted: dict[str, tuple[int, ...]] = {}  # scores of every ballot counted
        self.paid: Counter[str] = Counter()
        self.final: tuple[int, ...] | None = None

    def copied(self) -> Played:
        """The same books, to be written on separately."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, (list, dict, set, Counter)):
                setattr(other, name, copy.copy(value))
        return other

    def committee(self) -> list[str]:
        """Members drawn: who may vote unless it contributed."""
        n, c = len(self.members_drawn), min(len(self.members_drawn), self.key.committee)
        seed = self.seed()
        return [
            member
            for seat, member in enumerate(self.members_drawn)
            if draws.place_of(seed, draws.COMMITTEE, n, c, seat) is not None
        ]

    def may_vote(self, verifier: str) -> bool:
        return (
            self.phase() is Phase.VOTE
            and verifier in self.committee()
            and verifier not in self.opened
            and verifier not in self.direct | self.batched
        )

    def book_payments(self, receipt: Receipt) -> None:
        for paid in w.decode_events(self.world.board, "Paid", receipt):
            if paid["task"] == self.task:
                self.paid[w.to_checksum_address(paid["payee"])] += paid["amountWei"]
        for settled in w.decode_events(self.world.board, "PaidMany", receipt):
            if settled["task"] == self.task:
                for one in map(Payment.unpack, settled["payments"]):
                    self.paid[one.payee] += one.amount_wei

    def book_batch_opened(self, receipt: Receipt) -> int:
        """Take down the ballots that a batch opened. Nobody may be counted twice."""
        packed = w.decode_event(self.world.board, "BallotsOpened", receipt)["ballots"]
        counted = batches.unpack_opened(packed, len(self.opened))
        for seat, scores in counted:
            member = self.members_drawn[seat]
            assert member in self.batched and member not in self.voted
            self.voted[member] = unpack_scores(scores)
        return len(counted)

    @property
    def owed_wei(self) -> int:
        """Of the pot, what was not paid yet."""
        return self.key.pot_wei - sum(self.paid.values())

    def accepted(self) -> list[str]:
        """Contributors whose models more than half of the committee found good enough."""
        committee = min(len(self.members_drawn), self.key.committee)
        return [
            contributor
            for model, contributor in enumerate(self.opened)
            if contributor not in self.struck
            and sum(scores[model] >= self.key.mafr_ppm for scores in self.voted.values()) * 2 > committee
        ]

    def due(self) -> Counter[str]:
        """Who must have been paid what when all is over."""
        due: Counter[str] = Counter()
        if self.phase() is Phase.SETTLED:
            winners = self.accepted()
            for winner in winners:
                due[winner] += self.key.reward_wei // len(winners)
            for voter in self.voted:
                due[voter] += self.key.fee_wei
        elif self.phase() is Phase.LAPSED:
            honest = [c for c in self.opened if c not in self.struck]
            to_verifiers = self.key.bond_wei // 2 if self.members_drawn else 0
            for contributor in honest:
                due[contributor] += (self.key.bond_wei - to_verifiers) // len(honest)
            for member in self.members_drawn:
                due[member] += to_verifiers // len(self.members_drawn)
        due[self.key.initiator] += self.key.pot_wei - sum(due.values())
        return +due

    def drain(self, safe: str) -> None:
        """End the task from wherever it stands: let time pass, settle, withdraw what was refused
        elsewhere.
        """
        while not self.phase().is_over:
            self.world.evm.travel_to(self.phase_ends_s())
        if not self.cancelled:
            self._settle_everyone(safe)
        assert self.paid == self.due()
        assert self.owed_wei == 0

    def _settle_everyone(self, safe: str) -> None:
        seats = list(range(len(self.members_drawn)))
        settled = self.send(w.STRANGER, "settle", self.key.astuple(), self.opened, seats)
        self.book_payments(settled)
        for payee in {
            w.to_checksum_address(refused["payee"])
            for refused in w.decode_events(self.world.board, "PaymentRefused", settled)
        }:
            for function, args in (
                ("withdraw", (self.task, safe)),
                ("withdrawFee", (self.task, self._seat_of(payee), safe)),
                ("withdrawRemainder", (self.key.astuple(), safe)),
            ):
                try:
                    self.book_payments(self.send(payee, function, *args))
                except w.ContractRefused as refused:
                    assert refused.name in {"NothingOwed", "NotSeated", "NotInitiator"}

    def _seat_of(self, member: str) -> int:
        return self.members_drawn.index(member) if member in self.members_drawn else 0

    def is_drawn_word(self) -> bool:
        return isinstance(self.word(), DrawWord)
