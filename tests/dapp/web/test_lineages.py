"""Lineages, heads compared, and badges as pages, over a round that taught classes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dapp.chain.lineage import Kind
from dapp.stages import badges, extend
from tests.dapp.web.conftest import Visit, visit_of
from tests.flow.lineages import begin
from tests.flow.world import STRANGER, new_world


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
    assert "Class registry" in shown and '<svg class="chart"' in shown


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


def test_task_thatIsARound_showsTheHeadAsBaseline(taught: tuple[Visit, str, str, str]) -> None:
    visit, lineage, task, _ = taught
    page = visit.page(f"/tasks/{task}.json")
    assert page["round"]["lineage"] == lineage and page["round"]["head_ppm"] > 0
    assert "Head 0: the model there is" in visit.html(f"/tasks/{task}")
    assert {"RoundOpened", "Declared", "HeadAdvanced"} <= {event["event"] for event in page["events"]}


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
