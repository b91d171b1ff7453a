"""Requests to a recorder that runs: the vote is opened once, and whoever asked is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapp.ledger.errors import LedgerCorrupt
from dapp.ledger.requests import Answer, Requests
from tests.dapp.ledger.runs import NODES, RECORDER, Stage

REASON = b"by-hand"


@pytest.fixture
def registered(stage: Stage) -> Stage:
    """Three epochs, registered."""
    for number in range(3):
        stage.trainer.epoch(500_000 + number)
    stage.until_idle(*NODES)
    return stage


def test_request_isOpenedByTheRecorder_andDecidedByTheNodes(registered: Stage) -> None:
    name = registered.requests.put(REASON)
    assert registered.requests.answered(name) is None
    registered.until(lambda: registered.recording.restore_due() is not None, *NODES)
    answer = registered.requests.answered(name)
    assert answer is not None and answer.vote == 1
    assert registered.recording.book.at(3).base == registered.recording.book.at(1).id


def test_request_forAnEntry_isAWishThatNodesMayFollow(registered: Stage) -> None:
    for index in NODES:
        registered.nodes[index]._settings = registered.nodes[index]._settings.__class__(follow=True)
    registered.requests.put(registered.recording.book.at(0).id)
    registered.until(lambda: registered.recording.restore_due() is not None, *NODES)
    assert registered.recording.book.at(3).base == registered.recording.book.at(0).id


def test_request_whileAVoteIsOpen_isThatVote(registered: Stage) -> None:
    registered.open_vote()
    sent = registered.rpc.nonce(registered.address(RECORDER))
    name = registered.requests.put(REASON)
    registered.recording.step()
    answer = registered.requests.answered(name)
    assert answer is not None and answer.vote == 1
    assert registered.rpc.nonce(registered.address(RECORDER)) == sent


def test_request_whenTheVoteIsDecidedInTheSameStep_isRefused_forThatVoteIsOver(registered: Stage) -> None:
    names: list[str] = []

    def failpoint(point: str) -> None:
        if point == "rollback:sent":
            names.append(registered.requests.put(REASON))

    registered.open_vote()
    registered.recording._failpoint = failpoint
    registered.until(lambda: registered.recording.restore_due() is not None, *NODES)
    answer = registered.requests.answered(names[0])
    assert answer is not None and answer.vote is None
    assert "VoteIsOpen" in answer.message


def test_request_inThePause_isAnsweredWithTheReason(registered: Stage) -> None:
    registered.open_vote()
    registered.clock.wait_until(registered.view.vote_ends_at_s + 1)
    name = registered.requests.put(REASON)
    told = registered.recording.step()
    answer = registered.requests.answered(name)
    assert answer is not None and answer.vote is None
    assert "VotePauses" in answer.message and "Wait until" in answer.fix
    assert any("VotePauses" in did for did in told.did)
    assert registered.requests.pending() is None


def test_request_whenTheRecorderDiesAfterSending_isSentOnceAndAnswered(registered: Stage) -> None:
    sent = registered.rpc.nonce(registered.address(RECORDER))
    name = registered.requests.put(REASON)

    def failpoint(point: str) -> None:
        if point == "request:sent":
            raise KeyboardInterrupt

    registered.recording._failpoint = failpoint
    with pytest.raises(KeyboardInterrupt):
        registered.recording.step()
    assert registered.requests.answered(name) is None
    registered.recording._failpoint = lambda point: None
    registered.recording.step()
    answer = registered.requests.answered(name)
    assert answer is not None and answer.vote == 1
    assert registered.rpc.nonce(registered.address(RECORDER)) == sent + 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"name":"x"}', b"x" * 5_000])
def test_requestThatCannotBeRead_isThrownAway_andTheRecorderGoesOn(registered: Stage, data: bytes) -> None:
    file = registered.folder / "recorder" / "rollback-request.json"
    file.write_bytes(data)
    with pytest.raises(LedgerCorrupt):
        registered.requests.pending()
    told = registered.recording.step()
    assert any("thrown away" in did for did in told.did)
    assert registered.view.votes == 0
    assert not file.exists()


def test_answerToAnotherRequest_isNotTaken(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    requests.put(REASON)
    first = requests.pending()
    assert first is not None and first.reason == REASON
    requests.answer(first, Answer(3))
    assert requests.answered(first.name) == Answer(3, "-", "-")
    assert requests.answered(requests.put(REASON)) is None
