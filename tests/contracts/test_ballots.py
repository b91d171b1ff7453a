"""Ballots.sol: sealing and opening ballots, alone and in batches."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts

from dapp.chain import batches
from dapp.chain.seals import pack_scores
from dapp.chain.words import Panel, Phase
from tests.contracts.conftest import BAD, GOOD, Task, reverts


def panel(task: Task) -> Panel:
    return Panel(task.board.panelOf(task.id, 0))


def entry(task: Task, verifier: Any, signature: bytes = b"\1" * 65) -> bytes:
    seat = task.verifiers.index(verifier)
    return batches.pack_sealed([batches.SignedSeal(seat, task.ballot_seal(verifier), signature)])


def test_voteSeal_fromItsSeat_isMarked(task: Task) -> None:
    task.to(Phase.VOTE)
    done = task.vote(task.verifiers[1])
    assert [panel(task).is_sealed(member) for member in range(3)] == [False, True, False]
    assert done.events["BallotSealed"]["seat"] == 1


def test_voteSeal_fromAnotherSeat_reverts(task: Task) -> None:
    task.to(Phase.VOTE)
    with reverts("NotSeated"):
        task.board.voteSeal(task.id, 0, b"\1" * 32, {"from": task.verifiers[1]})


def test_voteSeal_notDrawn_reverts(board: Any, membership: Any) -> None:
    task = Task(board, membership, committee=1).to(Phase.VOTE)
    left_out = next(seat for seat in range(3) if not board.isDrawn(task.id, seat)[0])
    with reverts("NotDrawn", left_out):
        board.voteSeal(task.id, left_out, b"\1" * 32, {"from": task.verifiers[left_out]})


def test_voteSeal_byAContributor_reverts(task: Task) -> None:
    task.contributors = [task.verifiers[0]]
    task.to(Phase.VOTE)
    with reverts("VerifierIsContributor", task.verifiers[0].address.lower()):
        task.vote(task.verifiers[0], [GOOD])


def test_voteSeal_twice_reverts(task: Task) -> None:
    task.to(Phase.VOTE)
    task.vote(task.verifiers[0])
    with reverts("BallotAlreadySealed"):
        task.vote(task.verifiers[0])


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_voteSeal_afterWindow_reverts(task: Task, seconds: int) -> None:
    task.to(Phase.VOTE)
    task.next_at(task.ends_s() + seconds)
    if seconds < 0:
        task.vote(task.verifiers[0])
    else:
        with reverts("WrongPhase"):
            task.vote(task.verifiers[0])


def test_voteOpen_ofASeal_countsScoresThatReachMafr(task: Task) -> None:
    task.to(Phase.BALLOT)
    for verifier in task.verifiers[:2]:
        task.open_ballot(verifier)
    assert [tuple(task.board.votesOf(task.id, model)) for model in range(3)] == [
        (2, True),
        (0, False),
        (0, False),
    ]


def test_voteOpen_beforeItsWindow_reverts(task: Task) -> None:
    task.to(Phase.VOTE)
    task.vote(task.verifiers[0])
    with reverts("WrongPhase"):
        task.open_ballot(task.verifiers[0])


def test_voteOpen_withoutSeal_reverts(task: Task) -> None:
    task.to(Phase.BALLOT)
    with reverts("BallotNotSealed"):
        task.board.voteOpen(task.id, pack_scores([GOOD, BAD]), b"\1" * 16, {"from": accounts[8]})


def test_voteOpen_otherScoresOrSalt_reverts(task: Task) -> None:
    task.to(Phase.BALLOT)
    first = task.verifiers[0]
    with reverts("BallotSealMismatch"):
        task.open_ballot(first, [GOOD, GOOD])
    with reverts("BallotSealMismatch"):
        task.board.voteOpen(task.id, pack_scores([GOOD, BAD]), b"\1" * 16, {"from": first})


def test_voteOpen_twice_reverts(task: Task) -> None:
    task.to(Phase.BALLOT)
    task.open_ballot(task.verifiers[0])
    with reverts("BallotNotSealed"):
        task.open_ballot(task.verifiers[0])


@pytest.mark.parametrize(
    ("scores", "error"),
    [
        ([GOOD], "ScoreCountMismatch"),
        ([GOOD] * 3, "ScoreCountMismatch"),
        ([GOOD, 1_000_001], "BallotScoreOutOfRange"),
    ],
)
def test_voteOpen_unknownModelOrScoreAboveOne_reverts(task: Task, scores: list[int], error: str) -> None:
    task.to(Phase.VOTE)
    first = task.verifiers[0]
    task.vote(first, scores)
    task.next_phase()
    with reverts(error):
        task.open_ballot(first, scores)


@pytest.mark.parametrize("length", [0, 98, 100])
def test_voteSealMany_otherThanWholeEntries_reverts(task: Task, length: int) -> None:
    task.to(Phase.VOTE)
    with reverts("BatchMalformed", length):
        task.board.voteSealMany(task.id, b"\0" * length, {"from": task.stranger})


def test_voteSealMany_withoutASignature_reverts(task: Task) -> None:
    task.to(Phase.VOTE)
    with reverts("BatchEmpty"):
        task.board.voteSealMany(task.id, entry(task, task.verifiers[0]), {"from": task.stranger})


def test_voteOpenMany_withoutABatch_reverts(task: Task) -> None:
    task.to(Phase.BALLOT)
    with reverts("BatchUnknown"):
        task.board.voteOpenMany(task.id, 1, b"", [], {"from": task.stranger})
    with reverts("BatchUnknown"):
        task.board.voteOpenMany(task.id, 1, b"", [b"\1" * 32], {"from": task.stranger})
