"""A task of a World, driven stage by stage, with what its participants keep to themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_utils import keccak

from dapp.chain import batches, draws, model_batches
from dapp.chain.merkle import PlacedTree
from dapp.chain.seals import TaskKey, shard_leaf
from dapp.chain.words import DrawWord, LateWord, Panel, Phase, Submission, TaskWord, phase_at, unpack_task
from dapp.gas import world as w
from dapp.gas.evm import Receipt, block_hash

NOTICE_S = 100
WINDOW_S = 1_000


class Round:
    """One task. Made but not opened: `open()` is the first step, `run_to(phase)` takes all up to a phase."""

    def __init__(self, world: w.World, contributors: int = 3, verifiers: int = 3, **terms: Any) -> None:
        self.world = world
        self.contributors = w.contributors(contributors)
        self.verifiers = w.verifiers(verifiers)
        pool = terms.pop("pool", None)
        self.pool: bytes = pool or world.join(self.verifiers)
        count = terms.get("shard_count", 10)
        self.shards = [(i, keccak(text=f"shard {i}"), keccak(text=f"salt {i}")) for i in range(count)]
        self.tree = PlacedTree([shard_leaf(*shard) for shard in self.shards])
        key = TaskKey(
            initiator=w.INITIATOR,
            spec=keccak(text="spec"),
            shards=self.tree.root,
            contributors=terms.pop("listed", w.ANYONE),
            pool=self.pool,
            reward_wei=3 * w.ETHER,
            fee_wei=w.ETHER // 100,
            bond_wei=w.ETHER // 10,
            mafr_ppm=w.MAFR,
            cap=8,
            committee=max(verifiers, 1),
            shard_count=count,
            shards_drawn=3,
            notice_s=NOTICE_S,
            submit_s=WINDOW_S,
            open_s=WINDOW_S,
            draw_s=WINDOW_S,
            vote_s=WINDOW_S,
            ballot_s=WINDOW_S,
            salt=world.next_salt(),
        )
        self.key = replace(key, **terms)
        self.task = world.seals.task_id(self.key)
        self.models = {c: w.Model.of(f"{c} {self.key.salt}") for c in self.contributors}
        self.ballots: dict[str, w.Ballot] = {}
        self.batches: list[list[batches.SealedEntry]] = []
        self._members: tuple[int, tuple[str, ...]] | None = None

    # what the chain says

    def word(self) -> TaskWord | DrawWord:
        return unpack_task(self.world.read(self.world.board, "wordOf", self.task))

    def members(self) -> list[str]:
        """The task's roster, in seat order."""
        return self.world.roster(self.word().roster)

    def late(self) -> LateWord:
        return LateWord.unpack(self.world.read(self.world.board, "lateOf", self.task))

    def panel(self, number: int = 0) -> Panel:
        return Panel(self.world.read(self.world.board, "panelOf", self.task, number))

    def submission(self, contributor: str) -> Submission:
        return Submission.unpack(self.world.read(self.world.board, "submissionOf", self.task, contributor))

    def phase(self) -> Phase:
        return phase_at(self.word(), self.world.evm.now_s)

    def outcome(self) -> tuple[int, int, int, int, int, int]:
        """models, paidModels, paidVerifiers, contributorWei, verifierWei, initiatorWei."""
        return tuple(self.world.read(self.world.board, "outcomeOf", self.key.astuple()))

    def votes(self, model: int) -> tuple[int, bool]:
        return tuple(self.world.read(self.world.board, "votesOf", self.task, model))

    def committee(self) -> list[str]:
        """The verifiers that are drawn."""
        places = draws.drawn(self.seed(), draws.COMMITTEE, len(self._roster()), self.key.committee)
        drawn = {self._roster()[seat] for seat in places}
        return [verifier for verifier in self.verifiers if verifier in drawn]

    def seat(self, verifier: str) -> int:
        return self._roster().index(verifier)

    def _roster(self) -> tuple[str, ...]:
        """As members(), read once: a task's roster never changes."""
        number = self.word().roster
        if self._members is None or self._members[0] != number:
            self._members = number, tuple(self.world.roster(number))
        return self._members[1]

    def board_wei(self) -> int:
        return self.world.evm.balance(self.world.board.address)

    # stages

    def send(self, sender: str, function: str, *args: object, **options: Any) -> Receipt:
        return self.world.send(sender, self.world.board, function, *args, **options)

    def open(self) -> Receipt:
        self.world.evm.fund(self.key.initiator, self.key.pot_wei)
        return self.send(self.key.initiator, "taskOpen", self.key.astuple(), value_wei=self.key.pot_wei)

    def cancel(self, to: str | None = None) -> Receipt:
        return self.send(self.key.initiator, "taskCancel", self.key.astuple(), to or self.key.initiator)

    def seal(self, contributor: str, **options: Any) -> Receipt:
        model = self.models.setdefault(contributor, w.Model.of(f"{contributor} {self.key.salt}"))
        seal = self.world.seals.model_seal(self.task, contributor, *model.args())
        return self.send(contributor, "commitSeal", self.task, seal, **options)

    def open_model(self, contributor: str, model: w.Model | None = None) -> Receipt:
        return self.send(contributor, "commitOpen", self.task, *(model or self.models[contributor]).args())

    def signed_model(self, contributor: str) -> model_batches.SignedModel:
        seal = self.world.seals.model_seal(self.task, contributor, *self.models[contributor].args())
        signature = self.world.sign_model(contributor, self.task, seal)
        return model_batches.SignedModel(contributor, seal, signature)

    def seal_batch(self, contributors: Sequence[str], sender: str = w.SUBMITTER) -> Receipt:
        entries = model_batches.pack_signed([self.signed_model(each) for each in contributors])
        return self.send(sender, "commitSealMany", self.task, entries)

    def open_models(self, contributors: Sequence[str], sender: str = w.SUBMITTER) -> Receipt:
        openings = [model_batches.ModelOpening(each, *self.models[each].args()) for each in contributors]
        return self.send(sender, "commitOpenMany", self.task, model_batches.pack_openings(openings))

    def draw(self) -> Receipt:
        return self.send(w.STRANGER, "draw", self.key.astuple())

    def seed(self) -> int:
        """What the draw block's hash seeds: known once that block lies behind."""
        word = self.word()
        if isinstance(word, DrawWord):
            return word.seed
        return draws.seed_from(block_hash(word.draw_block), self.task)

    def drawn_shards(self) -> list[int]:
        return draws.drawn(self.seed(), draws.SHARDS, self.key.shard_count, self.key.shards_drawn)

    def reveal(self, sender: str | None = None) -> Receipt:
        shown = self.drawn_shards()
        shards = [self.shards[i] for i in shown]
        args = self.key.astuple(), shards, self.tree.multiproof(shown)
        return self.send(sender or w.INITIATOR, "drawReveal", *args)

    def ballot(self, verifier: str, scores_ppm: Sequence[int]) -> bytes:
        """Make up a ballot; its seal."""
        self.ballots[verifier] = ballot = w.Ballot.of(f"{verifier} {self.key.salt}", scores_ppm)
        return self.world.seals.ballot_seal(self.task, verifier, ballot.scores, ballot.salt)

    def vote(self, verifier: str, scores_ppm: Sequence[int]) -> Receipt:
        seal = self.ballot(verifier, scores_ppm)
        return self.send(verifier, "voteSeal", self.task, self.seat(verifier), seal)

    def open_ballot(self, verifier: str) -> Receipt:
        ballot = self.ballots[verifier]
        return self.send(verifier, "voteOpen", self.task, ballot.scores, ballot.salt)

    def open_ballot_and_withdraw(self, verifier: str, to: str | None = None) -> Receipt:
        ballot = self.ballots[verifier]
        return self.send(
            verifier, "voteOpenAndWithdraw", self.key.astuple(), ballot.scores, ballot.salt, to or verifier
        )

    def signed(self, verifier: str, scores_ppm: Sequence[int]) -> batches.SignedSeal:
        seal = self.ballot(verifier, scores_ppm)
        return batches.SignedSeal(self.seat(verifier), seal, self.world.sign(verifier, self.task, seal))

    def vote_batch(self, votes: dict[str, Sequence[int]], sender: str = w.SUBMITTER) -> Receipt:
        return self.submit([self.signed(verifier, scores) for verifier, scores in votes.items()], sender)

    def submit(self, entries: Sequence[batches.SignedSeal], sender: str = w.SUBMITTER) -> Receipt:
        """Send a batch; what the chain took of it is remembered from its event."""
        done = self.send(sender, "voteSealMany", self.task, batches.pack_sealed(entries))
        sealed_ballots = w.decode_event(self.world.board, "BallotsSealed", done)["ballots"]
        self.batches.append(batches.unpack_sealed(sealed_ballots))
        return done

    def opening(self, which: int = 0, only: Sequence[str] | None = None) -> tuple[int, bytes, list[bytes]]:
        """What voteOpenMany takes after the task to open the ballots of a batch (only those of these
        verifiers).
        """
        members = self.members()
        openings = []
        for entry in self.batches[which]:
            verifier = members[entry.seat]
            if only is None or verifier in only:
                ballot = self.ballots[verifier]
                openings.append(batches.OpenedEntry(entry.seat, ballot.scores, ballot.salt))
        return batches.pack_opened(self.batches, which, openings)

    def open_batch(self, which: int = 0, only: Sequence[str] | None = None) -> Receipt:
        return self.send(w.SUBMITTER, "voteOpenMany", self.task, *self.opening(which, only))

    def settle(
        self, contributors: Sequence[str] = (), verifiers: Sequence[str] = (), **options: Any
    ) -> Receipt:
        places = {member: seat for seat, member in enumerate(self.members())} if verifiers else {}
        seats = [places[verifier] for verifier in verifiers]
        return self.send(w.STRANGER, "settle", self.key.astuple(), contributors, seats, **options)

    def withdraw(self, contributor: str, to: str | None = None) -> Receipt:
        return self.send(contributor, "withdraw", self.task, to or contributor)

    def withdraw_fee(self, verifier: str, to: str | None = None) -> Receipt:
        return self.send(verifier, "withdrawFee", self.task, self.seat(verifier), to or verifier)

    # time

    def until(self, phase: Phase) -> None:
        """Travel to the first second of a later phase."""
        while (now := self.phase()) != phase:
            if now.is_over:
                raise AssertionError(f"the task is {now.name}, it never reaches {phase.name}")
            self.world.evm.travel_to(self.phase_ends_s())

    def phase_ends_s(self) -> int:
        """The first second of the next phase."""
        word, now_s = self.word(), self.world.evm.now_s
        phase = phase_at(word, now_s)
        if isinstance(word, DrawWord):
            return word.vote_ends_at_s if phase is Phase.VOTE else word.ballot_ends_at_s
        return {
            Phase.NOTICE: word.opens_at_s,
            Phase.SUBMIT: word.submit_ends_at_s,
            Phase.OPEN: word.open_ends_at_s,
            Phase.DRAW: word.draw_ends_at_s,
        }[phase]

    def run_to(self, phase: Phase, scores_ppm: Sequence[int] | None = None) -> Round:
        """Everyone does everything in time, directly, up to the first second of `phase`."""
        self.open()
        if phase is Phase.NOTICE:
            return self
        self.until(Phase.SUBMIT)
        if phase is Phase.SUBMIT:
            return self
        for contributor in self.contributors:
            self.seal(contributor)
        self.until(Phase.OPEN)
        if phase is Phase.OPEN:
            return self
        for contributor in self.contributors:
            self.open_model(contributor)
        self.until(Phase.DRAW)
        if phase is Phase.DRAW:
            return self
        self.draw()
        self.world.evm.mine(3)
        self.reveal()
        if phase is Phase.VOTE:
            return self
        scores = scores_ppm or [w.GOOD] * len(self.contributors)
        for verifier in self.verifiers:
            self.vote(verifier, scores)
        self.until(Phase.BALLOT)
        if phase is Phase.BALLOT:
            return self
        for verifier in self.verifiers:
            self.open_ballot(verifier)
        self.until(Phase.SETTLED)
        return self
