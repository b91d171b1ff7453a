"""TaskBoard.sol: opening, cancelling, drawing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import accounts, chain

from dapp.chain.words import Phase
from tests.contracts.conftest import SHARDS, Task, reverts


def test_taskOpen_escrows_allThatCanBeOwed(task: Task) -> None:
    done = task.open()
    assert task.board.balance() == 2_001 + 3 * 10 + 100
    assert done.events["TaskOpened"]["task"] == "0x" + task.id.hex()
    assert task.phase() is Phase.NOTICE


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"mafr_ppm": 0}, "MafrOutOfRange"),
        ({"mafr_ppm": 1_000_001}, "MafrOutOfRange"),
        ({"cap": 0}, "CapOutOfRange"),
        ({"cap": 22}, "CapOutOfRange"),
        ({"committee": 0}, "CommitteeOutOfRange"),
        ({"committee": 1_201}, "CommitteeOutOfRange"),
        ({"shards_drawn": 0}, "ShardsOutOfRange"),
        ({"shards_drawn": 11}, "ShardsOutOfRange"),
        ({"shard_count": 100, "shards_drawn": 33}, "ShardsOutOfRange"),
        ({"notice_s": 2_592_001}, "WindowOutOfRange"),
        ({"submit_s": 11}, "WindowOutOfRange"),
        ({"open_s": 2_592_001}, "WindowOutOfRange"),
        ({"draw_s": 0}, "WindowOutOfRange"),
        ({"vote_s": 11}, "WindowOutOfRange"),
        ({"ballot_s": 2_592_001}, "WindowOutOfRange"),
    ],
)
def test_taskOpen_termsOutOfRange_reverts(board: Any, membership: Any, terms: Any, error: str) -> None:
    task = Task(board, membership, **terms)
    with reverts(error):
        task.open()


@pytest.mark.parametrize("difference_wei", [-1, 1])
def test_taskOpen_otherThanOwed_reverts(task: Task, difference_wei: int) -> None:
    sent_wei = task.key.pot_wei + difference_wei
    with reverts("EscrowMismatch", sent_wei, task.key.pot_wei):
        task.board.taskOpen(task.key.astuple(), {"from": task.initiator, "value": sent_wei})


def test_taskOpen_inAnothersName_reverts(task: Task) -> None:
    with reverts("NotInitiator"):
        task.board.taskOpen(task.key.astuple(), {"from": accounts[3], "value": task.key.pot_wei})


def test_taskOpen_twice_reverts(task: Task) -> None:
    task.open()
    with reverts("TaskExists"):
        task.open()


def test_taskCancel_inNotice_paysAllBack(task: Task) -> None:
    task.open()
    before_wei = accounts[8].balance()
    task.board.taskCancel(task.key.astuple(), accounts[8], {"from": task.initiator})
    assert accounts[8].balance() - before_wei == task.key.pot_wei
    assert (task.board.balance(), task.phase()) == (0, Phase.CANCELLED)
    with reverts("WrongPhase"):
        task.board.taskCancel(task.key.astuple(), accounts[8], {"from": task.initiator})


def test_taskCancel_bySomeoneElse_reverts(task: Task) -> None:
    task.open()
    with reverts("NotInitiator"):
        task.board.taskCancel(task.key.astuple(), accounts[8], {"from": accounts[8]})


@pytest.mark.parametrize(("seconds", "phase"), [(-1, Phase.NOTICE), (0, Phase.SUBMIT), (1, Phase.SUBMIT)])
def test_phaseOf_aroundTheEndOfNotice_isHalfOpen(task: Task, seconds: int, phase: Phase) -> None:
    task.open()
    task.at(task.ends_s() + seconds)
    assert task.board.phaseOf(task.id) == phase


def test_phaseOf_unknownTask_isNone(task: Task) -> None:
    assert task.board.phaseOf(task.id) == Phase.NONE


def test_draw_beforeItsPhase_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    with reverts("WrongPhase"):
        task.board.draw(task.key.astuple())


def test_draw_twice_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    task.board.draw(task.key.astuple())
    with reverts("DrawAlreadyFixed"):
        task.board.draw(task.key.astuple())


def test_draw_emptyPool_reverts(board: Any, membership: Any) -> None:
    task = Task(board, membership, pool=b"\7" * 32).to(Phase.DRAW)
    with reverts("PoolEmpty"):
        task.board.draw(task.key.astuple())


def test_draw_initiatorInThePool_reverts(task: Task) -> None:
    task.membership.join(task.pool_key, [], {"from": task.initiator})
    task.to(Phase.DRAW)
    with reverts("InitiatorSeated"):
        task.board.draw(task.key.astuple())


def test_draw_initiatorContributed_reverts(task: Task) -> None:
    task.contributors = [task.initiator]
    task.to(Phase.DRAW)
    with reverts("InitiatorContributed"):
        task.board.draw(task.key.astuple())


def test_drawReveal_withoutDraw_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    with reverts("DrawNotFixed"):
        task.board.drawReveal(task.key.astuple(), [], [])


def test_drawReveal_beforeTheDrawBlock_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    task.board.draw(task.key.astuple())
    with reverts("DrawBlockPending"):
        task.board.drawReveal(task.key.astuple(), [], [])


def test_drawReveal_wrongShards_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    task.board.draw(task.key.astuple())
    chain.mine(3)
    drawn = task.shown()
    wrong = sorted([next(i for i in range(10) if i not in drawn), *drawn[1:]])
    with reverts("ShardNotDrawn"):
        task.reveal(wrong)
    with reverts("ShardCountMismatch", 2, 3):
        task.reveal(drawn[:2])
    proof = task.tree.multiproof(drawn)
    with reverts("ShardsOutOfOrder"):
        task.board.drawReveal(task.key.astuple(), [SHARDS[i] for i in drawn[::-1]], proof)
    forged = [(i, b"\1" * 32, SHARDS[i][2]) for i in drawn]
    with reverts("ShardsUnproven"):
        task.board.drawReveal(task.key.astuple(), forged, proof)


def test_drawReveal_byAnyone_opensTheVote(task: Task) -> None:
    task.to(Phase.VOTE)
    assert task.phase() is Phase.VOTE
    assert [task.board.isDrawn(task.id, seat)[0] for seat in range(4)] == [True, True, True, False]


def test_drawReveal_afterItsWindow_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    task.board.draw(task.key.astuple())
    chain.mine(3)
    task.next_phase()
    with reverts("WrongPhase"):
        task.board.drawReveal(task.key.astuple(), [], [])


def test_taskId_ofAKey_isTheMirrors(task: Task) -> None:
    assert bytes(task.board.taskId(task.key.astuple())) == task.id
    other = replace(task.key, salt=2)
    assert bytes(task.board.taskId(other.astuple())) == task.seals.task_id(other) != task.id
