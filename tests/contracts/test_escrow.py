"""Escrow.sol: who is paid what, when, and by whom it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import Receiver, accounts

from dapp.chain.seals import pack_scores
from dapp.chain.words import LateWord, Phase
from tests.contracts.conftest import BAD, GOOD, Task, reverts


def paid(account: Any, doing: Any) -> int:
    """What the account gained, in wei (gas is free on this chain)."""
    before_wei = account.balance()
    doing()
    return int(account.balance() - before_wei)


def test_settle_ofAWonTask_paysEveryone(task: Task) -> None:
    task.to(Phase.SETTLED)
    everyone = [*task.contributors, *task.verifiers, task.initiator]
    before_wei = [account.balance() for account in everyone]
    task.settle()
    gained_wei = [int(account.balance() - was) for account, was in zip(everyone, before_wei, strict=True)]
    assert gained_wei == [2_001, 0, 10, 10, 10, 100]
    assert task.board.balance() == 0


@pytest.mark.parametrize("phase", [Phase.NOTICE, Phase.SUBMIT, Phase.DRAW, Phase.VOTE, Phase.BALLOT])
def test_settle_beforeTheEnd_reverts(task: Task, phase: Phase) -> None:
    task.to(phase)
    with reverts("NotOver"):
        task.settle()


def test_settle_cancelledTask_reverts(task: Task) -> None:
    task.to(Phase.NOTICE)
    task.board.taskCancel(task.key.astuple(), task.initiator, {"from": task.initiator})
    with reverts("NotOver"):
        task.settle()


def test_settle_withNoVotes_returnsTheReward(task: Task) -> None:
    task.to(Phase.VOTE)
    task.next_phase()
    task.next_phase()
    assert paid(task.initiator, task.settle) == task.key.pot_wei


def test_settle_withNoModel_returnsAll(task: Task) -> None:
    task.to(Phase.OPEN)
    task.next_phase()
    assert task.phase() is Phase.EMPTY
    assert paid(task.initiator, task.settle) == task.key.pot_wei


def test_settle_everyModelRejected_returnsTheReward(task: Task) -> None:
    task.to(Phase.VOTE)
    for verifier in task.verifiers:
        task.vote(verifier, [BAD, BAD])
    task.next_phase()
    for verifier in task.verifiers:
        task.open_ballot(verifier, [BAD, BAD])
    task.next_phase()
    assert paid(task.initiator, task.settle) == 2_001 + 100


def test_settle_lapsedTask_sharesTheBond(task: Task) -> None:
    task.to(Phase.DRAW)
    task.board.draw(task.key.astuple())
    task.next_phase()
    assert paid(task.contributors[0], task.settle) == 25
    assert task.board.balance() == 0


def test_outcomeOf_beforeAndAfterSettling_isTheSame(task: Task) -> None:
    task.to(Phase.SETTLED)
    before = tuple(task.board.outcomeOf(task.key.astuple()))
    task.settle()
    assert tuple(task.board.outcomeOf(task.key.astuple())) == before == (1, 1, 3, 2_001, 10, 100)


def test_withdraw_beforeSettling_reverts(task: Task) -> None:
    task.to(Phase.SETTLED)
    with reverts("NotSettled"):
        task.board.withdraw(task.id, accounts[1], {"from": accounts[1]})


def test_withdraw_byAWinner_paysOnce(task: Task) -> None:
    task.to(Phase.SETTLED)
    task.board.settle(task.key.astuple(), [], [])
    winner, loser = task.contributors
    take = lambda: task.board.withdraw(task.id, accounts[8], {"from": winner})  # noqa: E731
    assert paid(accounts[8], take) == 2_001
    with reverts("NothingOwed"):
        take()
    with reverts("NothingOwed"):
        task.board.withdraw(task.id, loser, {"from": loser})


def test_withdrawFee_byAVoter_paysOnce(task: Task) -> None:
    task.to(Phase.SETTLED)
    task.board.settle(task.key.astuple(), [], [])
    first = task.verifiers[0]
    take = lambda: task.board.withdrawFee(task.id, 0, accounts[8], {"from": first})  # noqa: E731
    assert paid(accounts[8], take) == 10
    with reverts("NothingOwed"):
        take()
    with reverts("NotSeated"):
        task.board.withdrawFee(task.id, 1, first, {"from": first})


def test_voteOpenAndWithdraw_paysAtOnceAndNotAgain(task: Task) -> None:
    task.to(Phase.BALLOT)
    first, scores = task.verifiers[0], pack_scores([GOOD, BAD])
    key = task.key.astuple()
    take = lambda: task.board.voteOpenAndWithdraw(  # noqa: E731
        key, scores, task.salt(first), accounts[8], {"from": first}
    )
    assert paid(accounts[8], take) == 10
    task.next_phase()
    assert paid(first, task.settle) == 0
    assert task.board.balance() == 0


def test_withdrawRemainder_wherePaymentWasRefused_paysElsewhere(board: Any, membership: Any) -> None:
    receiver = accounts[0].deploy(Receiver)
    task = Task(board, membership, initiator=receiver.address, notice_s=0)
    task.join()
    opening = board.taskOpen.encode_input(task.key.astuple())
    accounts[0].transfer(receiver, task.key.pot_wei)
    receiver.act(board, task.key.pot_wei, opening)
    task.next_phase()
    task.next_phase()
    receiver.behave(1)
    assert "PaymentRefused" in task.settle().events
    assert not LateWord.unpack(board.lateOf(task.id)).closed
    taking = board.withdrawRemainder.encode_input(task.key.astuple(), accounts[8])
    assert paid(accounts[8], lambda: receiver.act(board, 0, taking)) == task.key.pot_wei
    with reverts("NotInitiator"):
        board.withdrawRemainder(task.key.astuple(), accounts[8], {"from": accounts[8]})


def test_withdraw_toAReceiverThatReverts_keepsTheClaim(task: Task) -> None:
    receiver = accounts[0].deploy(Receiver)
    receiver.behave(1)
    task.to(Phase.SETTLED)
    task.board.settle(task.key.astuple(), [], [])
    with reverts("PaymentFailed", receiver.address.lower(), 2_001):
        task.board.withdraw(task.id, receiver, {"from": task.contributors[0]})
    assert (
        paid(accounts[8], lambda: task.board.withdraw(task.id, accounts[8], {"from": accounts[1]})) == 2_001
    )
