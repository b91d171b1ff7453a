"""What a task asks of an account is found whatever the number of tasks, seats and batches around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from sqlalchemy.orm import Session

from dapp.chain import events as e
from dapp.chain.errors import HistoryIncomplete
from dapp.chain.events import Outcome, Payment, Place
from dapp.chain.seals import TaskKey
from dapp.chain.words import Phase
from dapp.index import Index
from dapp.index.parts import Part, of_account
from dapp.index.rows import Known, rows_of
from dapp.index.tables import LogEntry

ZERO = bytes(32)
WHO, OTHER = ("0x" + digit * 40 for digit in "12")
POOL, ELSEWHERE = b"\x01" * 32, b"\x02" * 32
KEY = TaskKey(
    OTHER, ZERO, ZERO, ZERO, POOL, 10**18, 10**16, 10**17, 800_000, 5, 3, 10, 3,
    100, 100, 100, 100, 100, 100, 0,
)  # fmt: skip
DRAWN_S, VOTED_S, OVER_S = 301, 405, 505  # of a task that was opened at 0 and drawn at 301
SEATS = {7: {OTHER: 0, WHO: 1}, 8: {OTHER: 0}}


@dataclass
class Told:
    """An index, told by hand what happened."""

    session: Session
    known: Known
    at: int = 1

    def __call__(self, make: type[e.Event], at_s: int = 0, **values: object) -> None:
        event = make(Place(1, self.at, "0x" + "00" * 32), **values)  # type: ignore[arg-type]
        self.session.add_all(rows_of(event, at_s, self.known))
        self.session.flush()
        self.at += 1

    def task(self, number: int, key: TaskKey = KEY, roster: int = 7, opens_ballot: bool = False) -> bytes:
        """A task with a model whose committee is drawn from a roster."""
        task = number.to_bytes(32, "big")
        self(e.TaskOpened, task=task, initiator=key.initiator, key=replace(key, salt=number))
        model = {"weights": ZERO, "manifest": ZERO, "size_bytes": 1, "claimed_ppm": 1}
        self(e.ModelOpened, task=task, contributor=OTHER, index=0, **model)
        self(e.DrawFixed, task=task, draw_block=1, roster=roster, pool_size=len(SEATS.get(roster, ())))
        self(e.ShardsShown, DRAWN_S, task=task, seed=2**64 - 1, committee=3, shards=())
        if opens_ballot:
            self(e.BallotSealed, task=task, verifier=WHO, seat=1, seal=ZERO)
            self(e.BallotOpened, task=task, verifier=WHO, scores=bytes(3))
        return task

    def of(self, now_s: int, account: str = WHO) -> list[Part]:
        return of_account(self.session, account, now_s, seats)


def seats(number: int, size: int) -> Mapping[str, int]:
    if number not in SEATS:
        raise HistoryIncomplete(f"roster {number} is gone")
    return SEATS[number]


@pytest.fixture
def told() -> Iterator[Told]:
    with Index.in_memory() as index, index.session() as session:
        made = Told(session, Known(session))
        joined = LogEntry(
            block=1, position=0, part=0, tx="0x", contract="Membership", name="Joined", topic0="0x",
            topic1="0x" + POOL.hex(), topic2="0x" + WHO[2:].rjust(64, "0"), data=b"",
        )  # fmt: skip
        session.add(joined)
        yield made


def brief(parts: list[Part]) -> list[tuple[int, str, Phase, str, bool | None]]:
    return [(part.number, part.role, part.phase, part.did, part.is_drawn) for part in parts]


def test_verifier_isAskedByTheOneTaskOfHundredsThatIsNotPaidYet(told: Told) -> None:
    for number in range(250):
        task = told.task(number, opens_ballot=True)
        if number != 3:
            told(e.Paid, task=task, payee=WHO, to=WHO, amount_wei=1)
    assert brief(told.of(OVER_S)) == [(3, "verifier", Phase.SETTLED, "opened", True)]
    assert len(told.of(VOTED_S)) == 250


def test_verifier_inEachPhase_isWhatEventsSay(told: Told) -> None:
    task = told.task(0)
    assert brief(told.of(DRAWN_S)) == [(0, "verifier", Phase.VOTE, "none", True)]
    told(e.BallotSealed, task=task, verifier=WHO, seat=1, seal=ZERO)
    assert brief(told.of(DRAWN_S)) == [(0, "verifier", Phase.VOTE, "sealed", True)]
    assert brief(told.of(VOTED_S)) == [(0, "verifier", Phase.BALLOT, "sealed", True)]
    assert told.of(OVER_S) == []  # never opened: nothing is owed
    told(e.BallotOpened, task=task, verifier=WHO, scores=bytes(3))
    assert brief(told.of(OVER_S)) == [(0, "verifier", Phase.SETTLED, "opened", True)]
    told(e.PaymentRefused, task=task, payee=WHO, amount_wei=1)
    assert len(told.of(OVER_S)) == 1
    told(e.PaidMany, task=task, payments=(Payment(WHO, 1),))
    assert told.of(OVER_S) == []


def test_verifier_whoseBallotCameInABatch_isFoundByItsSeat(told: Told) -> None:
    task = told.task(0)
    told(e.BallotsSealed, task=task, ballots=bytes(1) + b"\x01" + ZERO + bytes(2) + ZERO)
    assert brief(told.of(VOTED_S)) == [(0, "verifier", Phase.BALLOT, "sealed", True)]


def test_verifier_ofAnotherRosterOrPool_isNotAsked(told: Told) -> None:
    told.task(0, roster=8)
    told.task(1, replace(KEY, pool=ELSEWHERE))
    assert told.of(DRAWN_S) == []


def test_rosterThatCannotBeRead_isSaid_andTheOthersAreFound(told: Told) -> None:
    told.task(0, roster=9)
    told.task(1)
    unread, read = told.of(DRAWN_S)
    assert (unread.number, unread.unread) == (0, "roster 9 is gone")
    assert (read.number, read.unread, read.is_drawn) == (1, "", True)


def test_contributor_isAskedUntilPaidOrRejected(told: Told) -> None:
    tasks = [told.task(number, replace(KEY, initiator=WHO)) for number in range(3)]
    assert {part.role for part in told.of(DRAWN_S, OTHER)} == {"contributor"}
    won, lost = (Outcome(models, 1, 1, 1, 1, 1) for models in (1, 2))
    told(e.Settled, task=tasks[0], outcome=won)
    told(e.Settled, task=tasks[1], outcome=lost)
    assert [part.number for part in told.of(OVER_S, OTHER)] == [0, 2]
    told(e.Paid, task=tasks[0], payee=OTHER, to=OTHER, amount_wei=1)
    assert [part.number for part in told.of(OVER_S, OTHER)] == [2]
    assert [part.role for part in told.of(OVER_S, WHO)] == ["initiator"] * 3
