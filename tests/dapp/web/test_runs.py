"""Runs, entries and comparisons as pages, over a real recorder with nodes."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dapp.chain.client import Chain
from dapp.config import Settings
from dapp.index import Index
from dapp.ledger.book import Book
from dapp.ledger.places import BOOK, folder_of
from dapp.web import WebSettings, create_app
from dapp.web.backend import Backend
from dapp.web.turnstile import COME_AGAIN_S
from tests.dapp.ledger.runs import NODES, Stage, new_ground, new_stage
from tests.dapp.web.conftest import BASE, crowded


@dataclass
class Site:
    """A run whose third epoch went wrong and was taken back, and its pages."""

    stage: Stage
    client: TestClient
    run: str
    kept: Path  # copies of the run by owner

    def page(self, path: str) -> dict[str, object]:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["page"]

    def html(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("runs")
    with new_ground() as ground, new_stage(ground, folder) as stage:
        for accuracy in (500_000, 700_000, 100_000):
            stage.trainer.epoch(accuracy)
        stage.until_idle(*NODES)
        stage.open_vote(reason="<b>loss</b>")
        stage.until(lambda: stage.recording.restore_due() is not None, *NODES)
        restore = stage.recording.restore_due()
        assert restore is not None
        stage.trainer.restore(restore)
        stage.trainer.epoch(800_000)
        stage.until_idle(*NODES)
        stage.steps(*NODES)
        data = folder / "web"
        kept = folder_of(data, stage.run, None).parent
        kept.mkdir(parents=True)
        (kept / "recorder").symlink_to(folder / "recorder")
        (kept / stage.address(NODES[0]).lower()).symlink_to(folder / f"node-{NODES[0]}")
        chain = Chain(stage.rpc, stage.deployment)
        web = WebSettings(Settings(data_dir=data), poll_s=0)
        backend = Backend(chain, Index.in_memory(), stage.store)
        with TestClient(create_app(web, backend), base_url=BASE) as client:
            yield Site(stage, client, "0x" + stage.run.hex(), kept)


def test_runs_listWhatTheChainHas(site: Site) -> None:
    page = site.page("/runs.json")
    assert page["known"] == 1
    line = page["runs"][0]
    assert (line["run"], line["nodes"], line["rollbacks"]) == (site.run, len(NODES), 1)
    assert f'href="/runs/{site.run}"' in site.html("/runs")


def test_run_showsTheTree_withWhatWasLeftBehind(site: Site) -> None:
    page = site.page(f"/runs/{site.run}.json")
    assert [(e["height"], e["state"], e["base"]) for e in page["entries"]] == [
        (4, "head", 1),
        (3, "rollback", 1),
        (2, "left", 1),
        (1, "line", 0),
        (0, "line", None),
    ]
    assert all(entry["registered"] for entry in page["entries"])
    assert (page["which"], page["forks"], page["best"]["height"], page["head_height"]) == (
        "recorder",
        1,
        4,
        4,
    )
    shown = site.html(f"/runs/{site.run}")
    assert shown.count('<svg class="chart') == 2 + 3  # curves and the legend
    assert shown.count('class="back"') == 2 + 1 and 'class="stroke left"' in shown
    assert "&lt;b&gt;loss" in shown and "<b>loss" not in shown
    assert re.search(r"\sstyle=", shown) is None


def test_run_ofACopyThatDidNotFollowTheChain_isVouchedForByTheChainAllTheSame(site: Site) -> None:
    owner = site.stage.address(NODES[1]).lower()
    folder = site.kept / owner
    with Book.copy(site.kept / "recorder" / BOOK, site.stage.run) as book:
        headers = list(book.headers())
    with Book.open(folder / BOOK, site.stage.run) as book:
        for header in headers:
            book.append(header)
        assert not book.registrations()
    try:
        page = site.page(f"/runs/{site.run}.json?copy={owner}")
        assert (page["which"], page["count"]) == (owner, 5)
        assert all(entry["registered"] for entry in page["entries"])
        entry = site.page(f"/runs/{site.run}/entries/2.json?copy={owner}")
        assert entry["registered"] == site.page(f"/runs/{site.run}/entries/2.json")["registered"]
    finally:
        shutil.rmtree(folder)


def test_entry_headerHashesToItsId_andIsVouchedFor(site: Site) -> None:
    page = site.page(f"/runs/{site.run}/entries/2.json")
    header = bytes.fromhex(page["header"][2:])
    assert "0x" + hashlib.sha256(header).hexdigest() == page["id"]
    assert (page["state"], page["accuracy_ppm"], page["previous"], page["next"]) == ("left", 100_000, 1, 3)
    assert page["registered"]["height"] == 2
    assert page["held_by"] == ["recorder", site.stage.address(NODES[0]).lower()]
    assert site.page(f"/runs/{site.run}/entries/1.json")["children"] == [2, 3, 4]
    assert f'data-header="{page["header"]}"' in site.html(f"/runs/{site.run}/entries/2")
    site.html(f"/runs/{site.run}/entries/99", status=404)


def test_diff_findsTheTensorThatChanged_fromANodesPacks(site: Site) -> None:
    page = site.page(f"/runs/{site.run}/diff.json?a=0&b=1")
    assert page["packs_of"] == site.stage.address(NODES[0]).lower()
    (line,) = page["found"]["tensors"]
    assert (line["name"], line["state"], line["elements"]) == ("layer", "changed", 256)
    assert line["shape_before"] == line["shape_after"] == [16, 16]
    assert line["distance"] == pytest.approx(16.0, rel=1e-5)  # each of 256 numbers rose by one
    same = site.page(f"/runs/{site.run}/diff.json?a=1&b=1")["found"]
    assert (same["frozen"], same["changed"], same["changed_elements"]) == (1, 0, 0)
    assert "Share changed" in site.html(f"/runs/{site.run}/diff?a=0&b=1")
    site.html(f"/runs/{site.run}/diff?a=0&b=77", status=404)
    site.html(f"/runs/{site.run}/diff?a=x&b=1", status=422)


def test_diff_whileTheServerHasEnoughToDo_saysWhenToComeAgain(site: Site) -> None:
    path = f"/runs/{site.run}/diff?a=0&b=1"
    with crowded():
        assert "No answer just now" in site.html(path, status=503)
        answer = site.client.get(f"/runs/{site.run}/diff.json?a=0&b=1")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(COME_AGAIN_S))
    site.html(path)


def test_run_withACopyThatIsNotHere_isRefused(site: Site) -> None:
    site.html(f"/runs/{site.run}?copy=0x{'00' * 20}", status=422)
    node = site.stage.address(NODES[0])
    assert site.page(f"/runs/{site.run}.json?copy={node}")["which"] == node.lower()


def test_gas_ofARun_comesFromReceipts(site: Site) -> None:
    page = site.page(f"/gas/runs/{site.run}.json")
    assert page["all"]["gas"] == sum(row["gas"] for row in page["operations"]) > 0
    assert page["all"]["transactions"] == page["transactions"]
    assert "Who paid" in site.html("/gas")
    assert site.page("/gas.json?last=1")["transactions"] == 1
