"""Nodes: what they refuse and say, what they sign once only, and how they go on without the recorder."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dapp.chain.ledger import RunView, compact, rollback_header
from dapp.chain.signer import Signer
from dapp.cli import signals
from dapp.journal import JournalFull
from dapp.ledger.client import Proposed, RecorderClient, RecorderState
from dapp.ledger.desk import Desk
from dapp.ledger.errors import LedgerFull
from dapp.ledger.node import Node
from dapp.ledger.queues import Kind, State
from dapp.ledger.server import RecorderServer
from ml.history.header import NONE
from ml.history.header import Kind as HeaderKind
from ml.history.monitor import Alarm
from tests.dapp.ledger.runs import NODES, RECORDER, STRANGER, Stage, accuracy_of

FEW = 3


@pytest.fixture
def proposed(stage: Stage) -> Stage:
    """Three epochs, mined and proposed; no node has looked yet."""
    for number in range(FEW):
        stage.trainer.epoch(500_000 + number)
    recorder = stage.recorder(mine=True)
    stage._recording = recorder
    recorder.hurry()
    recorder.step()
    return stage


@pytest.fixture
def registered(proposed: Stage) -> Stage:
    """The same, registered."""
    proposed.until_idle(*NODES)
    proposed.steps(*NODES)
    return proposed


def again(stage: Stage, index: int, **settings: object) -> Node:
    """The node, stopped and started again from its folder."""
    old = stage.nodes.pop(index)
    old.book.close()
    old._journal.close()
    return stage.node(index, **settings)


def signers(stage: Stage) -> int:
    return sum(len(stage.recording.queues.signatures(number)) for number in (1, 2))


# what it refuses


def test_step_onAClaimBeyondItsOwnData_refusesWithAReason(proposed: Stage) -> None:
    report = proposed.node(1, evaluate=accuracy_of).step()
    assert "entry 0 claims 50.00 %, this node finds 0.05 %" in report.refused[0]
    assert any("not signed, for entry 0" in refused for refused in report.refused)
    assert signers(proposed) == 0


def test_step_onALiar_isOutvotedByTheOthers_andFollowsTheChain(proposed: Stage) -> None:
    careful = proposed.node(1, evaluate=accuracy_of)
    proposed.until_idle(1, 2, 3)
    report = careful.step()
    assert report.registered == FEW
    assert [height for height, _ in careful.verdicts.refused()] == [0, 1, 2]


def test_step_ofAnEntryRefusedBefore_isCheckedAnewAfterARestart(proposed: Stage) -> None:
    proposed.node(1, evaluate=accuracy_of).step()
    report = again(proposed, 1).step()
    assert report.refused == ()
    assert report.did == ("attested entries 0 to 2",)


def test_step_withoutTheWeights_saysWhoWasAsked_andGoesOn(proposed: Stage, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (tmp_path / "store" / "blocks").rename(moved)
    (tmp_path / "store" / "blocks").mkdir()
    report = proposed.node(1).step()
    assert any("is nowhere: its own store does not hold it; the recorder" in wait for wait in report.waits)
    assert any("--peer names another store to ask" in wait for wait in report.waits)
    assert signers(proposed) == 0
    (tmp_path / "store" / "blocks").rmdir()
    moved.rename(tmp_path / "store" / "blocks")
    assert proposed.node(1).step().did == ("attested entries 0 to 2",)


def test_step_ofAStranger_followsAndSignsNothing(proposed: Stage) -> None:
    report = proposed.node(STRANGER).step()
    assert (report.entries, report.did) == (FEW, ())
    assert "is no node of this run" in report.waits[0]


def test_step_atAServerThatIsNotTheRecorders_takesNothing(proposed: Stage) -> None:
    forger = Signer.devnet(STRANGER)
    desk = Desk(
        proposed.recording.queues,
        proposed.ledger,
        lambda: proposed.view,
        lambda digest: compact(forger.sign_digest(digest)),
    )
    node = proposed.node(1)
    with RecorderServer(desk) as server:
        node._recorder = RecorderClient(server.url, proposed.run)
        report = node.step()
    assert (report.entries, report.did) == (0, ())
    assert "has not signed" in report.waits[0]


def test_step_onAnotherHeadForTheSameAttempt_refusesToSignTwice(proposed: Stage) -> None:
    """A recorder that lost its folder, and makes other batches of the same results."""
    proposed.node(1).step()
    proposed.recording.book.close()
    (proposed.folder / "recorder").rename(proposed.folder / "lost")
    other = proposed.recorder(mine=True, batch=1)
    other.step()
    proposed.node(1)._recorder = RecorderClient(
        proposed.closing.enter_context(RecorderServer(other.desk)).url, proposed.run
    )
    report = proposed.node(1).step()
    assert "another entry than the one that this node has signed" in report.refused[0]
    assert other.queues.signatures(1) == []


def test_step_onAnotherAttempt_signs_andTakesBackWhatIsReplaced(proposed: Stage) -> None:
    proposed.steps(1)
    proposed.recording.leave_out(1)
    proposed.recording.hurry()
    proposed.recording.step()
    assert proposed.recording.queues.proposal(Kind.ATTEST, NONE, 1) is not None
    assert proposed.node(1).step().did == ("attested entries 0 to 0",)
    restore = proposed.recording.restore_due()
    assert restore is not None
    assert (restore.vote, restore.row) == (None, 0)
    proposed.trainer.restore(restore)
    proposed.trainer.epoch(700_000)
    proposed.recording.step()
    assert proposed.node(1).step().did[0] == "took back entries from 1 on: the recorder made others"
    proposed.until_idle(1, 2)
    assert proposed.view.head == proposed.recording.book.at(1).id


# quorum


def test_run_withTooFewNodes_waitsAndSaysWhoIsMissing_andLosesNothing(proposed: Stage) -> None:
    proposed.steps(1)
    progress = proposed.recording.step()
    missing = {proposed.address(index) for index in (2, 3)}
    assert set(progress.missing) == missing
    assert any("1 of 2 signatures" in wait for wait in progress.waits)
    for _ in range(5):
        assert not proposed.recording.step().is_idle
    proposed.steps(2)
    assert proposed.recording.step().is_idle
    assert proposed.view.head == proposed.recording.book.at(2).id


def test_lateNode_takesInTheWholeHistory_rollbackIncluded(registered: Stage) -> None:
    registered.open_vote()
    registered.until(lambda: registered.recording.restore_due() is not None, 1, 2)
    restore = registered.recording.restore_due()
    assert restore is not None
    registered.trainer.restore(restore)
    registered.trainer.epoch(800_000)
    registered.until_idle(1, 2)
    late = registered.nodes.pop(3)
    late.book.close()
    late._journal.close()
    folder = registered.folder / "node-3"
    folder.rename(registered.folder / "node-3-lost")
    report = registered.node(3).step()
    assert (report.entries, report.registered, report.refused) == (FEW + 2, FEW + 2, ())
    assert list(registered.node(3).book.headers()) == list(registered.recording.book.headers())


def test_step_whileTheVoteIsCarried_waitsOneMoreLookBeforeItRefuses(
    registered: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder appends the rollback's entry between this node's look at the chain and its question."""
    node = registered.node(1)
    registered.open_vote()
    registered.recording.step()
    registered.steps(2, 3)
    ask = node._recorder.state

    def late() -> RecorderState:
        registered.recording.step()
        return ask()

    monkeypatch.setattr(node._recorder, "state", late)
    report = node.step()
    assert registered.recording.book.count == FEW + 1
    assert (report.entries, report.refused) == (FEW, ())
    report = node.step()
    assert (report.entries, report.registered, report.refused) == (FEW + 1, FEW + 1, ())


def test_step_atARollbackThatNoVoteMade_isRefusedAtTheSecondLook(registered: Stage) -> None:
    """The recorder signs an entry of its own making."""
    book = registered.recording.book
    assert book.head is not None
    book.append(rollback_header(book.head, book.at(0), book.history))
    assert registered.node(1).step().refused == ()
    for _ in range(2):
        report = registered.node(1).step()
        assert report.refused == (f"entry {FEW} goes back to entry 0, but no vote did",)


def test_mine_whenAnotherNodeWasFaster_saysNothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.trainer.epoch(500_000)
    stage.recording.step()
    first, second = stage.node(1), stage.node(2)
    hand_in = second._recorder.nonce

    def late(height: int, nonce: int) -> None:
        assert first.step().did == ("mined entry 0",)
        hand_in(height, nonce)

    monkeypatch.setattr(second._recorder, "nonce", late)
    report = second.step()
    assert stage.recording.book.count == 1
    assert (report.waits, report.refused) == ((), ())


# endorsing


def test_attest_whenTheServerRefuses_endorsesOnChain_ifAllowed(proposed: Stage) -> None:
    """The recorder's desk believes that nobody is a node; its daemon counts what the chain says."""
    proposed.recording.desk._view = lambda: _nobody(proposed)
    silent, paying = proposed.node(1), proposed.node(2, endorse=True)
    assert any("is no node of this run" in wait for wait in silent.step().waits)
    assert paying.step().did == ("endorsed it on chain instead", "attested entries 0 to 2")
    proposed.node(3, endorse=True).step()
    assert signers(proposed) == 0
    progress = proposed.recording.step()
    assert progress.is_idle
    assert proposed.view.head == proposed.recording.book.at(2).id


def _nobody(stage: Stage) -> RunView:
    return replace(stage.view, nodes=())


def test_vote_whenTheRecorderIsGone_isEndorsedOnChain_andCountsOnceItIsBack(registered: Stage) -> None:
    for index in NODES:
        again(registered, index, endorse=True)
    registered.server.stop()
    registered.open_vote()
    for index in (1, 2):
        report = registered.node(index).step()
        assert "does not answer" in report.waits[0]
        assert report.did[0] == "endorsed it on chain instead"
    registered.recording.step()
    assert registered.recording.restore_due() is not None
    assert registered.view.head == registered.recording.book.at(3).id
    assert registered.node(3).step().did[0].startswith("followed rollback vote 1")


# votes


def test_vote_ofANodeThatLiesAboutTheBest_carriesNothing(registered: Stage) -> None:
    registered.open_vote()
    registered.recording.step()
    book = registered.recording.book
    head, worst = book.at(2), book.at(0)
    entry = rollback_header(head, worst, book.history_at(3)).id
    digest = registered.ledger.rollback_vote(registered.run, head.id, worst.id, entry, 1)
    state = RecorderClient(registered.server.url, registered.run).state()
    assert state.vote is not None
    RecorderClient(registered.server.url, registered.run).vote(
        state.vote, worst.id, entry, registered.address(3), compact(Signer.devnet(3).sign_digest(digest))
    )
    registered.steps(1)
    registered.recording.step()
    assert registered.view.head == head.id  # one for the worst, one for the best: no quorum
    registered.steps(2)
    registered.recording.step()
    assert book.at(3).base == book.at(1).id


def test_vote_untilItEnds_holdsBackAttestations_thenTheRunGoesOn(registered: Stage) -> None:
    registered.open_vote()
    registered.trainer.epoch(900_000)
    registered.recording.hurry()
    registered.recording.step()
    registered.steps(1)
    assert registered.recording.queues.open_proposals(Kind.ATTEST) == []
    registered.clock.wait_until(registered.view.vote_ends_at_s + 1)
    progress = registered.recording.step()
    assert "rollback vote 1 ended without a majority" in progress.did
    registered.until_idle(*NODES)
    assert registered.view.head == registered.recording.book.at(3).id


def test_vote_askedTwice_namesTheSameTarget(registered: Stage) -> None:
    registered.open_vote()
    registered.node(1).step()
    first = registered.node(1)._journal.get(
        "vote", f"{registered.run.hex()}/1/{registered.recording.book.at(2).id.hex()}"
    )
    registered.recording.step()
    report = again(registered, 1).step()
    assert report.did[0].startswith("named entry 1")
    assert first == {"target": registered.recording.book.at(1).id.hex()}
    assert again(registered, 1).step().did == ()  # the server has it


def test_alarm_ofTheMonitor_opensAVote_afterWhatWasRecordedIsRegistered(registered: Stage) -> None:
    registered.trainer.epoch(100_000)
    registered.trainer.results.put_alarm(Alarm("accuracy-collapse", 4, {"accuracy": 0.1}))
    registered.until(lambda: registered.recording.restore_due() is not None, *NODES)
    restore = registered.recording.restore_due()
    assert restore is not None
    assert (restore.row, registered.view.votes) == (2, 1)
    assert registered.recording.queues.count(State.REGISTERED) == FEW + 2
    registered.trainer.epoch(90_000)  # before it hears of it
    registered.trainer.results.put_alarm(Alarm("accuracy-collapse", 5, {"accuracy": 0.09}))
    registered.recording.step()
    registered.trainer.restore(restore)
    registered.trainer.epoch(910_000)
    registered.until_idle(*NODES)
    assert registered.view.votes == 1
    assert registered.recording.queues.count(State.DROPPED) == 1


# signing once


def test_attest_journalsBeforeItSigns(proposed: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    node = proposed.node(1)
    seen: list[object] = []
    sign = node._sign

    def watched(digest: bytes) -> bytes:
        seen.append(node._journal.get("attestation", f"{proposed.run.hex()}/{NONE.hex()}/0"))
        return sign(digest)

    monkeypatch.setattr(node, "_sign", watched)
    node.step()
    assert seen == [{"head": proposed.recording.book.at(2).id.hex()}]


def test_attest_ofSomethingThatDoesNotFollowTheHead_isNotSigned(registered: Stage) -> None:
    node = registered.node(1)
    node._log = {"did": [], "refused": [], "waits": []}
    stale = Proposed(NONE, registered.recording.book.at(1).id, 0)
    node._attest(stale, registered.view)
    assert node._log["did"] == []
    assert registered.rpc.nonce(registered.address(RECORDER)) > 0


def test_attest_onAFullDisk_signsNothing_andDoesSoLater(proposed: Stage) -> None:
    node = proposed.node(1)
    journal = node._journal._database
    journal.run("PRAGMA query_only=1")
    with pytest.raises(JournalFull):
        node.step()
    assert signers(proposed) == 0
    journal.run("PRAGMA query_only=0")
    assert node.step().did == ("attested entries 0 to 2",)


def test_fetch_onAFullDisk_keepsWholeEntriesOnly(stage: Stage) -> None:
    for number in range(40):
        stage.trainer.epoch(500_000 + number)
    recorder = stage.recorder(mine=True)
    stage._recording = recorder
    recorder.step()
    node = stage.node(1)
    ((pages,),) = node.book.database.run("PRAGMA page_count")
    node.book.database.run(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerFull, match="full"):
        node.step()
    assert node.book.count == 0
    node.book.database.run("PRAGMA max_page_count = 100000")
    assert node.step().entries == 40


# ends


def test_run_ofANode_endsOnSigterm_evenWhileARecorderKeepsItWaiting(stage: Stage) -> None:
    """A child process whose recorder's server accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = stage.node(1)
        node._recorder = RecorderClient(f"http://127.0.0.1:{silent.getsockname()[1]}", stage.run)
        child = os.fork()
        if child == 0:
            code = 9
            try:
                signals.listen()
                node.run(threading.Event(), lambda report: None)
            except signals.EndedBySignal:
                code = 0
            finally:
                os._exit(code)
        silent.settimeout(20)
        connection, _ = silent.accept()
        with connection:
            started = time.monotonic()
            os.kill(child, signal.SIGTERM)
            _, status = os.waitpid(child, 0)
            assert (status, time.monotonic() - started < 5) == (0, True)


def test_vote_forAWish_isFollowedByThoseThatGoAlong(registered: Stage) -> None:
    book = registered.recording.book
    for index in NODES:
        again(registered, index, follow=index != NODES[-1])
    registered.open_vote(wish=book.at(0).id)
    registered.until(lambda: registered.view.head == book.at(book.count - 1).id and book.count == 4, *NODES)
    assert (book.at(3).kind, book.at(3).base) == (HeaderKind.ROLLBACK, book.at(0).id)


def test_vote_forAWishThatIsNoEarlierEpoch_namesTheBest(registered: Stage) -> None:
    book = registered.recording.book
    for index in NODES:
        again(registered, index, follow=True)
    registered.open_vote(wish=book.at(2).id)  # the head itself
    registered.until(lambda: book.count == 4, *NODES)
    assert book.at(3).base == book.at(1).id
