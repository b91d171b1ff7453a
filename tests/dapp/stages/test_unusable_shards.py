"""An initiator that shows digests of shards nobody can use: models are judged all the same, and paid for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dapp.chain.words import Phase
from dapp.stages import draw, task, verify, vote
from dapp.stages.verify import ShardsMissing
from dapp.store import Store
from tests.flow.world import CONTRIBUTORS, INITIATOR, STRANGER, VERIFIERS, World


@dataclass(frozen=True)
class Withholding:
    """A store in which nothing arrives."""

    real: Store

    def put(self, data: bytes) -> str:
        return "withheld"

    def get(self, cid: str, max_bytes: int) -> bytes:
        return self.real.get(cid, max_bytes)

    def has(self, cid: str) -> bool:
        return self.real.has(cid)


def garbage_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A task in phase Vote whose shards are no shards."""
    world.open()  # its verifiers take their seats
    initiator = world.person(INITIATOR)
    with monkeypatch.context() as patch:
        patch.setattr(task, "_check_shard", lambda *_: None)
        shards = [f"no shard {number}".encode() for number in range(10)]
        of = task.open_task(initiator, world.spec(), world.terms(), shards).task
    world.submit(of)
    world.draw(of)
    return of


def withheld(world: World) -> bytes:
    """A task in phase Vote whose shards never came into the store."""
    of = world.open()
    world.submit(of)
    draw.fix(world.person(STRANGER), of)
    initiator = world.person(INITIATOR)
    draw.reveal(replace(initiator, store=Withholding(initiator.store)), of)
    return of


def test_verify_garbageForShards_judgesOnTheDevelopmentTestImages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = garbage_shown(world, monkeypatch)
    found = [verify.verify(world.person(index), of) for index in VERIFIERS]
    assert found[0] == found[1] == found[2]
    assert found[0].shards_unusable is not None and found[0].shards_unusable.startswith("invalid-samples")
    assert found[0].samples == task.spec_of(world.person(STRANGER), of).development.test.samples
    world.vote(of)
    settled = world.settle(of)
    assert settled.outcome.paid_verifiers == len(VERIFIERS)
    assert settled.outcome.paid_models == len(CONTRIBUTORS)
    assert world.view(of).outcome == settled.outcome


def test_verify_shardsThatDoNotCome_areWaitedForFirst(world: World) -> None:
    of = withheld(world)
    person = world.person(VERIFIERS[0])
    with pytest.raises(ShardsMissing) as caught:
        verify.verify(person, of)
    assert caught.value.retryable
    view = world.view(of)
    ends_at_s = view.ends_at_s(Phase.VOTE)
    assert ends_at_s is not None
    world.clock.wait_until(ends_at_s - view.key.vote_s // 4)
    found = verify.verify(person, of)
    assert found.shards_unusable is not None and found.shards_unusable.startswith("store-not-found")
    vote.seal(person, of, found.scores_ppm)


def test_verify_shardsThatComeLate_areJudgedOn(world: World) -> None:
    of = withheld(world)
    with pytest.raises(ShardsMissing):
        verify.verify(world.person(VERIFIERS[0]), of)
    for shard in world.shards():
        world.store.put(shard)
    assert verify.verify(world.person(VERIFIERS[0]), of).shards_unusable is None
