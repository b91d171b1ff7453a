"""Long work: so much at once, and nobody makes the server do more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dapp.gas.estimate import Plan
from dapp.index import Index, IndexFailed, catch_up, index
from dapp.web.desk import bills
from dapp.web.desk.bills import Bills
from dapp.web.turnstile import COME_AGAIN_S, TooBusy, Turnstile
from tests.dapp.web.conftest import Visit, crowded, visit_of
from tests.flow.world import World

LONG_S = 120.0


@contextmanager
def taken(turnstile: Turnstile, places: int) -> Iterator[None]:
    """So many places, by threads that hold them."""
    inside, over = threading.Barrier(places + 1), threading.Event()

    def hold() -> None:
        with turnstile.turn():
            inside.wait(LONG_S)
            over.wait(LONG_S)

    with ThreadPoolExecutor(places) as threads:
        for _ in range(places):
            threads.submit(hold)
        inside.wait(LONG_S)
        try:
            yield
        finally:
            over.set()


def test_turn_beyondThePlaces_isRefusedWhenNoneBecomesFree() -> None:
    turnstile = Turnstile(2, 1, wait_s=0.05)
    with taken(turnstile, 2), pytest.raises(TooBusy, match="became free"), turnstile.turn():
        pass
    with turnstile.turn():
        pass


def test_turn_beyondThoseWhoWait_isRefusedAtOnce() -> None:
    turnstile = Turnstile(1, 1, wait_s=LONG_S)

    def wait() -> bool:
        with turnstile.turn():
            return True

    with ThreadPoolExecutor(1) as thread:
        with taken(turnstile, 1):
            waiting = thread.submit(wait)
            while turnstile._inside._value:  # until it waits
                time.sleep(0.01)
            with pytest.raises(TooBusy, match="waits already"), turnstile.turn():
                pass
        assert waiting.result(LONG_S)


def test_turn_afterAFailureInside_isFreeAgain() -> None:
    turnstile = Turnstile(1, 0, wait_s=0)
    for _ in range(3):
        with pytest.raises(ValueError), turnstile.turn():
            raise ValueError
    with turnstile.turn():
        pass


def test_bills_ofOnePlanAskedForByMany_arePlayedOnce(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    original = bills.estimate
    monkeypatch.setattr(bills, "estimate", lambda plan: played.append(plan) or original(plan))
    known, plan = Bills(Turnstile(1, 8, LONG_S)), Plan(verifiers=1, models=1, shards=1, shards_drawn=1)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: known.of(plan), range(4)))
    assert played == [plan]
    assert all(bill is found[0] for bill in found)


def test_estimate_whileMuchIsAsked_saysWhenToComeAgain_andWhatIsKnownIsToldAnyway(visit: Visit) -> None:
    known = visit.client.get("/estimate.json?verifiers=1&models=1&shards_drawn=1")
    assert known.status_code == 200
    with crowded():
        refused = visit.client.get("/estimate.json?verifiers=2&models=1&shards_drawn=1")
        again = visit.client.get("/estimate.json?verifiers=1&models=1&shards_drawn=1")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, str(COME_AGAIN_S))
    assert refused.json()["error"]["code"] == "too-busy"
    assert again.json() == known.json()


def test_page_whenAllConnectionsOfTheIndexAreTaken_saysSo_andIsThereAgain(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open(verifiers=())
    monkeypatch.setitem(index.POOL, "pool_timeout", 0.05)
    with Index.of_file(tmp_path / "index.sqlite") as kept, ExitStack() as slow:
        visit = visit_of(world, tmp_path, kept)
        with visit.client:
            assert visit.page("/tasks.json")["known"] == 1
            for _ in range(index.POOL["pool_size"] + index.POOL["max_overflow"]):
                slow.enter_context(kept.session()).connection()
            world.open(verifiers=(), number=1)
            with pytest.raises(IndexFailed, match="all its connections are taken"):
                catch_up(visit.backend.chain, kept)
            for accept in ("application/json", "text/html"):
                answer = visit.client.get("/tasks", headers={"Accept": accept})
                assert answer.status_code == 503 and "connections are taken" in answer.text
            slow.close()
            assert visit.page("/tasks.json")["known"] == 2
