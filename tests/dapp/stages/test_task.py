"""Opening tasks: what is refused before anything is sent, and what is asked of the chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.errors import TaskUnknown
from dapp.chain.words import Phase
from dapp.stages import task
from dapp.stages.context import TermsRefused
from ml.data.samples import Samples
from ml.data.shards import pack
from tests.flow.world import INITIATOR, STRANGER, World, shares


def refused(world: World, message: str, shards: list[bytes] | None = None) -> None:
    ctx = world.person(INITIATOR)
    before = world.balance_wei(INITIATOR)
    with pytest.raises(TermsRefused, match=message):
        task.open_task(ctx, world.spec(), world.terms(), world.shards() if shards is None else shards)
    assert world.balance_wei(INITIATOR) == before
    assert task.list_tasks(ctx) == ()


def test_open_noShards_isRefused(world: World) -> None:
    refused(world, "0 shards", [])


def test_open_shardThatIsNoSampleFile_isRefused(world: World) -> None:
    refused(world, "shard 1: not a sample file", [*world.shards()[:1], b"PK\x03\x04"])


def test_open_shardOfAnotherShape_isRefused(world: World) -> None:
    pool = shares().verification_pool
    small = pack(Samples(pool.images_NHW[:5, :14, :14].copy(), pool.labels_N[:5]))
    refused(world, r"shape \(1, 14, 14\)", [small])


def test_open_shardWithForeignLabels_isRefused(world: World) -> None:
    pool = shares().verification_pool.take(slice(0, 5))
    refused(world, "labels beyond the task's 10", [pack(Samples(pool.images_NHW, pool.labels_N + 10))])


def test_open_shardLargerThanABlock_isRefused(world: World) -> None:
    refused(world, "the limit is 262144", [bytes(262_145)])


def test_open_developmentDataNotInTheStore_isRefused(world: World) -> None:
    spec = world.spec()
    lost = replace(spec.development.train, cid=spec.development.train.cid[:-4] + "aaaa")
    spec = replace(spec, development=replace(spec.development, train=lost))
    ctx = world.person(INITIATOR)
    with pytest.raises(Exception, match=r"development data|cid|CID"):
        task.open_task(ctx, spec, world.terms(), world.shards())
    assert task.list_tasks(ctx) == ()


def test_show_unknownTask_saysSo(world: World) -> None:
    with pytest.raises(TaskUnknown):
        task.show(world.person(STRANGER), bytes(31) + b"\x01")


def test_list_byPhase_findsIt(world: World) -> None:
    of = world.open(verifiers=())
    reader = world.person(STRANGER)
    assert [view.task for view in task.list_tasks(reader, Phase.NOTICE)] == [of]
    assert task.list_tasks(reader, Phase.SUBMIT) == ()


def test_plan_costsNothingAndSaysTheWorstCase(world: World) -> None:
    ctx = world.person(INITIATOR)
    before = world.balance_wei(INITIATOR)
    plan = task.plan_open(ctx, world.spec(), world.terms(), world.shards())
    assert plan.value_wei == 3_130_000_000_000_000_000
    assert plan.worst_case_wei > plan.value_wei
    assert world.balance_wei(INITIATOR) == before


def test_shards_stayPrivateUntilDrawn(world: World) -> None:
    from dapp.store import cid_of

    of = world.open()
    world.submit(of, (1,))
    assert not any(world.store.has(cid_of(data)) for data in world.shards())
    world.draw(of)
    assert sum(world.store.has(cid_of(data)) for data in world.shards()) == 3
