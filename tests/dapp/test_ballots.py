"""What opens a ballot is never thrown away, whatever is decided, changed, sealed or brought back."""

from __future__ import annotations

import pytest

from dapp import ballots
from dapp.ballots import Decided
from dapp.chain.seals import Board
from dapp.journal import Journal

BOARD = Board(31337, "0x" + "11" * 20)
TASK, VERIFIER = b"\x07" * 32, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FIRST, SECOND, THIRD = (Decided(bytes([n, 0, 0]), bytes([n]) * 16) for n in (1, 2, 3))


@pytest.fixture
def journal() -> Journal:
    return Journal.in_memory()


def test_decide_again_keepsTheOneBefore(journal: Journal) -> None:
    for ballot in (FIRST, SECOND, THIRD, FIRST):
        ballots.decide(journal, TASK, ballot)
    assert ballots.decided(journal, TASK) == (FIRST, THIRD, SECOND)


def test_opening_findsWhicheverWasSealed(journal: Journal) -> None:
    ballots.decide(journal, TASK, FIRST)
    ballots.decide(journal, TASK, SECOND)
    for ballot in (FIRST, SECOND):
        sealed = ballot.seal(BOARD, TASK, VERIFIER)
        assert ballots.opening(ballots.decided(journal, TASK), BOARD, TASK, VERIFIER, sealed) == ballot
    unknown = THIRD.seal(BOARD, TASK, VERIFIER)
    assert ballots.opening(ballots.decided(journal, TASK), BOARD, TASK, VERIFIER, unknown) is None


def test_keep_doesNotChangeWhatIsToBeSealed(journal: Journal) -> None:
    ballots.decide(journal, TASK, FIRST)
    ballots.keep(journal, TASK, SECOND)
    ballots.keep(journal, TASK, SECOND)
    assert ballots.decided(journal, TASK) == (FIRST, SECOND)


def test_decided_recordOfEarlierVersions_isRead(journal: Journal) -> None:
    journal.put("ballot", TASK.hex(), {"scores": "0f4240", "salt": "ab" * 16})
    assert ballots.decided(journal, TASK)[0].scores_ppm == (1_000_000,)


@pytest.mark.parametrize("damage", [{"scores": "0f42"}, {"salt": "ab"}, {"salt": "xy"}])
def test_decided_damagedRecord_isRefused(journal: Journal, damage: dict[str, str]) -> None:
    journal.put("ballot", TASK.hex(), FIRST.to_json() | damage)
    with pytest.raises(ValueError):
        ballots.decided(journal, TASK)
