"""Attacks on the recorder: nodes that turn in the middle, and chains that take back what they said."""

from __future__ import annotations

import pytest

from dapp.chain.ledger import compact, quorum
from dapp.chain.signer import Signer
from dapp.ledger.follow import catch_up
from dapp.ledger.queues import Kind, Proposal, State
from ml.history.header import NONE, Header
from tests.dapp.ledger.runs import NODES, STRANGER, Ground, Stage

FEW = 3


def recorded(stage: Stage) -> Stage:
    """Three epochs in the trainer's results."""
    for number in range(FEW):
        stage.trainer.epoch(500_000 + number)
    return stage


@pytest.fixture
def registered(stage: Stage) -> Stage:
    """Three epochs, registered, in everybody's book."""
    recorded(stage).until_idle(*NODES)
    stage.steps(*NODES)
    return stage


def bar(stage: Stage, index: int) -> None:
    """Evidence that this node signed two heads, sent by a stranger."""
    statements = []
    for head in (b"\1" * 32, b"\2" * 32):
        digest = stage.ledger.attestation(stage.run, NONE, head, 7)
        statements.append((head, compact(Signer.devnet(index).sign_digest(digest))))
    chain = stage.chain(STRANGER)
    seat = stage.view.seat(stage.address(index))
    chain.send(f"bar {index}", chain.ledger.call("nodeBar", stage.run, seat, NONE, 7, *statements))


def test_attack_36_aNodeThatConvictsItselfOnceItsSignatureIsCounted_doesNotFreezeTheRun(stage: Stage) -> None:
    """Between the count and the transaction: the quorum is one short, and others must still be heard."""
    convicted: list[int] = []

    def failpoint(name: str) -> None:
        if name == "attested:written" and not convicted:
            convicted.append(1)
            bar(stage, 1)

    stage._recording = recorder = recorded(stage).recorder(failpoint, mine=True)
    recorder.hurry()
    recorder.step()
    stage.steps(1, 2)
    assert any("barred" in wait.lower() for wait in recorder.step().waits)
    assert recorder.queues.count(State.ATTESTED) == FEW
    stage.steps(3)
    assert recorder.step().is_idle
    assert stage.view.head == recorder.book.at(FEW - 1).id


def test_attack_34_reorg_takesBackAnOpenVote_theSameVoteOpenedAgainIsHeard(
    registered: Stage, ground: Ground
) -> None:
    before = ground.node.tester.take_snapshot()
    registered.open_vote()
    registered.recording.step()
    registered.steps(1)
    ground.node.tester.revert_to_snapshot(before)
    ground.node.tester.mine_blocks(2)
    assert registered.view.votes == 0
    registered.recording.step()
    registered.open_vote()
    registered.until(lambda: registered.recording.restore_due() is not None, 1, 2)
    assert registered.view.head == registered.recording.book.at(FEW).id


@pytest.mark.parametrize("depth", [1, 8])
def test_attack_34_reorg_takesBackARegistration_itIsProposedAgain(
    stage: Stage, ground: Ground, depth: int
) -> None:
    recorded(stage)
    stage._recording = recorder = stage.recorder(mine=True)
    recorder.hurry()
    recorder.step()
    stage.steps(1, 2)
    before = ground.node.tester.take_snapshot()
    assert recorder.step().is_idle
    stage.steps(*NODES)
    ground.node.tester.mine_blocks(depth)
    ground.node.tester.revert_to_snapshot(before)
    ground.node.tester.mine_blocks(depth + 2)
    assert stage.view.head == NONE
    assert not recorder.step().is_idle
    stage.until_idle(*NODES)
    assert stage.view.head == recorder.book.at(FEW - 1).id
    assert recorder.queues.count(State.REGISTERED) == FEW


def test_attack_34_reorg_takesBackARollback_theVoteDecidesAnew(registered: Stage, ground: Ground) -> None:
    before = ground.node.tester.take_snapshot()
    registered.open_vote()
    registered.until(lambda: registered.recording.restore_due() is not None, *NODES)
    restore = registered.recording.restore_due()
    assert restore is not None
    registered.trainer.restore(restore)
    registered.trainer.epoch(800_000)
    registered.recording.step()
    registered.steps(*NODES)
    ground.node.tester.revert_to_snapshot(before)
    ground.node.tester.mine_blocks(9)
    registered.recording.step()
    book = registered.recording.book
    assert (book.count, registered.view.head) == (FEW, book.at(FEW - 1).id)
    restore = registered.recording.restore_due()
    assert restore is not None and (restore.vote, restore.row) == (None, FEW - 1)
    registered.steps(*NODES)
    assert [registered.node(index).book.count for index in NODES] == [FEW] * 3
    registered.open_vote()
    registered.until(lambda: registered.view.head == book.head_id and book.count == FEW + 1, *NODES)
    registered.steps(*NODES)
    for index in NODES:
        assert list(registered.node(index).book.headers()) == list(book.headers())
    assert registered.recording.queues.open_proposals(Kind.ROLLBACK) == []


def leave_out_the_open_batch(stage: Stage) -> tuple[Proposal, list[Header]]:
    """Node 1 has endorsed a batch of entries 3 to 5 when the recorder leaves it out and makes another."""
    for number in range(FEW):
        stage.trainer.epoch(600_000 + number)
    recorder = stage.recording
    recorder.hurry()
    stage.until(lambda: recorder.queues.open_proposals(Kind.ATTEST) != [], 1)
    (proposal,) = recorder.queues.open_proposals(Kind.ATTEST)
    left = list(recorder.book.headers(FEW))
    endorse(stage, 1, proposal)
    recorder.leave_out(FEW)
    restore = recorder.restore_due()
    assert restore is not None and restore.row == FEW - 1
    stage.trainer.restore(restore)
    for number in range(2):
        stage.trainer.epoch(700_000 + number)
    recorder.hurry()
    stage.until(lambda: recorder.queues.open_proposals(Kind.ATTEST) != [], 3)
    return proposal, left


def endorse(stage: Stage, index: int, proposal: Proposal) -> None:
    digest = stage.ledger.attestation(stage.run, proposal.parent, proposal.head, proposal.attempt)
    chain = stage.chain(index)
    chain.send(f"endorse {index}", chain.ledger.call("endorse", digest))


def register(stage: Stage, proposal: Proposal, indices: tuple[int, ...]) -> None:
    """Anybody sends what a quorum has endorsed."""
    agreed = quorum(stage.view.nodes, {}, [stage.address(index) for index in indices])
    chain = stage.chain(STRANGER)
    call = chain.ledger.call("attest", stage.run, proposal.head, proposal.attempt, agreed)
    chain.send(f"attest {proposal.head.hex()}", call)


def check_taken_up(stage: Stage, left: list[Header]) -> None:
    """The batch stands in everybody's book, and the run goes on from it."""
    told = stage.recording.step()
    assert f"the chain took entries up to {2 * FEW - 1}, which had been left out" in told.did
    assert list(stage.recording.book.headers(FEW)) == left
    restore = stage.recording.restore_due()
    assert restore is not None and (restore.vote, restore.row) == (None, 2 * FEW - 1)
    stage.trainer.epoch(710_000)  # before it hears of it
    stage.recording.step()
    stage.trainer.restore(restore)
    stage.trainer.epoch(800_000)
    stage.until_idle(*NODES)
    stage.steps(*NODES)
    book = stage.recording.book
    assert stage.view.head == book.head_id
    assert (book.count, book.at(2 * FEW).base) == (2 * FEW + 1, left[-1].id)
    for index in NODES:
        assert list(stage.node(index).book.headers()) == list(book.headers())


def test_attack_36_aBatchThatWasLeftOut_andThatTheChainTakesLater_isTakenUpAgain(registered: Stage) -> None:
    proposal, left = leave_out_the_open_batch(registered)
    endorse(registered, 2, proposal)
    register(registered, proposal, (1, 2))
    assert registered.view.head == proposal.head
    check_taken_up(registered, left)


def test_attack_34_reorg_bringsBackABatchThatWasLeftOut_insteadOfAnother(
    registered: Stage, ground: Ground
) -> None:
    proposal, left = leave_out_the_open_batch(registered)
    before = ground.node.tester.take_snapshot()
    registered.until_idle(1, 3)
    assert registered.view.head != proposal.head
    ground.node.tester.revert_to_snapshot(before)
    endorse(registered, 2, proposal)
    register(registered, proposal, (1, 2))
    ground.node.tester.mine_blocks(3)
    check_taken_up(registered, left)


def test_attack_36_aBatchThatWasLeftOut_isTakenUpAgain_alsoAfterARestartInTheMiddle(
    registered: Stage,
) -> None:
    proposal, left = leave_out_the_open_batch(registered)
    endorse(registered, 2, proposal)
    register(registered, proposal, (1, 2))
    queues = registered.recording.queues
    catch_up(registered.chain(STRANGER), registered.recording.book)
    assert queues.take_up(proposal.head)
    assert queues.count(State.MINED) == FEW  # killed here: the chain has registered them
    told = registered.recording.step()
    assert told.is_idle
    assert list(registered.recording.book.headers(FEW)) == left
    assert queues.count(State.REGISTERED) == 2 * FEW
