"""Attacks on the contracts' mechanics (threat model, D), one test a row. Row 27 is also test_machine.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from dapp.chain import batches
from dapp.chain.contracts import Contract
from dapp.chain.errors import ContractRefused
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import OutOfGas, Receipt
from dapp.gas.rounds import Round
from dapp.gas.world import GOOD, INITIATOR, World, account, verifiers

SAFE = account(950)
ACCEPT, REFUSE, EAT_GAS, BOMB_RETURN, BOMB_REVERT, REENTER = range(6)
HOSTILE = [REFUSE, EAT_GAS, BOMB_RETURN, BOMB_REVERT]
SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def exits(world: World) -> dict[str, Callable[[], tuple[Round, Contract, Callable[[], Receipt]]]]:
    """For each way that ether leaves the board: a task, an account with code that is owed, and the call
    that pays.
    """

    def initiator(stop: Phase) -> tuple[Round, Contract]:
        receiver = world.create("Receiver")
        return Round(world, initiator=receiver.address).run_to(stop), receiver

    def cancel() -> tuple[Round, Contract, Callable[[], Receipt]]:
        task, receiver = initiator(Phase.NOTICE)
        return task, receiver, lambda: task.cancel(receiver.address)

    def settle() -> tuple[Round, Contract, Callable[[], Receipt]]:
        task, receiver = initiator(Phase.SETTLED)
        return task, receiver, lambda: task.settle(task.contributors, task.verifiers)

    def remainder() -> tuple[Round, Contract, Callable[[], Receipt]]:
        task, receiver = initiator(Phase.SETTLED)
        world.send(w.STRANGER, receiver, "behave", REFUSE)
        task.settle()
        key = task.key.astuple()
        return task, receiver, lambda: task.send(receiver.address, "withdrawRemainder", key, receiver.address)

    def contributor() -> tuple[Round, Contract, Callable[[], Receipt]]:
        receiver = world.create("Receiver")
        task = Round(world)
        task.contributors[0] = receiver.address
        task.run_to(Phase.SETTLED).settle()
        return task, receiver, lambda: task.withdraw(receiver.address)

    def verifier(stop: Phase) -> tuple[Round, Contract]:
        receiver = world.create("Receiver")
        members = [receiver.address, *verifiers(2)]
        task = Round(world, pool=world.join(members), committee=3)
        task.verifiers = members
        return task.run_to(stop), receiver

    def fee() -> tuple[Round, Contract, Callable[[], Receipt]]:
        task, receiver = verifier(Phase.SETTLED)
        task.settle()
        return task, receiver, lambda: task.withdraw_fee(receiver.address)

    def fee_on_opening() -> tuple[Round, Contract, Callable[[], Receipt]]:
        task, receiver = verifier(Phase.BALLOT)
        return task, receiver, lambda: task.open_ballot_and_withdraw(receiver.address)

    return {
        "taskCancel": cancel,
        "settle": settle,
        "withdrawRemainder": remainder,
        "withdraw": contributor,
        "withdrawFee": fee,
        "voteOpenAndWithdraw": fee_on_opening,
    }


EXITS = ["taskCancel", "settle", "withdrawRemainder", "withdraw", "withdrawFee", "voteOpenAndWithdraw"]


def callbacks(task: Round, receiver: str) -> dict[str, tuple[Any, ...]]:
    """A call of every function of the board that writes, as well meant as it can be."""
    key, model = task.key.astuple(), w.Model.of("another")
    ballot = task.ballots.get(receiver, w.Ballot.of("none", [GOOD] * 3))
    return {
        "taskOpen": (key,),
        "taskCancel": (key, receiver),
        "commitSeal": (task.task, b"\1" * 32),
        "commitOpen": (task.task, *model.args()),
        "commitOpenListed": (key, *model.args(), []),
        "commitStrike": (task.task, task.contributors[0], task.contributors[1]),
        "draw": (key,),
        "drawReveal": (key, [], []),
        "voteSeal": (task.task, 0, b"\1" * 32),
        "voteOpen": (task.task, ballot.scores, ballot.salt),
        "voteSealMany": (task.task, b"\0" * 99),
        "voteOpenMany": (task.task, 1, b"", []),
        "voteOpenAndWithdraw": (key, ballot.scores, ballot.salt, receiver),
        "settle": (key, [receiver, *task.contributors], [0, 1, 2]),
        "withdraw": (task.task, receiver),
        "withdrawFee": (task.task, 0, receiver),
        "withdrawRemainder": (key, receiver),
    }


@pytest.mark.parametrize("way_out", EXITS)
def test_attack_22_reenteringReceiver_isPaidOnce(world: World, way_out: str) -> None:
    task, receiver, pay = exits(world)[way_out]()
    with world.evm.branch():
        world.send(w.STRANGER, receiver, "behave", ACCEPT)
        before_wei = world.evm.balance(receiver.address)
        pay()
        once_wei = world.evm.balance(receiver.address) - before_wei
        left_wei = task.board_wei()
    assert once_wei > 0
    for function, args in callbacks(task, receiver.address).items():
        with world.evm.branch():
            callback = world.board.call(function, *args).data
            world.send(w.STRANGER, receiver, "reenter", world.board.address, callback)
            pay()
            assert world.evm.balance(receiver.address) - before_wei in {once_wei, 0}, function
            paid_wei = world.evm.balance(receiver.address) - before_wei
            assert task.board_wei() == left_wei + once_wei - paid_wei, function
            assert world.read(receiver, "successes") == 0, function


@pytest.mark.parametrize("manner", HOSTILE)
def test_attack_23_hostileReceivers_harmOnlyThemselves(world: World, manner: int) -> None:
    """One account with code in each role: everyone else is paid in the same settlement, the claims stay."""
    initiator, contributor, verifier = (world.create("Receiver") for _ in range(3))
    members = [verifier.address, *verifiers(2)]
    task = Round(world, initiator=initiator.address, pool=world.join(members), committee=3)
    task.verifiers, task.contributors[0] = members, contributor.address
    task.run_to(Phase.SETTLED)
    for receiver in (initiator, contributor, verifier):
        world.send(w.STRANGER, receiver, "behave", manner)
    done = task.settle(task.contributors, task.verifiers)
    refused = [r["payee"] for r in w.decode_events(world.board, "PaymentRefused", done)]
    expected = [initiator, contributor, verifier]
    assert [w.to_checksum_address(r) for r in refused] == [r.address for r in expected]
    assert done.gas_used < 1_000_000
    assert [world.evm.balance(c) for c in task.contributors[1:]] == [w.ETHER] * 2
    assert [world.evm.balance(v) for v in members[1:]] == [task.key.fee_wei] * 2
    task.withdraw(contributor.address, SAFE)
    task.withdraw_fee(verifier.address, SAFE)
    task.send(initiator.address, "withdrawRemainder", task.key.astuple(), SAFE)
    assert world.evm.balance(SAFE) == w.ETHER + task.key.fee_wei + task.key.bond_wei
    assert task.board_wei() == 0


def test_attack_23_refusedWithdrawal_keepsTheClaim(world: World) -> None:
    task = Round(world).run_to(Phase.SETTLED)
    task.settle()
    receiver = world.create("Receiver")
    world.send(w.STRANGER, receiver, "behave", REFUSE)
    winner = task.contributors[0]
    refused = world.error(winner, world.board, "withdraw", task.task, receiver.address)
    assert (refused.name, refused.args_["amountWei"]) == ("PaymentFailed", w.ETHER)
    task.withdraw(winner, SAFE)
    assert world.evm.balance(SAFE) == w.ETHER


def test_attack_25_anyGasLimit_leavesAllOrNothing(world: World) -> None:
    """Whatever gas a settler gives, no claim is lost: it settles, or nothing happened; then all can be
    paid.
    """
    task = Round(world).run_to(Phase.SETTLED)
    rng = random.Random(25)
    with world.evm.branch():
        full = task.settle(task.contributors, task.verifiers).gas_used
    for gas in [
        *range(full - 60_000, full + 60_000, 12_000),
        *(rng.randrange(30_000, full) for _ in range(20)),
    ]:
        with world.evm.branch():
            try:
                task.settle(task.contributors, task.verifiers, gas=gas)
            except (OutOfGas, ContractRefused):
                assert task.board_wei() == task.key.pot_wei
            task.settle(task.contributors, task.verifiers)
            assert task.board_wei() == 0
            assert [world.evm.balance(c) for c in task.contributors] == [w.ETHER] * 3
            assert [world.evm.balance(v) for v in task.verifiers] == [task.key.fee_wei] * 3


def test_attack_26_forcedEther_changesNoPayment(world: World) -> None:
    task = Round(world).run_to(Phase.BALLOT)
    world.create("ForceEther", world.board.address, value_wei=12_345)
    for verifier in task.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    task.settle(task.contributors, task.verifiers)
    assert task.board_wei() == 12_345
    assert [world.evm.balance(c) for c in task.contributors] == [w.ETHER] * 3


def test_attack_26_plainTransfer_isRefused(world: World) -> None:
    world.evm.fund(w.STRANGER, 1)
    with pytest.raises((OutOfGas, ContractRefused)):
        world.evm.send(w.STRANGER, world.board.address, b"", value_wei=1)


def test_attack_27_whoeverEndsATask_drainsItAlone(world: World) -> None:
    """One stranger's transaction pays out each kind of end: settled, lapsed before and after the draw,
    empty.
    """
    settled, lapsed, undrawn, empty = (Round(world) for _ in range(4))
    settled.run_to(Phase.SETTLED)
    lapsed.run_to(Phase.DRAW).draw()
    undrawn.run_to(Phase.DRAW)
    empty.run_to(Phase.OPEN)
    for task, end in [(lapsed, Phase.LAPSED), (undrawn, Phase.LAPSED), (empty, Phase.EMPTY)]:
        task.until(end)
    for task in (settled, lapsed, undrawn, empty):
        before_wei = task.board_wei()
        task.settle(task.contributors, task.verifiers if task in (settled, lapsed) else ())
        assert before_wei - task.board_wei() == task.key.pot_wei
    assert settled.board_wei() == 0


@pytest.mark.parametrize("payees", ["direct", "batched"])
def test_attack_27_doublePayment_isImpossible(world: World, payees: str) -> None:
    """Every order of the ways to be paid: each pays what is owed, together once."""
    task = Round(world).run_to(Phase.VOTE)
    if payees == "batched":
        task.vote_batch({v: [GOOD] * 3 for v in task.verifiers})
    else:
        for verifier in task.verifiers:
            task.vote(verifier, [GOOD] * 3)
    task.until(Phase.BALLOT)
    first = task.verifiers[0]
    if payees == "batched":
        task.open_batch()
        assert _refusal(lambda: task.open_ballot_and_withdraw(first)) == "BallotNotSealed"
        assert _refusal(lambda: task.open_batch()) == "BatchEmpty"
    else:
        task.open_ballot_and_withdraw(first)
        assert _refusal(lambda: task.open_ballot_and_withdraw(first)) == "BallotNotSealed"
        for verifier in task.verifiers[1:]:
            task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    for _ in range(2):
        task.settle(task.contributors * 2, task.verifiers * 2)
    for contributor in task.contributors:
        assert _refusal(lambda c=contributor: task.withdraw(c)) == "NothingOwed"  # type: ignore[misc]
    for verifier in task.verifiers:
        assert _refusal(lambda v=verifier: task.withdraw_fee(v)) == "NothingOwed"  # type: ignore[misc]
    key = task.key.astuple()
    assert _refusal(lambda: task.send(INITIATOR, "withdrawRemainder", key, INITIATOR)) == "NothingOwed"
    assert [world.evm.balance(v) for v in task.verifiers] == [task.key.fee_wei] * 3
    assert [world.evm.balance(c) for c in task.contributors] == [w.ETHER] * 3
    assert task.board_wei() == 0


def test_attack_27_anotherTasksMoney_isOutOfReach(world: World) -> None:
    """A key with another salt, or a task that is not over, pays nothing."""
    rich, poor = Round(world, reward_wei=100 * w.ETHER, submit_s=2_000_000), Round(world)
    rich.run_to(Phase.SUBMIT)
    poor.run_to(Phase.SETTLED)
    with pytest.raises(ContractRefused, match="NotOver"):
        rich.settle(rich.contributors)
    poor.settle(poor.contributors, poor.verifiers)
    assert rich.board_wei() == rich.key.pot_wei


def _refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ContractRefused) as caught:
        call()
    return caught.value.name


def test_attack_28_rewardThatDoesNotDivide_leavesItsDustToTheInitiator(world: World) -> None:
    rng = random.Random(28)
    for count in (1, 2, 3, 7, 21):
        reward_wei, bond_wei = rng.randrange(2**80, 2**96), rng.randrange(2**95)
        with world.evm.branch():
            terms = {"reward_wei": reward_wei, "fee_wei": 2**95 // 3, "bond_wei": bond_wei, "cap": 21}
            task = Round(world, contributors=count, **terms).run_to(Phase.SETTLED)
            task.settle(task.contributors, task.verifiers)
            assert [world.evm.balance(c) for c in task.contributors] == [reward_wei // count] * count
            assert world.evm.balance(INITIATOR) == reward_wei % count + bond_wei
            assert task.board_wei() == 0


@pytest.mark.parametrize("bond_wei", [0, 1, 2, 5, 7, 11])
def test_attack_28_bondThatDoesNotDivide_isPaidToTheLastWei(world: World, bond_wei: int) -> None:
    task = Round(world, bond_wei=bond_wei).run_to(Phase.DRAW)
    task.draw()
    task.until(Phase.LAPSED)
    task.settle(task.contributors, task.verifiers)
    verifier_wei, contributor_wei = bond_wei // 2 // 3, (bond_wei - bond_wei // 2) // 3
    assert [world.evm.balance(c) for c in task.contributors] == [contributor_wei] * 3
    assert [world.evm.balance(v) for v in task.verifiers] == [verifier_wei] * 3
    assert task.board_wei() == 0


STEPS = [
    (Phase.NOTICE, Phase.SUBMIT),
    (Phase.SUBMIT, Phase.OPEN),
    (Phase.OPEN, Phase.DRAW),
    (Phase.DRAW, Phase.LAPSED),
    (Phase.VOTE, Phase.BALLOT),
    (Phase.BALLOT, Phase.SETTLED),
]


@pytest.mark.parametrize(("phase", "after"), STEPS, ids=lambda phase: phase.name)
def test_attack_29_everyWindow_isHalfOpen(world: World, phase: Phase, after: Phase) -> None:
    """At t-1 the guard of the phase lets in, at t and t+1 it does not, and the next phase's does."""
    task = Round(world).run_to(phase)
    first, second = task.contributors[:2]
    if phase is Phase.OPEN:
        task.open_model(second)
    if phase is Phase.DRAW:
        task.draw()
        world.evm.mine(3)
    if phase is Phase.VOTE:
        task.vote(task.verifiers[1], [GOOD] * 3)
    doing: dict[Phase, Callable[[], object]] = {
        Phase.NOTICE: lambda: task.cancel(),
        Phase.SUBMIT: lambda: task.seal(w.STRANGER),
        Phase.OPEN: lambda: task.open_model(first),
        Phase.DRAW: lambda: task.draw() if phase is Phase.OPEN else task.reveal(),
        Phase.VOTE: lambda: task.vote(task.verifiers[0], [GOOD] * 3),
        Phase.BALLOT: lambda: task.open_ballot(task.verifiers[1]),
        Phase.LAPSED: lambda: task.settle(),
        Phase.SETTLED: lambda: task.settle(),
    }
    over = task.phase_ends_s()
    for at_s, allowed, refused in [
        (over - 1, phase, after),
        (over, after, phase),
        (over + 1, after, phase),
    ]:
        world.evm.travel_to(at_s)
        assert Phase(world.read(world.board, "phaseOf", task.task)) is allowed
        if (phase, allowed) != (Phase.SUBMIT, Phase.OPEN):  # no model is sealed yet that could be opened
            with world.evm.branch():
                doing[allowed]()
        with world.evm.branch():
            assert _refusal(doing[refused]) in {"WrongPhase", "NotOver"}


def test_attack_30_ballotsOfAnotherChainBoardOrTask_areNotTaken(world: World) -> None:
    task, other_task = Round(world).run_to(Phase.VOTE), Round(world)
    elsewhere, second_board = World(chain_id=1), World()
    second_board.seals = w.Board(31337, w.account(77))
    verifier = task.verifiers[0]
    seat, seal = task.seat(verifier), task.ballot(verifier, [GOOD] * 3)
    forged = {
        "chain": elsewhere.sign(verifier, task.task, seal),
        "board": second_board.sign(verifier, task.task, seal),
        "task": world.sign(verifier, other_task.task, seal),
        "signer": world.sign(task.verifiers[1], task.task, seal),
        "seal": world.sign(verifier, task.task, b"\1" * 32),
    }
    for what, signature in forged.items():
        packed = batches.pack_sealed([batches.SignedSeal(seat, seal, signature)])
        refused = world.error(w.SUBMITTER, world.board, "voteSealMany", task.task, packed)
        assert refused.name == "BatchEmpty", what
    task.submit([batches.SignedSeal(seat, seal, world.sign(verifier, task.task, seal))])


def test_attack_31_signaturesBentOutOfShape_areNotTaken(world: World) -> None:
    task = Round(world).run_to(Phase.VOTE)
    entry = task.signed(task.verifiers[0], [GOOD] * 3)
    r, s, v = entry.signature[:32], int.from_bytes(entry.signature[32:64], "big"), entry.signature[64]
    high_s = r + (SECP256K1_N - s).to_bytes(32, "big") + bytes([55 - v])
    low_v = entry.signature[:64] + bytes([v - 27])
    for bent in (low_v, bytes(65), b"\xff" * 65, entry.signature[:64] + b"\x1d"):
        packed = batches.pack_sealed([batches.SignedSeal(entry.seat, entry.seal, bent)])
        assert world.error(w.SUBMITTER, world.board, "voteSealMany", task.task, packed).name == "BatchEmpty"
    compact = (s | ((v - 27) << 255)).to_bytes(32, "big")
    packed = entry.seat.to_bytes(2, "big") + entry.seal + r + compact
    assert world.error(w.SUBMITTER, world.board, "voteSealMany", task.task, packed).name == "BatchMalformed"
    assert world.error(w.SUBMITTER, world.board, "voteSealMany", task.task, b"").name == "BatchMalformed"
    task.submit([entry])
    mirrored = batches.pack_sealed([batches.SignedSeal(entry.seat, entry.seal, high_s)])
    refused = world.error(w.SUBMITTER, world.board, "voteSealMany", task.task, mirrored)
    assert refused.name == "BatchEmpty"  # the other signature of the same words is no second ballot


@pytest.mark.parametrize("answer", ["Honest", "Always", "WrongMagic", "Short", "Revert", "Bomb"])
def test_attack_31_contractWallets_voteInABatchOnlyByTheirOwnWord(world: World, answer: str) -> None:
    wallet = world.create("Wallet", account(130))
    members = [wallet.address, *verifiers(2)]
    task = Round(world, pool=world.join(members), committee=3)
    task.verifiers = members
    task.run_to(Phase.VOTE)
    names = ["Honest", "Always", "WrongMagic", "Short", "Revert", "Bomb"]
    world.send(w.STRANGER, wallet, "say", names.index(answer))
    seal = task.ballot(wallet.address, [GOOD] * 3)
    signature = world.sign(account(130), task.task, seal, w.key_of(130))
    packed = [
        batches.SignedSeal(task.seat(wallet.address), seal, signature),
        task.signed(members[1], [GOOD] * 3),
    ]
    task.submit(packed)
    accepted = answer in {"Honest", "Always"}
    assert len(task.batches[0]) == (2 if accepted else 1)
    task.until(Phase.BALLOT)
    task.open_batch()
    assert task.panel().opened_count == len(task.batches[0])


def test_attack_32_accountsWithDelegatedCode_voteAsBefore(world: World) -> None:
    """EIP-7702: an account may bear code, 0xef0100 and an address, and still sign with its key."""
    task = Round(world).run_to(Phase.VOTE)
    wallet = world.create("Wallet", account(130))
    for verifier in task.verifiers:
        world.evm.set_code(verifier, b"\xef\x01\x00" + bytes.fromhex(wallet.address[2:]))
    alone, *batched = task.verifiers
    task.vote(alone, [GOOD] * 3)
    task.vote_batch({verifier: [GOOD] * 3 for verifier in batched})
    assert len(task.batches[0]) == 2
    task.until(Phase.BALLOT)
    task.open_ballot_and_withdraw(alone)
    task.open_batch()
    task.until(Phase.SETTLED)
    task.settle(task.contributors, task.verifiers)
    assert [world.evm.balance(v) for v in task.verifiers] == [task.key.fee_wei] * 3
    assert task.board_wei() == 0


def test_attack_32_sources_neverAskForTheOrigin() -> None:
    from dapp.artifacts import PROJECT

    for file in (PROJECT / "contracts").glob("*.sol"):
        assert "tx.origin" not in file.read_text()
