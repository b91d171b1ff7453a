"""Events: typed, complete or refused, whatever ranges a node allows."""

from __future__ import annotations

from typing import Any

import pytest

from dapp.artifacts import Deployment
from dapp.chain import events, tasks
from dapp.chain.client import Chain
from dapp.chain.errors import ContractRefused, EndpointConfused, HistoryIncomplete
from dapp.chain.rpc import Rpc, connect
from dapp.chain.seals import TaskKey
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from tests.dapp.chain.conftest import FAST
from tests.dapp.chain.hostile_rpc import HostileRpc, result


@pytest.fixture
def chain(rpc: Rpc, deployment: Deployment) -> Chain:
    return Chain(rpc, deployment, Signer.devnet(3), settings=FAST)


def key_of(chain: Chain, salt: int = 1) -> TaskKey:
    zero = bytes(32)
    return TaskKey(
        chain.address, b"s" * 32, b"m" * 32, zero, zero, 10, 2, 1, 950_000, 5, 3, 10, 3, 60, 60, 60, 60,
        60, 60, salt
    )  # fmt: skip


def open_task(chain: Chain, salt: int = 1) -> bytes:
    key = key_of(chain, salt)
    chain.send(f"open {salt}", chain.quorate.call("taskOpen", key.astuple()), key.pot_wei)
    return chain.board.task_id(key)


def test_ofTask_openedTask_isTyped(chain: Chain) -> None:
    task = open_task(chain)
    (opened,) = events.of_task(chain, task)
    assert isinstance(opened, events.TaskOpened)
    assert (opened.task, opened.initiator, opened.key) == (task, chain.address, key_of(chain))
    assert opened.at.block == chain.rpc.block().number


def test_view_openedTask_isReadBack(chain: Chain) -> None:
    seen = tasks.view(chain, open_task(chain))
    assert (seen.phase, seen.key.pot_wei, seen.models, seen.seats) == (Phase.NOTICE, 17, (), ())
    assert seen.ends_at_s(Phase.DRAW) == chain.rpc.block().timestamp_s + 240
    assert seen.ends_at_s(Phase.VOTE) is None


def test_ofReceipt_hasTheEventsOfThatTransaction(chain: Chain) -> None:
    receipt = chain.send("join", chain.membership.call("join", (bytes(32), bytes(32)), []))
    (joined,) = events.of_receipt(chain, receipt)
    assert isinstance(joined, events.Joined)
    assert joined.member == chain.address


def test_openedTasks_nodeAllowsThreeBlocksAtOnce_findsAll(
    chain: Chain, proxy: HostileRpc, deployment: Deployment
) -> None:
    found = []
    for salt in (1, 2, 3):
        found.append(open_task(chain, salt))
        chain.rpc.raw("anvil_mine", "0x5")

    def narrow(request: dict[str, Any], real: Any) -> dict[str, Any]:
        asked = request["params"][0]
        if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) >= 3:
            return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32005, "message": "too many"}}
        answer: dict[str, Any] = real()
        return answer

    proxy.twists["eth_getLogs"] = narrow
    reader = Chain(connect(proxy.url), deployment)
    assert [event.task for event in events.opened_tasks(reader)] == found


def test_openedTasks_nodeAllowsNothing_saysSo(proxy: HostileRpc, deployment: Deployment) -> None:
    error = {"code": -32005, "message": "no logs today"}
    proxy.twists["eth_getLogs"] = lambda request, real: {"jsonrpc": "2.0", "id": 1, "error": error}
    with pytest.raises(EndpointConfused, match="no logs today"):
        events.opened_tasks(Chain(connect(proxy.url), deployment))


@pytest.mark.parametrize("told", [2**32, 2**53])
def test_attack_50_headThatNeverWas_isReadForNoMoreThanAMoment(
    proxy: HostileRpc, deployment: Deployment, told: int
) -> None:
    reader = Chain(connect(proxy.url), deployment)

    def lie_once(request: dict[str, Any], real: Any) -> dict[str, Any]:
        proxy.twists.pop("eth_getBlockByNumber")
        answer: dict[str, Any] = real()
        answer["result"]["number"] = hex(told)
        return answer

    proxy.twists["eth_getBlockByNumber"] = lie_once
    proxy.twists["eth_getLogs"] = lambda request, real: result(request, [])
    with pytest.raises(EndpointConfused):
        events.opened_tasks(reader)
    assert proxy.seen.count("eth_getLogs") < 200


def test_openedTasks_tenMillionEmptyBlocks_areReadThrough(
    chain: Chain, proxy: HostileRpc, deployment: Deployment
) -> None:
    def tell_more(request: dict[str, Any], real: Any) -> dict[str, Any]:
        answer: dict[str, Any] = real()
        answer["result"]["number"] = hex(10**7)
        return answer

    reader, task = Chain(connect(proxy.url), deployment), open_task(chain)
    first = chain.rpc.block().number
    proxy.twists["eth_getBlockByNumber"] = tell_more
    proxy.twists["eth_getLogs"] = lambda request, real: (
        real() if int(request["params"][0]["fromBlock"], 16) <= first else result(request, [])
    )
    assert [event.task for event in events.opened_tasks(reader)] == [task]


def test_attack_50_nodeHidesEvents_isNoticed(chain: Chain, proxy: HostileRpc, deployment: Deployment) -> None:
    task = open_task(chain)
    proxy.twists["eth_getLogs"] = lambda request, real: result(request, [])
    with pytest.raises(HistoryIncomplete, match="is missing"):
        tasks.view(Chain(connect(proxy.url), deployment), task)


def test_attack_50_nodeChangesTheTermsInAnEvent_isNoticed(
    chain: Chain, proxy: HostileRpc, deployment: Deployment
) -> None:
    task = open_task(chain)

    def forge(request: dict[str, Any], real: Any) -> dict[str, Any]:
        answer: dict[str, Any] = real()
        for log in answer["result"]:
            log["data"] = log["data"].replace(f"{950_000:064x}", f"{1:064x}")
        return answer

    proxy.twists["eth_getLogs"] = forge
    with pytest.raises(HistoryIncomplete):
        tasks.view(Chain(connect(proxy.url), deployment), task)


def test_roster_publishedPool_isReadFromItsCode(chain: Chain) -> None:
    pool = chain.send("join", chain.membership.call("join", (bytes(32), b"\x09" + bytes(31)), []))
    (joined,) = events.of_type(events.of_receipt(chain, pool), events.Joined)
    published = chain.send("publish", chain.membership.call("publish", joined.pool))
    (event,) = events.of_type(events.of_receipt(chain, published), events.RosterPublished)
    assert tasks.roster(chain, event.roster) == (chain.address,)
    assert chain.read(chain.membership.call("memberAt", event.roster, 0)) == (chain.address.lower(),)


def test_read_refused_hasItsName(chain: Chain) -> None:
    with pytest.raises(ContractRefused, match="DrawNotFixed"):
        chain.read(chain.quorate.call("seedOf", open_task(chain)))
