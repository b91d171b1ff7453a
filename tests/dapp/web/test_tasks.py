"""The list of tasks as a page and as JSON."""

from __future__ import annotations

import pytest

from dapp.chain.words import Phase
from tests.dapp.web.conftest import Visit
from tests.flow.world import ETHER


def test_tasks_onEmptyBoard_saysHowToOpenOne(visit: Visit) -> None:
    shown = visit.html("/tasks")
    assert "No task yet" in shown
    assert "quorate task open" in shown


def test_tasks_listWhatTheChainHas_withNameStateAndMoney(visit: Visit) -> None:
    task = visit.world.open(verifiers=())
    found = visit.page("/tasks.json")
    assert (found["total"], found["known"], found["next"]) == (1, 1, None)
    line = found["tasks"][0]
    assert (line["task"], line["name"], line["models"]) == ("0x" + task.hex(), "digits", 0)
    assert (line["phase"]["name"], line["reward_wei"]) == ("notice", str(3 * ETHER))
    shown = visit.html("/tasks")
    assert f'href="/tasks/0x{task.hex()}"' in shown
    assert 'title="3,000,000,000,000,000,000 wei"' in shown


def test_tasks_filterSearchAndPages_areInTheAddress(visit: Visit) -> None:
    made = ["0x" + visit.world.open(verifiers=(), number=n).hex() for n in range(3)]
    visit.world.pass_phase(bytes.fromhex(made[0][2:]), Phase.NOTICE)
    first = visit.page("/tasks.json?limit=2")
    assert [line["task"] for line in first["tasks"]] == made[:0:-1]
    rest = visit.page(f"/tasks.json?limit=2&after={first['next']}")
    assert [line["task"] for line in rest["tasks"]] == made[:1]
    assert visit.page(f"/tasks.json?q={made[1][:12]}")["total"] == 1
    assert visit.page("/tasks.json?q=DIGI")["total"] == 3
    assert visit.page("/tasks.json?q=%25")["total"] == 0
    assert visit.page("/tasks.json?state=settled")["total"] == 0
    assert visit.page("/tasks.json?state=live&sort=ending")["total"] == 3


@pytest.mark.parametrize("query", ["state=none", "state=x", "after=1-2", "after=z", "limit=0", "limit=9999"])
def test_tasks_withAnAddressThatMakesNoSense_areRefusedAsSuch(visit: Visit, query: str) -> None:
    visit.html(f"/tasks?{query}", status=422)
    assert visit.client.get(f"/tasks.json?{query}").json()["error"]["fix"]
