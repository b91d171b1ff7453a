"""A task's page at every moment of its life, on a real chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dapp import fused_here
from dapp.chain.words import Phase
from dapp.stages import fuse, vote
from dapp.web.desk.evaluations import Evaluation, ModelFound
from dapp.web.desk.office import office_of
from tests.dapp.web.conftest import Visit, visit_of
from tests.flow.world import CONTRIBUTORS, STRANGER, VERIFIERS, new_world

SCORES = (900_000, 800_000, 100_000)
OPPOSITE = (100_000, 200_000, 900_000)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visit, str]]:
    """A task that is settled and paid, and the site of its world."""
    folder = tmp_path_factory.mktemp("settled")
    with new_world(folder) as world:
        task = world.open()
        world.submit(task)
        world.draw(task)
        world.vote(task, scores=SCORES)
        world.settle(task)
        visit = visit_of(world, folder)
        with visit.client:
            yield visit, "0x" + task.hex()


def test_task_whenSettled_showsModelsVotesPayoutsAndEvents(settled: tuple[Visit, str]) -> None:
    visit, task = settled
    page = visit.page(f"/tasks/{task}.json")
    assert page["phase"]["name"] == "settled"
    assert [model["verdict"] for model in page["models"]] == ["accepted", "accepted", "rejected"]
    assert [model["score_ppm"] for model in page["models"]] == list(SCORES)
    assert [model["beyond_ppm"] for model in page["models"]] == [600_000, 500_000, -200_000]
    assert [seat["scores_ppm"] for seat in page["seats"]] == [list(SCORES)] * len(VERIFIERS)
    assert sum(int(payout["amount_wei"]) for payout in page["payouts"]) == int(page["pot_wei"])
    assert page["paid_wei"] == page["pot_wei"]
    said = [event["event"] for event in page["events"]]
    assert (said[0], said.count("ModelOpened"), said.count("BallotOpened")) == ("TaskOpened", 3, 3)
    assert all(event["at_s"] > 0 and event["block"] > 0 for event in page["events"])


def test_task_whenSettled_readsAsAPage(settled: tuple[Visit, str]) -> None:
    visit, task = settled
    shown = visit.html(f"/tasks/{task}")
    assert "<h1>digits</h1>" in shown and "MAFR: what a model has to reach" in shown
    assert shown.count('class="tag good">accepted') == 2
    assert f"quorate fuse {task}" in shown
    assert re.search(r"\sstyle=|<script(?![^>]* src=)|\son\w+=", shown) is None


def test_task_afterDeletingTheIndex_isTheSamePage(settled: tuple[Visit, str], tmp_path: object) -> None:
    visit, task = settled
    again = visit_of(visit.world, tmp_path)  # type: ignore[arg-type]
    with again.client:
        for path in (f"/tasks/{task}.json", "/tasks.json"):
            assert again.page(path) == visit.page(path)
        own = r'quorate-token.*|data-read=\S*|as-of-age">\d+ s'  # of the server and of the moment
        first, second = (re.sub(own, "", v.html(f"/tasks/{task}")) for v in (visit, again))
    assert first == second


def test_task_whenFusedHere_holdsModelsAgainstTheFusedModel_notAgainstAnothers(
    settled: tuple[Visit, str], tmp_path: Path
) -> None:
    first, task = settled
    world, of = first.world, bytes.fromhex(task[2:])
    [unknown] = first.page(f"/tasks/{task}.json")["baselines"]  # type: ignore[misc]
    assert unknown["score_ppm"] is None and f"quorate fuse {task}" in unknown["tells"]
    chain, data_dir = world.person(STRANGER).chain, tmp_path / "data"
    manifest = fuse.fuse(world.person(STRANGER), of, rule="strategy_1").manifest
    other = replace(manifest, rule="lateral", members=manifest.members[:1])
    for each in (manifest, other):
        fused_here.keep(data_dir, chain, of, each)
    with visit_of(world, tmp_path).client as client:
        [known] = client.get(f"/tasks/{task}.json").json()["page"]["baselines"]
        shown = client.get(f"/tasks/{task}", headers={"Accept": "text/html"}).text
    assert (known["name"], known["score_ppm"]) == ("Fused model, strategy 1", manifest.score_ppm)
    assert shown.count("Fused model, strategy 1") == 4  # both tables, the chart and its legend
    assert "score of each model, beside MAFR, Fused model, strategy 1" in shown


@pytest.mark.long
def test_desk_whileVoting_holdsModelsAgainstThoseThatReachMafrTogether(visit: Visit) -> None:
    world = visit.world
    task = world.open(rule="fused", vote_s=3_600)
    world.submit(task, CONTRIBUTORS[:2])
    world.draw(task)
    page = f"/desk/0x{task.hex()}.json"
    [before] = visit.page(page)["baselines"]  # type: ignore[misc]
    assert (before["score_ppm"], before["tells"]) == (None, "not evaluated yet")
    seed = world.view(task).seed
    assert seed is not None
    rows = ((1, 0), (0, 1))
    found = (ModelFound(0, 400_000, rows, 510_000), ModelFound(1, 100, rows, 520_000))
    office = office_of(visit.client.app)  # type: ignore[arg-type]
    office.evaluations._known[task.hex()] = Evaluation("0x" + task.hex(), seed, found=found)
    [now] = visit.page(page)["baselines"]  # type: ignore[misc]
    assert (now["name"], now["score_ppm"]) == ("Fused model so far", 510_000)
    assert "The 1 that reach MAFR as one" in visit.html(page.removesuffix(".json"))


def test_task_withManyEvents_showsTheLast_andAllOnRequest(
    settled: tuple[Visit, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, task = settled
    templates = visit.client.app.state.templates  # type: ignore[attr-defined]
    monkeypatch.setitem(templates.globals, "events_shown", 2)
    templates.cache.clear()
    count = len(visit.page(f"/tasks/{task}.json")["events"])  # type: ignore[arg-type]
    few, every = visit.html(f"/tasks/{task}"), visit.html(f"/tasks/{task}?events=all")
    assert f'href="/tasks/{task}?events=all#events">Show all {count}</a>' in few
    assert (few.count('data-name="Where"'), every.count('data-name="Where"')) == (2, count)
    assert "opened the task" in every and "opened the task" not in few
    templates.cache.clear()


def test_task_thatIsNone_isNotFound(settled: tuple[Visit, str]) -> None:
    visit, _ = settled
    assert "Not found" in visit.html("/tasks/0x" + "00" * 32, status=404)
    assert visit.client.get("/tasks/0x" + "00" * 32 + ".json").json()["error"]["code"] == "task-unknown"
    html = visit.html("/tasks/0x12", status=422)
    assert "this is not 0x and 64 digits (0-9, a-f)" in html and "should match" not in html


def test_task_beforeItsEnd_showsEachPhaseAndWhatIsStillSealed(visit: Visit) -> None:
    world = visit.world
    task = world.open()
    path = f"/tasks/0x{task.hex()}"
    assert "No model was opened yet" in visit.html(path)
    world.submit(task)
    page = visit.page(path + ".json")
    assert (page["phase"]["name"], len(page["models"])) == ("draw", len(CONTRIBUTORS))
    assert [model["score_ppm"] for model in page["models"]] == [None] * 3
    world.draw(task)
    vote.seal(world.person(VERIFIERS[0]), task, SCORES)
    page = visit.page(path + ".json")
    assert (page["sealed_ballots"], page["opened_ballots"]) == (1, 0)
    sealed = next(seat for seat in page["seats"] if seat["state"] == "sealed")
    assert sealed["scores_ppm"] is None and re.fullmatch("0x[0-9a-f]{64}", sealed["seal"])
    assert [window["state"] for window in page["line"]] == ["done"] * 4 + ["current", "to come", "to come"]


def test_task_aBallotIsAwaited_thenSilent_orSealed_thenUnopened(visit: Visit) -> None:
    world = visit.world
    task = world.open()
    world.submit(task)
    world.draw(task)
    vote.seal(world.person(VERIFIERS[0]), task, SCORES)

    def states() -> list[str]:
        return sorted(seat["state"] for seat in visit.page(f"/tasks/0x{task.hex()}.json")["seats"])

    others = len(VERIFIERS) - 1
    assert states() == ["awaited"] * others + ["sealed"]
    world.pass_phase(task, Phase.VOTE)
    assert states() == ["sealed"] + ["silent"] * others
    world.pass_phase(task, Phase.BALLOT)
    assert states() == ["silent"] * others + ["unopened"]


def test_task_withOppositeSealedVotes_isTheSameButForTheSeal(visit: Visit) -> None:
    """Sealed in the same place of the same chain, taken back in between."""
    world = visit.world
    task = world.open()
    world.submit(task)
    world.draw(task)
    verifier = world.person(VERIFIERS[0])
    tester = world.rpc.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    branch = tester.take_snapshot()
    told = []
    for scores in (SCORES, OPPOSITE):
        world.people.pop(VERIFIERS[0], None)
        sealed = vote.seal(world.person(VERIFIERS[0]), task, scores)
        seat = world.view(task).seat_of(verifier.chain.address)
        assert sealed is not None and seat is not None and seat.sealed is not None
        paths = (f"/tasks/0x{task.hex()}.json", f"/tasks/0x{task.hex()}", "/tasks.json", "/tasks")
        answers = [visit.client.get(path).text for path in paths]
        told.append([_without(text, seat.sealed.hex()) for text in answers])
        tester.revert_to_snapshot(branch)
    assert told[0] == told[1]


def _without(text: str, seal: str) -> str:
    """Without the seal, hashes that follow from it, and how long ago the chain was read."""
    short = f"0x{seal[:4]}…{seal[-4:]}"
    text = text.replace(seal, "").replace(short, "")
    text = re.sub(r"0x[0-9a-f]{64}", "", re.sub(r"0x[0-9a-f]{4}…[0-9a-f]{4}", "", text))
    return re.sub(r'data-read="[^"]*"|"age_s":[0-9.]+|\d+ s ago', "", text)
