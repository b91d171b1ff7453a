"""What is due is told once, through failures and restarts, for as long as it is due and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from dapp.chain.client import Chain
from dapp.chain.words import Phase
from dapp.config import Settings
from dapp.index import Index
from dapp.index.tables import LogEntry
from dapp.stages import vote
from dapp.web import WebSettings, create_app
from dapp.web.backend import Backend
from dapp.web.reminders.follow import Reminders
from dapp.web.reminders.sent import RemindersBusy
from dapp.web.reminders.settings import ReminderSettings
from dapp.web.reminders.webhook import BODY_BYTES
from tests.dapp.web.conftest import BASE
from tests.dapp.web.reminders.hooks import Hook, hook
from tests.flow.world import INITIATOR, VERIFIERS, World, new_world

SCORES = (900_000, 800_000, 100_000)
LONG_S = 120.0


@dataclass
class Bell:
    """Reminders of one verifier and the initiator, looked at by hand."""

    world: World
    backend: Backend
    reminders: Reminders
    hook: Hook
    now: list[float] = field(default_factory=lambda: [0.0])

    def ring(self) -> list[tuple[str, str]]:
        """What is told when the chain was read anew: deeds and moments."""
        before = len(self.hook.asked)
        self.backend.refresh()
        self.reminders.look()
        return [(each["deed"], each["moment"]) for each in self.hook.told[before:]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with new_world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="module")
def voting(world: World) -> bytes:
    """A task whose committee votes; the last test brings it to its end."""
    task = world.open(vote_s=600, ballot_s=600)
    world.submit(task)
    world.draw(task)
    return task


@pytest.fixture
def new_bell(world: World, voting: bytes, tmp_path: Path) -> Iterator[Callable[..., Bell]]:
    """Each call is a restart: only what is on the disk stays."""
    with hook() as listening:
        bells: list[Bell] = []

        def make(verifier: int = VERIFIERS[0]) -> Bell:
            for bell in bells:
                bell.reminders.close()
            backend = Backend(Chain(world.rpc, world.deployment), Index.in_memory(), world.store)
            accounts = tuple(world.person(n).chain.address for n in (verifier, INITIATOR))
            reminders = Reminders.open(
                backend, ReminderSettings(listening.url, accounts, 3_600), tmp_path, "http://127.0.0.1:8600"
            )
            bells.append(Bell(world, backend, reminders, listening))
            reminders.clock = lambda bell=bells[-1]: bell.now[0]  # type: ignore[misc]
            return bells[-1]

        yield make
        bells[-1].reminders.close()


def test_reminder_saysWhatIsDueAndWhere_inFewBytes(new_bell: Callable[..., Bell], voting: bytes) -> None:
    bell = new_bell()
    bell.ring()
    [told], [(_, headers, body)] = bell.hook.told, bell.hook.asked
    view, who = bell.world.view(voting), bell.world.person(VERIFIERS[0]).chain.address
    ends_at_s = view.ends_at_s(Phase.VOTE)
    assert ends_at_s is not None
    assert told["account"] == who and told["task"] == "0x" + voting.hex()
    assert (told["phase"], told["until_s"], told["since_s"]) == ("vote", ends_at_s, ends_at_s - 600)
    assert told["page"] == f"http://127.0.0.1:8600/desk/0x{voting.hex()}?account={who}"
    assert told["text"].startswith(f"Evaluate, and seal your ballot of task 0x{voting.hex()[:8]}… before 2")
    assert headers["Idempotency-Key"] == told["id"]
    assert len(body) < 1_000 < BODY_BYTES


def test_reminders_afterARestart_areNotToldAgain(new_bell: Callable[..., Bell], voting: bytes) -> None:
    assert len(new_bell().ring()) == 1
    assert new_bell().ring() == []


def test_reminders_whileTheWebhookFails_areTriedAgainAfterGrowingPauses(
    new_bell: Callable[..., Bell], voting: bytes
) -> None:
    bell = new_bell()
    bell.hook.answers = [500]
    tried = []
    for second in (0, 4, 5, 14, 15, 34, 35, 74, 75):
        bell.now[0] = float(second)
        if bell.ring():
            tried.append(second)
    assert tried == [0, 5, 15, 35, 75]
    bell.hook.answers = [200]
    bell.now[0] = 155.0
    assert bell.ring() == [("seal-ballot", "due")]
    assert bell.ring() == []
    assert len({each["id"] for each in bell.hook.told}) == 1


def test_reminders_thatFailed_areToldAfterARestart(new_bell: Callable[..., Bell], voting: bytes) -> None:
    bell = new_bell()
    bell.hook.answers = [503]
    bell.ring()
    bell.hook.answers = [200]
    assert new_bell().ring() == [("seal-ballot", "due")]


def test_reminders_ofWhatIsNoLongerDue_areNotTriedAgain(new_bell: Callable[..., Bell], voting: bytes) -> None:
    bell = new_bell(VERIFIERS[1])
    bell.hook.answers = [500, 200]
    assert bell.ring() == [("seal-ballot", "due")]
    vote.seal(bell.world.person(VERIFIERS[1]), voting, SCORES)
    bell.now[0] = 1_000.0
    assert bell.ring() == []


def test_reminders_ofOneDataDirectory_areSentByOneServer(
    new_bell: Callable[..., Bell], voting: bytes, tmp_path: Path
) -> None:
    bell = new_bell()
    with pytest.raises(RemindersBusy):
        Reminders.open(bell.backend, bell.reminders.settings, tmp_path, "")


@pytest.fixture
def two_draws(tmp_path: Path) -> Iterator[tuple[World, bytes, bytes]]:
    """Two tasks whose initiator has to draw."""
    with new_world(tmp_path / "world") as made:
        tasks = made.open(draw_s=36_000), made.open(draw_s=36_000, submit_s=3_600, number=1, verifiers=())
        for task in tasks:
            made.submit(task)
        yield made, *tasks


def test_attack_50_taskThatCannotBeRead_keepsNoOtherReminderBack(
    two_draws: tuple[World, bytes, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world, broken, whole = two_draws
    backend = Backend(Chain(world.rpc, world.deployment), Index.in_memory(), world.store)
    backend.refresh()
    with backend.index.session() as session, session.begin():
        row = LogEntry.topic1 == f"0x{broken.hex()}", LogEntry.name == "ModelOpened"
        session.execute(update(LogEntry).where(*row).values(data=b""))
    with hook() as listening:
        accounts = (world.person(INITIATOR).chain.address,)
        settings = ReminderSettings(listening.url, accounts, 3_600)
        reminders = Reminders.open(backend, settings, tmp_path, "http://127.0.0.1:8600")
        for _ in range(3):
            reminders.look()
        reminders.close()
        assert [(each["task"], each["deed"]) for each in listening.told] == [(f"0x{whole.hex()}", "draw")]
    assert sum(f"0x{broken.hex()}" in said for said in caplog.messages) == 1


@contextmanager
def served(world: World, folder: Path, url: str) -> Iterator[None]:
    backend = Backend(Chain(world.rpc, world.deployment), Index.in_memory(), world.store)
    reminders = ReminderSettings(url, (world.person(VERIFIERS[0]).chain.address,), 3_600)
    web = WebSettings(Settings(data_dir=folder), poll_s=0.05, reminders=reminders)
    with TestClient(create_app(web, backend), base_url=BASE):
        yield


def test_server_withReminders_tellsThem(world: World, voting: bytes, tmp_path: Path) -> None:
    with hook() as listening, served(world, tmp_path, listening.url):
        until = time.monotonic() + LONG_S
        while not listening.asked and time.monotonic() < until:
            time.sleep(0.02)
        assert [each["deed"] for each in listening.told] == ["seal-ballot"]


def test_reminders_ofAVerifier_areToldOnceEach(new_bell: Callable[..., Bell], voting: bytes) -> None:
    bell = new_bell()
    assert bell.ring() == [("seal-ballot", "due")]
    assert bell.ring() == []
    world, ends_at_s = bell.world, bell.world.view(voting).ends_at_s(Phase.VOTE)
    assert ends_at_s is not None
    world.clock.wait_until(ends_at_s - 150)  # a quarter of its window
    assert bell.ring() == [("seal-ballot", "closing")]
    assert bell.ring() == []
    vote.seal(world.person(VERIFIERS[0]), voting, SCORES)
    world.pass_phase(voting, Phase.VOTE)
    assert bell.ring() == [("open-ballot", "due")]
    vote.open_ballot(world.person(VERIFIERS[0]), voting)
    assert bell.ring() == []
    world.pass_phase(voting, Phase.BALLOT)
    assert bell.ring() == [("withdraw", "due")] * 2  # the fee, and what is left of the reward
    assert bell.ring() == []
