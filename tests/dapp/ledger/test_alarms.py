"""Whether a rollback that another node asks for has a cause that a node sees for itself."""

from __future__ import annotations

import pytest

from dapp.chain import events
from dapp.chain.client import Chain
from dapp.ledger.alarms import RECENT, cause_of
from tests.dapp.ledger.logs import book_of
from tests.dapp.ledger.runs import NODES, Stage


def test_vote_ofANodeWithoutACause_isAnsweredByNobodyElse(stage: Stage) -> None:
    for number in range(6):
        stage.trainer.epoch(500_000 + number)
    stage.until_idle(*NODES)
    head = stage.view.head
    stage.open_vote(1)
    for _ in range(3):
        stage.recording.step()
        reports = stage.steps(*NODES)
    assert stage.view.head == head
    assert reports[1].waits == ()  # its own call it answers
    for index in NODES[1:]:
        assert "asks for a rollback (vote 1); this node's monitor sees no cause" in reports[index].waits[0]


def test_vote_thatIsNotAnswered_isReadFromTheChainOnce(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        stage.trainer.epoch(500_000 + number)
    stage.until_idle(*NODES)
    stage.open_vote(1)
    firsts: list[int | None] = []
    of_run = events.of_run

    def counted(chain: Chain, run: bytes, first: int | None = None) -> list[events.RunEvent]:
        firsts.append(first)
        return of_run(chain, run, first)

    monkeypatch.setattr(events, "of_run", counted)
    for _ in range(3):
        assert "sees no cause" in stage.steps(2)[2].waits[0]
    assert len(firsts) == 1 and firsts[0] is not None and firsts[0] > stage.chain(2).first_block


def test_vote_ofANodeAfterACollapse_isAnsweredByAll(stage: Stage) -> None:
    for number in range(6):
        stage.trainer.epoch(900_000 if number < 5 else 100_000)
    stage.until_idle(*NODES)
    stage.open_vote(1, "accuracy-collapse")
    stage.until(lambda: stage.recording.restore_due() is not None, *NODES)
    assert stage.recording.book.at(6).base == stage.recording.book.at(4).id


def test_causeOf_anAlarmLongAgo_isNone() -> None:
    accuracies = [900_000] * 5 + [100_000] + [900_000] * RECENT
    book = book_of(len(accuracies), accuracies)
    head = book.head
    assert head is not None
    assert cause_of(book, head) is None
    earlier = book.at(20)
    found = cause_of(book, earlier)
    assert found is not None and found.reason == "accuracy-collapse"
