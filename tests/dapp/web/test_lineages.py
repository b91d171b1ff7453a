"""Lineages, heads compared, and badges as pages, over a round that taught classes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from dapp.chain.lineage import Kind
from dapp.evaluator import Telling
from dapp.stages import badges, extend, verify
from dapp.store import Store
from dapp.web.turnstile import AT_ONCE, WORK
from tests.dapp.web.conftest import Visit, visit_of
from tests.flow.lineages import begin
from tests.flow.world import STRANGER, new_world

LONG_S = 120.0


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visit, str, str, str]]:
    """A lineage whose head 1 knows two classes more, taught by contributor 1, who has its badges."""
    folder = tmp_path_factory.mktemp("taught")
    with new_world(folder) as world:
        life = begin(world, samples_used=400)
        of = life.open(Kind.EXTEND, range(5))
        life.submit(of, {1: life.grow(1, of, (3, 4))})
        world.draw(of)
        world.vote(of)
        extend.extend(world.person(STRANGER), of)
        life.pass_challenge()
        teacher = world.person(1).chain.address
        badges.claim(world.person(STRANGER), teacher)
        visit = visit_of(world, folder)
        with visit.client:
            yield visit, "0x" + life.lineage.hex(), "0x" + of.hex(), teacher


def test_lineages_listThePresentHead(taught: tuple[Visit, str, str, str]) -> None:
    visit, lineage, _, _ = taught
    line = visit.page("/lineages.json")["lineages"][0]
    assert (line["lineage"], line["name"], line["head"], line["classes"]) == (
        lineage,
        "digits for life",
        1,
        5,
    )
    assert f'href="/lineages/{lineage}"' in visit.html("/lineages")


def test_lineage_tellsHeadsClassesAndTeachers(taught: tuple[Visit, str, str, str]) -> None:
    visit, lineage, task, teacher = taught
    page = visit.page(f"/lineages/{lineage}.json")
    assert [(head["number"], head["state"]) for head in page["heads"]] == [(0, "past"), (1, "present")]
    assert [each["name"] for each in page["classes"]] == ["0", "1", "2", "3", "4"]
    assert page["teachers"][teacher] == ["3", "4"]
    assert page["rounds"] == [{"task": task, "kind": "extend", "head": 0}]
    shown = visit.html(f"/lineages/{lineage}")
    assert "Class registry" in shown and '<svg class="chart plot"' in shown


def test_headDiff_provesThatOldTensorsAreFrozen(taught: tuple[Visit, str, str, str]) -> None:
    visit, lineage, _, _ = taught
    page = visit.page(f"/lineages/{lineage}/diff.json?a=0&b=1")
    heads = visit.page(f"/lineages/{lineage}.json")["heads"]
    states = [tensor["state"] for tensor in page["found"]["tensors"]]
    assert page["found"]["changed"] == page["found"]["gone"] == 0
    assert states.count("frozen") == heads[0]["tensor_count"]
    assert states.count("new") == heads[1]["tensor_count"] - heads[0]["tensor_count"] > 0
    assert all(tensor["leaf"] for tensor in page["found"]["tensors"])
    assert "Proof of what is frozen" in visit.html(f"/lineages/{lineage}/diff?a=0&b=1")
    visit.html(f"/lineages/{lineage}/diff?a=0&b=7", status=404)


@dataclass
class Slow:
    """A store that gives nothing before it may."""

    store: Store
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    may: threading.Event = field(default_factory=threading.Event)

    def put(self, data: bytes) -> str:
        return self.store.put(data)

    def has(self, cid: str) -> bool:
        return self.store.has(cid)

    def get(self, cid: str, max_bytes: int) -> bytes:
        self.asked.release()
        assert self.may.wait(LONG_S)
        return self.store.get(cid, max_bytes)


def test_attack_41_headsOfASlowStore_takeNoPlaceForWork(
    taught: tuple[Visit, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, lineage, _, _ = taught
    slow = Slow(visit.backend.store)
    monkeypatch.setattr(visit.backend, "store", slow)
    path = f"/lineages/{lineage}/diff.json?a=0&b=1"
    with ThreadPoolExecutor(AT_ONCE) as people:
        pages = [people.submit(visit.client.get, path) for _ in range(AT_ONCE)]
        try:
            assert all(slow.asked.acquire(timeout=LONG_S) for _ in pages)
            with WORK.turn():
                assert not any(page.done() for page in pages)
        finally:
            slow.may.set()
        assert [page.result(LONG_S).status_code for page in pages] == [200] * AT_ONCE


def test_task_thatIsARound_showsTheHeadAsBaseline(taught: tuple[Visit, str, str, str]) -> None:
    visit, lineage, task, _ = taught
    page = visit.page(f"/tasks/{task}.json")
    [head], [model] = page["baselines"], page["models"]
    assert page["round"]["lineage"] == lineage
    assert head["name"] == "Head 0" and head["score_ppm"] > 0
    assert model["likelihood_ppm"] == 2 * (model["score_ppm"] - 500_000)
    shown = visit.html(f"/tasks/{task}")
    assert shown.count("Head 0") >= 3 and "likelihood of each model, beside Head 0" in shown
    assert {"RoundOpened", "Declared", "HeadAdvanced"} <= {event["event"] for event in page["events"]}


def test_evaluation_ofARound_tellsEachModelClassByClass(
    taught: tuple[Visit, str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    visit, _, task, _ = taught
    labels = len(visit.page(f"/tasks/{task}.json")["spec"]["labels"])
    found = verify.verify(visit.world.person(STRANGER), bytes.fromhex(task[2:]), Telling(labels, {}))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [scored] = [each for each in told if each["kind"] == "scored"]
    [counts] = [each["of"] for each in told if each["kind"] == "samples"][:1]
    assert scored["score_ppm"] == found.scores_ppm[0]
    assert sum(map(sum, scored["confusion"])) == counts == found.samples
    right = [row[label] / max(1, sum(row)) for label, row in enumerate(scored["confusion"])]
    assert min(right[3:5]) > 0.5  # what it was taught
    verify.verify(visit.world.person(STRANGER), bytes.fromhex(task[2:]), Telling(labels, {0: 1}))
    assert '"scored"' not in capsys.readouterr().out


def test_account_showsBadges_asPicturesAndNothingElse(taught: tuple[Visit, str, str, str]) -> None:
    visit, _, task, teacher = taught
    page = visit.page(f"/accounts/{teacher.lower()}.json")
    assert page["account"] == teacher
    assert {badge["kind"] for badge in page["badges"]} >= {"part", "accepted", "teacher"}
    assert {badge["task"] for badge in page["badges"]} == {task}
    assert page["reputation"] == sum(badge["points"] for badge in page["badges"])
    shown = visit.html(f"/accounts/{teacher}")
    assert shown.count('<img src="data:image/svg+xml;base64,') == len(page["badges"])
    assert "<svg" not in shown
    nobody = visit.page("/accounts/0x" + "11" * 20 + ".json")
    assert (nobody["badges"], nobody["deeds"], nobody["paid_wei"]) == ([], [], "0")


def test_pages_ofThingsThatAreNot_areNotFound(taught: tuple[Visit, str, str, str]) -> None:
    visit = taught[0]
    for path in ("/lineages/0x" + "22" * 32, "/runs/0x" + "22" * 32, "/gas/tasks/0x" + "22" * 32, "/nowhere"):
        assert "Not found" in visit.html(path, status=404)
        assert visit.client.get(path + ".json").status_code == 404
