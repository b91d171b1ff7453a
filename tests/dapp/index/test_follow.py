"""The index stays level with the chain: killed, resumed, deleted, or the chain taken back under it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dapp.chain.client import Chain
from dapp.chain.errors import EndpointConfused
from dapp.chain.events import Log
from dapp.chain.rpc import connect
from dapp.index import Index, IndexFailed, catch_up, follow
from tests.dapp.chain.hostile_rpc import hostile
from tests.dapp.index.conftest import Ground, rows
from tests.dapp.index.killed import follow_until_killed
from tests.flow.world import World, new_world


def fresh(ground: Ground) -> dict[str, object]:
    """What an index holds that was made just now."""
    with Index.in_memory() as index:
        catch_up(ground.chain, index)
        return rows(index)


@pytest.mark.parametrize("depth", range(1, 9))
def test_catchUp_afterReorganisation_holdsTheOtherBranchOnly(ground: Ground, url: str, depth: int) -> None:
    with Index.open(url) as index:
        ground.happen()
        before = catch_up(ground.chain, index)
        branch = ground.chain.rpc.raw("evm_snapshot")
        for _ in range(depth):
            ground.happen()
            catch_up(ground.chain, index)
        left = rows(index)
        assert ground.chain.rpc.raw("evm_revert", branch)
        ground.mine(1)
        ground.happen(depth)
        caught = catch_up(ground.chain, index)
        assert caught.went_back_to == before.block
        assert rows(index) == fresh(ground) != left


@pytest.mark.parametrize("batch", [1, 2_000])
def test_catchUp_reorganisedBetweenLookingAndReading_holdsTheOtherBranchOnly(
    ground: Ground, url: str, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """The block of the cursor is looked at, found, and gone before the blocks after it are read."""
    with Index.open(url) as index:
        ground.happen()
        catch_up(ground.chain, index)
        branch = ground.chain.rpc.raw("evm_snapshot")
        ground.happen(2)
        catch_up(ground.chain, index)
        left = rows(index)
        logs, turned = follow.events.logs_between, []

        def turning(chain: Chain, first: int, last: int) -> Iterator[list[Log]]:
            if not turned:
                turned.append(first)
                assert ground.chain.rpc.raw("evm_revert", branch)
                ground.mine(1)
                ground.happen(4)
            return logs(chain, first, last)

        ground.happen()
        monkeypatch.setattr(follow.events, "logs_between", turning)
        for _ in range(3):  # as a server does, whose reading failed
            with suppress(EndpointConfused):
                catch_up(ground.chain, index, batch)
        assert turned
        assert rows(index) == fresh(ground) != left


def test_catchUp_afterReorganisationToAShorterChain_forgetsWhatIsGone(ground: Ground, url: str) -> None:
    with Index.open(url) as index:
        branch = ground.chain.rpc.raw("evm_snapshot")
        ground.happen(3)
        catch_up(ground.chain, index)
        assert ground.chain.rpc.raw("evm_revert", branch)
        caught = catch_up(ground.chain, index)
        assert caught.block == ground.chain.rpc.block().number
        assert rows(index) == fresh(ground)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_catchUp_stoppedAfterABatch_goesOnFromThere(ground: Ground, url: str, batch: int) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    ground.happen(2)
    ground.mine(4 * batch)  # more than the three batches
    with Index.open(url) as index:
        for _ in range(3):
            with pytest.raises(Stopped):
                catch_up(ground.chain, index, batch, stop)
        catch_up(ground.chain, index, batch)
        assert rows(index) == fresh(ground)


def test_catchUp_killedWithoutWarning_goesOnFromTheLastBatch(ground: Ground, url: str) -> None:
    ground.happen(4)
    assert ground.chain.deployment is not None
    for _ in range(2):
        given = (ground.node.http_url, ground.chain.deployment, url)
        child = multiprocessing.get_context("spawn").Process(target=follow_until_killed, args=given)
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
    with Index.open(url) as index:
        assert catch_up(ground.chain, index).block == ground.chain.rpc.block().number
        assert rows(index) == fresh(ground)


def test_catchUp_byTwoAtOnce_takesEachEventOnce(ground: Ground, url: str) -> None:
    ground.happen(6)
    started = threading.Barrier(2)

    def follow_along(number: int) -> int:
        with Index.open(url) as index:
            started.wait(60)
            return catch_up(ground.chain, index, batch=5 + number).block

    Index.open(url).close()
    with ThreadPoolExecutor(2) as both:
        assert set(both.map(follow_along, range(2))) == {ground.chain.rpc.block().number}
    with Index.open(url) as index:
        assert rows(index) == fresh(ground)


def test_catchUp_whenNothingIsNew_takesNothingIn(ground: Ground) -> None:
    with Index.in_memory() as index:
        first = catch_up(ground.chain, index)
        again = catch_up(ground.chain, index)
        assert (again.block, again.hash, again.events) == (first.block, first.hash, 0)


@pytest.mark.parametrize("name", ["timestamp", "number", "blockTimestamp", "logIndex"])
@pytest.mark.parametrize("told", [2**63, 2**200])
def test_attack_50_endpointWithNumbersBeyondAll_isConfused(ground: Ground, name: str, told: int) -> None:
    ground.happen()

    def twist(request: dict[str, Any], real: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        answer = real()
        for each in answer["result"] if isinstance(answer["result"], list) else [answer["result"]]:
            if name in each:
                each[name] = hex(told)
        return answer

    with hostile(ground.node.http_url) as proxy, Index.in_memory() as index:
        chain = Chain(connect(proxy.url, tries=1), ground.chain.deployment)
        proxy.twists = {"eth_getBlockByNumber": twist, "eth_getLogs": twist}
        with pytest.raises(EndpointConfused):
            catch_up(chain, index)
        proxy.twists = {}
        catch_up(chain, index)
        assert rows(index) == fresh(ground)


def test_catchUp_withTheIndexOfAnotherChain_isRefused(ground: Ground, tmp_path: Path) -> None:
    with Index.in_memory() as index:
        catch_up(ground.chain, index)
        with new_world(tmp_path) as other, pytest.raises(IndexFailed, match="not of"):
            catch_up(_reader(other), index)


@pytest.mark.parametrize("url", ["nonsense", "nowhere://x", "sqlite:////proc/nowhere/index.sqlite"])
def test_open_withAUrlThatCannotBe_isNamed(url: str) -> None:
    with pytest.raises(IndexFailed):
        Index.open(url)


def test_open_ofAFileThatIsNoDatabase_isNamed(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(b"no database at all, but long enough to look at" * 100)
    with pytest.raises(IndexFailed):
        Index.of_file(file)


def _reader(world: World) -> Chain:
    return Chain(world.rpc, world.deployment)
