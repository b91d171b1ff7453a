"""A run from its first epoch to a rollback and beyond: one recorder, three nodes, a real chain."""

from __future__ import annotations

from ml.history.header import Kind
from tests.dapp.ledger.runs import NODES, RECORDER, Stage


def test_run_tenEpochsARollbackAndThreeMore(stage: Stage) -> None:
    sent = {index: stage.rpc.nonce(stage.address(index)) for index in (RECORDER, *NODES)}
    for number in range(10):
        stage.trainer.epoch(900_000 if number == 6 else 500_000 + number)
    stage.until_idle(*NODES)
    book = stage.recording.book
    assert stage.view.head == book.at(9).id
    assert all(header.works(4) for header in book.headers())

    stage.open_vote(reason="loss-spike")
    stage.until(lambda: stage.recording.restore_due() is not None, *NODES)
    restore = stage.recording.restore_due()
    assert restore is not None
    assert (restore.vote, restore.row, restore.step) == (1, 6, 7)
    assert stage.view.head == book.at(10).id
    assert (book.at(10).kind, book.at(10).base) == (Kind.ROLLBACK, book.at(6).id)

    stage.trainer.restore(restore)
    for number in range(3):
        stage.trainer.epoch(910_000 + number)
    stage.until_idle(*NODES)
    stage.steps(*NODES)
    assert stage.recording.restore_due() is None
    assert stage.view.head == book.at(13).id
    assert book.at(11).base == book.at(6).id
    for index in NODES:
        node = stage.node(index)
        assert list(node.book.headers()) == list(book.headers())
        assert node.book.registered() == book.registered()
        assert node.verdicts.refused() == []
    now = {index: stage.rpc.nonce(stage.address(index)) - sent[index] for index in sent}
    assert now == {RECORDER: 4 + 1 + 1 + 1, **dict.fromkeys(NODES, 0)}
