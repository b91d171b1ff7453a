"""Attacks by verifiers (threat model, C), one test a row. Row 18 is also test_outcomes.py: all 3^n votes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dapp.chain import batches
from dapp.chain.contracts import Contract
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import TRANSACTION_GAS, OutOfGas, Receipt
from dapp.gas.rounds import Round
from dapp.gas.world import BAD, GOOD, MAFR, ContractRefused, World, account, key_of, verifiers

SIGNATURE_GAS = 100_000  # contracts/libraries/Bounds.sol
ANSWERS = [
    "Honest",
    "Always",
    "WrongMagic",
    "Short",
    "Revert",
    "Bomb",
    "Blob",
    "EatGas",
    "Dear",
]  # Wallet.Answer


def test_attack_15_copiedBallot_opensForNobodyElse(world: World) -> None:
    """A lazy verifier hands in the seal of another, alone and in a batch, and learns what it says too
    late.
    """
    task = Round(world).run_to(Phase.VOTE)
    honest, alone, batched = task.verifiers
    task.vote(honest, [GOOD, BAD, GOOD])
    seal = world.seals.ballot_seal(task.task, honest, task.ballots[honest].scores, task.ballots[honest].salt)
    task.send(alone, "voteSeal", task.task, task.seat(alone), seal)
    signature = world.sign(batched, task.task, seal)
    task.submit([batches.SignedSeal(task.seat(batched), seal, signature)])
    task.until(Phase.BALLOT)
    task.open_ballot(honest)
    ballot = task.ballots[honest]
    refused = world.error(alone, world.board, "voteOpen", task.task, ballot.scores, ballot.salt)
    assert refused.name == "BallotSealMismatch"
    task.ballots[batched] = ballot
    refused = world.error(w.SUBMITTER, world.board, "voteOpenMany", task.task, *task.opening())
    assert refused.name == "BatchUnknown"
    task.until(Phase.SETTLED)
    task.settle(task.contributors, task.verifiers)
    assert [world.evm.balance(v) for v in task.verifiers] == [task.key.fee_wei, 0, 0]


@pytest.mark.parametrize("scores", [[GOOD] * 2, [GOOD] * 4, []])
def test_attack_15_ballotOfAnotherLength_isNotCounted(world: World, scores: list[int]) -> None:
    task = Round(world).run_to(Phase.VOTE)
    task.vote(task.verifiers[0], scores)
    task.until(Phase.BALLOT)
    ballot = task.ballots[task.verifiers[0]]
    refused = world.error(task.verifiers[0], world.board, "voteOpen", task.task, ballot.scores, ballot.salt)
    assert (refused.name, refused.args_) == (
        "ScoreCountMismatch",
        {"bytesGiven": 3 * len(scores), "bytesNeeded": 9},
    )


def test_attack_15_scoreAboveOne_spoilsOnlyItsOwnBallot(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    liar = task.verifiers[0]
    task.vote_batch({v: [GOOD, 1_000_001 if v == liar else GOOD, GOOD] for v in task.verifiers})
    task.until(Phase.BALLOT)
    refused = world.error(w.SUBMITTER, world.board, "voteOpenMany", task.task, *task.opening())
    assert (refused.name, refused.args_) == ("BallotScoreOutOfRange", {"model": 1, "scorePpm": 1_000_001})
    task.open_batch(0, only=task.verifiers[1:])
    assert task.panel().opened_count == 2


@pytest.fixture
def three_batches(world: World) -> Round:
    """A task in phase Ballot whose three ballots were sealed in a batch each."""
    task = Round(world).run_to(Phase.VOTE)
    for verifier in task.verifiers:
        task.vote_batch({verifier: [GOOD, BAD, GOOD]})
    task.until(Phase.BALLOT)
    return task


def _refusal_to_open(task: Round, *opening: object) -> str:
    return task.world.error(w.SUBMITTER, task.world.board, "voteOpenMany", task.task, *opening).name


def test_attack_15_batchesInAnyOrder_openByTheirOwnLinks(three_batches: Round) -> None:
    for opened, which in enumerate((1, 2, 0), start=1):
        three_batches.open_batch(which)
        assert three_batches.panel().opened_count == opened
        assert _refusal_to_open(three_batches, *three_batches.opening(which)) == "BatchEmpty"
    assert three_batches.votes(0) == (3, True)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_attack_15_otherLinksThanTheChains_openNothing(three_batches: Round, which: int) -> None:
    task = three_batches
    earlier, entries, later = task.opening(which)
    roots = [batches.root_of(batch) for batch in task.batches]
    links = [int.from_bytes(batches.chain_of(roots[:count]), "big") for count in range(4)]
    forged = [(link, later) for link in [*links, 0, earlier | 1 << 255, earlier ^ 2] if link != earlier]
    forged += [(earlier, [*later, roots[which]]), (earlier, [roots[which], *later]), (links[3], [])]
    forged += [(earlier, later[1:]), (earlier, later[::-1])] if which == 0 else []
    for link, after in forged:
        assert _refusal_to_open(task, link, entries, after) == "BatchUnknown", (link, after)
    for other in {0, 1, 2} - {which}:
        assert _refusal_to_open(task, earlier, task.opening(other)[1], later) == "BatchUnknown"
    assert _refusal_to_open(task, links[3], b"", []) == "BatchUnknown"
    task.open_batch(which)


def test_attack_15_openingsBentOutOfShape_openNothing(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    task.vote_batch({verifier: [GOOD] * 3 for verifier in task.verifiers})
    task.until(Phase.BALLOT)
    earlier, entries, later = task.opening()
    size = len(entries) // 3
    bent = {
        entries[:-1]: "BatchMalformed",
        entries[:1]: "BatchMalformed",
        entries + b"\0": "BatchMalformed",
        entries[:-size]: "BatchUnknown",
        entries + entries[:size]: "BatchUnknown",
        entries[size:] + entries[:size]: "BatchUnknown",
        entries[:2] + bytes(16) + entries[18:]: "BatchUnknown",
        entries[:-size] + b"\x80" + entries[1 - size :]: "BatchMalformed",
        b"\0\3" + entries[2:]: "NotDrawn",
        b"\x7f\xff" + entries[2:]: "NotDrawn",
        task.opening(only=[])[1]: "BatchEmpty",
    }
    for other, refusal in bent.items():
        assert _refusal_to_open(task, earlier, other, later) == refusal, other.hex()
    task.open_batch()
    assert task.panel().opened_count == 3


def test_attack_18_halfOfTheCommittee_isNoMajority(world: World) -> None:
    task = Round(world, verifiers=4).run_to(Phase.VOTE)
    for verifier in task.verifiers[:2]:
        task.vote(verifier, [GOOD, GOOD, BAD])
    task.vote(task.verifiers[2], [GOOD, BAD, BAD])
    task.until(Phase.BALLOT)
    for verifier in task.verifiers[:3]:
        task.open_ballot(verifier)
    assert [task.votes(model) for model in range(3)] == [(3, True), (2, False), (0, False)]


def test_attack_18_membersWhoLeaveOrJoin_moveNoDenominator(world: World) -> None:
    task = Round(world, verifiers=3).run_to(Phase.VOTE)
    world.send(task.verifiers[2], world.membership, "leave", task.pool)
    assert world.error(w.STRANGER, world.board, "voteSeal", task.task, 0, b"\1" * 32).name == "NotSeated"
    task.vote(task.verifiers[0], [GOOD] * 3)
    task.until(Phase.BALLOT)
    task.open_ballot(task.verifiers[0])
    assert task.votes(0) == (1, False)


def test_attack_18_lastSecondBallots_countHalfOpenWindows(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    world.evm.travel_to(task.phase_ends_s() - 1)
    task.vote(task.verifiers[0], [GOOD] * 3)
    world.evm.travel(1)
    refused = world.error(task.verifiers[1], world.board, "voteSeal", task.task, 1, b"\1" * 32)
    assert refused.name == "WrongPhase"


def test_attack_19_verifierWhoContributed_hasNoVote(world: World) -> None:
    """Its seat stays in the committee's count; alone and in a batch it is passed over."""
    both = w.account(1)
    task = Round(world, pool=world.join([*verifiers(3), both]), committee=4).run_to(Phase.VOTE)
    seat = task.seat(both)
    refused = world.error(both, world.board, "voteSeal", task.task, seat, b"\1" * 32)
    assert refused.name == "VerifierIsContributor"
    task.vote_batch({v: [GOOD] * 3 for v in [both, *task.verifiers]})
    assert seat not in [entry.seat for entry in task.batches[0]] and len(task.batches[0]) == 3


def test_attack_19_bitsOfContributors_shutOutNobodyElse(world: World) -> None:
    """The quick filter says `maybe` for every 31st account: such a verifier still votes."""
    numbers = [n for n in range(101, 230) if any(_bit(w.account(n)) == _bit(c) for c in w.contributors(3))]
    twins = [w.account(n) for n in numbers[:3]]
    task = Round(world, pool=world.join(twins), committee=3).run_to(Phase.VOTE)
    for twin in twins[:2]:
        task.vote(twin, [GOOD] * 3)
    task.vote_batch({twins[2]: [GOOD] * 3})
    assert [task.panel().is_sealed(member) for member in range(3)] == [True] * 3


def _bit(account: str) -> int:
    return int(account, 16) % 31


def test_attack_19_strangersAndNeighbours_haveNoSeat(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    first, second = task.verifiers[:2]
    for who, seat in [
        (w.STRANGER, 0),
        (first, task.seat(second)),
        (first, 3),
        (first, 2**200),
        (w.NOBODY, 7),
    ]:
        refused = world.error(who, world.board, "voteSeal", task.task, seat, b"\1" * 32)
        assert refused.name in {"NotSeated", "NotDrawn"}, (who, seat)


@pytest.mark.parametrize("mafr_ppm", [1, 500_000, MAFR, 1_000_000])
def test_attack_20_scoresAroundMafr_areComparedExactly(world: World, mafr_ppm: int) -> None:
    around = [mafr_ppm - 1, mafr_ppm, min(mafr_ppm + 1, 1_000_000)]
    task = Round(world, verifiers=1, mafr_ppm=mafr_ppm).run_to(Phase.VOTE)
    task.vote(task.verifiers[0], around)
    task.until(Phase.BALLOT)
    task.open_ballot(task.verifiers[0])
    assert [task.votes(model)[1] for model in range(3)] == [False, True, True]


def test_attack_20_mafrOutOfRange_opensNoTask(world: World) -> None:
    for mafr_ppm in (0, 1_000_001, 2**24 - 1):
        task = Round(world, mafr_ppm=mafr_ppm)
        world.evm.fund(w.INITIATOR, task.key.pot_wei)
        key = task.key.astuple()
        refused = world.error(w.INITIATOR, world.board, "taskOpen", key, value_wei=task.key.pot_wei)
        assert (refused.name, refused.args_) == ("MafrOutOfRange", {"mafrPpm": mafr_ppm})


@dataclass(frozen=True)
class WalletBatch:
    """A task in its vote whose committee is a contract wallet and two keys, and a batch of all three."""

    task: Round
    wallet: Contract
    entries: list[batches.SignedSeal]  # the wallet's stands first: what it burns, the others lack

    def submit(self, answer: str, gas: int = TRANSACTION_GAS) -> Receipt:
        """Send the batch while the wallet answers so."""
        self.task.world.send(w.STRANGER, self.wallet, "say", ANSWERS.index(answer))
        packed = batches.pack_sealed(self.entries)
        return self.task.send(w.SUBMITTER, "voteSealMany", self.task.task, packed, gas=gas)

    def measure(self, answer: str) -> Receipt:
        """What submit does, undone again."""
        evm = self.task.world.evm
        before = evm.snapshot()
        try:
            return self.submit(answer)
        finally:
            evm.revert(before)

    def seats_taken(self, receipt: Receipt) -> list[int]:
        sealed = w.decode_event(self.task.world.board, "BallotsSealed", receipt)["ballots"]
        return [entry.seat for entry in batches.unpack_sealed(sealed)]


@pytest.fixture
def wallet_batch(world: World) -> WalletBatch:
    owner = account(130)
    wallet = world.create("Wallet", owner)
    members = [wallet.address, *verifiers(2)]
    task = Round(world, pool=world.join(members), committee=3).run_to(Phase.VOTE)
    seal = task.ballot(wallet.address, [GOOD] * 3)
    signature = world.sign(owner, task.task, seal, key_of(130))
    signed = batches.SignedSeal(task.seat(wallet.address), seal, signature)
    return WalletBatch(task, wallet, [signed, *(task.signed(member, [GOOD] * 3) for member in members[1:])])


@pytest.mark.parametrize("answer", ["EatGas", "Bomb", "Revert", "Dear"])
def test_attack_31_walletThatBurnsGas_spoilsItsOwnEntryOnly(wallet_batch: WalletBatch, answer: str) -> None:
    """Half a million is plenty for the three: without a bound the wallet would take 63 of 64 parts of it."""
    done = wallet_batch.submit(answer, gas=500_000)
    assert wallet_batch.seats_taken(done) == [1, 2]


def test_attack_31_walletThatBurnsGas_costsTheSubmitterTheBoundAtMost(wallet_batch: WalletBatch) -> None:
    plain = wallet_batch.measure("WrongMagic").gas_used
    for answer in ("EatGas", "Bomb"):
        burnt = wallet_batch.measure(answer).gas_used - plain
        assert SIGNATURE_GAS * 9 // 10 < burnt <= SIGNATURE_GAS


def test_attack_31_walletWithAHugeAnswer_makesTheBoardCopyOneWord(wallet_batch: WalletBatch) -> None:
    """The answer's memory costs the wallet 45,056 gas. Copied, it would cost the board as much again."""
    plain, huge = wallet_batch.measure("Always"), wallet_batch.measure("Blob")
    assert wallet_batch.seats_taken(plain) == wallet_batch.seats_taken(huge) == [0, 1, 2]
    words = 131_072 // 32
    assert 0 <= huge.gas_used - plain.gas_used - (3 * words + words * words // 512) < 1_000


def test_attack_31_submitterWhoSendsTooLittleGas_leavesNoWalletOut(wallet_batch: WalletBatch) -> None:
    """Whatever the gas, the batch fails as a whole or has the honest wallet's ballot."""
    world = wallet_batch.task.world
    enough = wallet_batch.measure("Honest").gas_used
    outcomes = set()
    for gas in range(enough // 2, 2 * enough, 500):
        with world.evm.branch():
            try:
                outcomes.add(tuple(wallet_batch.seats_taken(wallet_batch.submit("Honest", gas=gas))))
            except (OutOfGas, ContractRefused) as failed:
                outcomes.add(type(failed))
    assert outcomes == {OutOfGas, (0, 1, 2)}
