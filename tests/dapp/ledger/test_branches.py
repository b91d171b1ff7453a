"""Branches of a training: which one stands on the ledger, and how it goes back to the right one."""

from __future__ import annotations

import pytest

from dapp.cli.output import Output
from dapp.cli.verbs.record import Teller
from dapp.ledger.queues import State
from dapp.ledger.recording import Progress
from ml.canonical import sha256
from ml.history import Recorder
from ml.history.header import Kind
from ml.history.monitor import Alarm
from ml.history.tensors import weights_file
from tests.dapp.ledger.runs import NODES, Stage
from tests.ml.history.training import Setup, recorder, setup, train

pytestmark = pytest.mark.heavy

EPOCHS, TARGET = 6, 3  # the target is a row, of step 4


def on_ledger(stage: Stage) -> list[int | None]:
    """Rows whose epochs are registered."""
    found = stage.recording.queues.entries(State.REGISTERED)
    return [entry.row for entry in found if entry.row is not None]


def vote_for(stage: Stage, row: int) -> None:
    """The nodes decide for the epoch of a row, which is also its height."""
    stage.open_vote(wish=stage.recording.book.at(row).id)
    decided = stage.view.votes
    stage.until(lambda: stage.recording.book.is_carried(decided), *NODES)


def uninterrupted(stage: Stage, epochs: int) -> Setup:
    """The same training, never taken back."""
    made = setup("adam")
    with recorder(made, stage.folder / "reference") as run:
        train(made, run, epochs)
    return made


def began(stage: Stage, made: Setup, run: Recorder) -> None:
    """Six epochs in everybody's book; the nodes go along with wishes."""
    for index in NODES:
        stage.node(index, follow=True)
    train(made, run, EPOCHS)
    run.flush()
    stage.until_idle(*NODES)


def test_restoreByRow_ofAStepRecordedTwice_goesOnBitForBitOnTheLedger(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    made = setup("adam")
    with recorder(made, stage.folder / "training") as run:
        began(stage, made, run)
        run.restore(2)  # by itself, to something else than the nodes will name
        for group in made.optimizer.param_groups:
            group["lr"] /= 2
        train(made, run, EPOCHS)
        run.flush()
        stage.recording.step()
        vote_for(stage, TARGET)
        restore = stage.recording.restore_due()
        assert restore is not None and (restore.row, restore.step) == (TARGET, TARGET + 1)

        Teller(Output(as_json=False, quiet=False)).tell(Progress({}, restore=restore))
        assert f"`run.restore(row={TARGET})`" in capsys.readouterr().err
        run.restore(restore.step)  # the latest of that step is another row
        train(made, run, restore.step + 1)
        run.flush()
        told = stage.recording.step()
        assert told.restore == restore
        assert f"goes on from row 7, not from row {TARGET}" in told.did[0]
        assert f"`run.restore(row={TARGET})`" in told.did[0]

        run.restore(row=restore.row)
        train(made, run, EPOCHS + 2)
        run.flush()
        stage.until_idle(*NODES)
    same = uninterrupted(stage, EPOCHS + 2)
    assert made.bytes() == same.bytes()
    book = stage.recording.book
    assert book.head is not None
    assert book.head.weights == sha256(weights_file(dict(same.model.state_dict())))
    assert stage.view.head == book.head_id
    assert book.at(EPOCHS + 1).base == book.at(TARGET).id


def test_restoreByStep_toTheSameCheckpointInAnotherRow_isTaken(stage: Stage) -> None:
    """Trained again from the same checkpoint, bit for bit: another row, the same pack."""
    made = setup("adam")
    with recorder(made, stage.folder / "training") as run:
        began(stage, made, run)
        run.restore(2)
        train(made, run, TARGET + 1)
        run.flush()
        stage.recording.step()
        vote_for(stage, TARGET)
        restored = run.restore(TARGET + 1)
        assert restored == run.results.at(7)
        assert restored.pack == run.results.at(TARGET).pack
        train(made, run, EPOCHS)
        run.flush()
        stage.until_idle(*NODES)
    assert stage.recording.restore_due() is None
    assert on_ledger(stage)[-2:] == [8, 9]
    assert stage.recording.book.at(EPOCHS + 1).base == stage.recording.book.at(TARGET).id


def test_trainingThatWentBackBeforeItWasRecorded_isOnTheLedgerWithoutWhatItLeft(stage: Stage) -> None:
    made = setup("adam")
    with recorder(made, stage.folder / "training") as run:
        train(made, run, EPOCHS)
        run.results.put_alarm(Alarm("loss-spike", EPOCHS, {"loss": 9.0}, EPOCHS - 1))
        run.results.put_alarm(Alarm("nan", EPOCHS + 1, {"loss": float("nan")}, EPOCHS - 1))
        run.restore(2)
        train(made, run, 5)
        run.flush()
        stage.until_idle(*NODES)
        assert on_ledger(stage) == [0, 1, 6, 7, 8]
        book = stage.recording.book
        assert [header.step for header in book.headers()] == [1, 2, 3, 4, 5]
        assert [header.kind for header in book.headers()] == [Kind.EPOCH] * 5
        assert stage.recording.restore_due() is None
        assert stage.view.votes == 0  # the alarms were of what the training has left
        train(made, run, EPOCHS)
        run.results.put_alarm(Alarm("loss-spike", EPOCHS, {"loss": 9.0}, 9))
        run.flush()
        stage.until(lambda: stage.view.votes == 1, *NODES)


def test_trainingThatGoesBackBeforeAnythingWasAnnounced_isFollowed(stage: Stage) -> None:
    """No node has searched a nonce yet: nothing but what the training has left is dropped."""
    for number in range(5):
        stage.trainer.epoch(500_000 + number)
    stage.recording.step()
    assert stage.recording.queues.count(State.DRAFTED) == 1
    stage.trainer.row = 1
    stage.trainer.epoch(600_000)
    told = stage.recording.step()
    assert told.did == ("the training went back to row 1: what was recorded since is left out",)
    stage.until_idle(*NODES)
    assert on_ledger(stage) == [0, 1, 5]


def test_trainingThatGoesBackBehindWhatWasAnnounced_leavesItOutWhenToldSo(stage: Stage) -> None:
    for number in range(4):
        stage.trainer.epoch(500_000 + number)
    stage._recording = stage.recorder(mine=True)
    stage.recording.step()
    assert stage.recording.queues.count(State.PROPOSED) == 3
    stage.trainer.row = 1
    for number in range(2):
        stage.trainer.epoch(600_000 + number)
    told = stage.recording.step()
    assert "`run.restore(row=3)` mends that" in told.did[0] and "--leave-out 2" in told.did[0]
    assert told.restore is not None
    stage.trainer.epoch(700_000)
    assert stage.recording.step().did == ()  # it is said once
    stage.recording.leave_out(2)
    stage.until_idle(*NODES)
    assert on_ledger(stage) == [0, 1, 4, 5, 6]
    assert stage.recording.restore_due() is None


def test_trainingThatGoesBackBehindTheHead_isNotToldToLeaveItOut(stage: Stage) -> None:
    for number in range(3):
        stage.trainer.epoch(500_000 + number)
    stage.until_idle(*NODES)
    stage.trainer.row = 0
    stage.trainer.epoch(600_000)
    told = stage.recording.step()
    assert "`run.restore(row=2)`" in told.did[0] and "--leave-out" not in told.did[0]
    stage.until_idle(*NODES)
    assert on_ledger(stage) == [0, 1, 2]
