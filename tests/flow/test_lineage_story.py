"""A lineage from its first head to classes that others taught it, on the in-process chain."""

from __future__ import annotations

import pytest

from dapp.chain.lineage import Kind
from dapp.lineage import heads
from dapp.stages import extend, lineage
from ml.evaluate import accuracy_ppm
from tests.flow.lineages import OLD, PRIZE_WEI, begin, parts
from tests.flow.world import INITIATOR, STRANGER, World

pytestmark = pytest.mark.heavy


def test_story_improveThenExtendByTwo_mergesAndPays(world: World) -> None:
    life = begin(world, threshold_ppm=600_000, samples_used=12)
    stranger = world.person(STRANGER)

    of = life.open(Kind.IMPROVE, OLD)
    life.submit(of, {index: life.improve(index, of) for index in (1, 2)})
    world.draw(of)
    world.vote(of)
    improved = extend.extend(stranger, of)
    assert (improved.head, len(improved.contributors)) == (1, 1)
    life.pass_challenge()

    of = life.open(Kind.EXTEND, range(10))
    models = {1: life.grow(1, of, (3, 4)), 2: life.grow(2, of, (7,)), 3: life.grow(3, of, (4, 5))}
    life.submit(of, models)
    world.draw(of)
    world.vote(of)
    extended = extend.extend(stranger, of)
    seen = lineage.show(stranger, life.lineage)
    assert len(extended.contributors) == 2  # 3 and 1 both teach class 4: one of them was taken
    assert [c.index for c in seen.classes] == list(range(len(seen.classes)))
    assert {c.name for c in seen.classes} >= {"0", "1", "2", "7", "4"}
    model = heads.fetch(stranger.chain, world.store, seen.known).model
    assert accuracy_ppm(model, parts()[4].with_labels(model.labels)) > 850_000
    life.pass_challenge()

    before = world.balance_wei(2)
    assert extend.withdraw_prize(world.person(2), of).amount_wei == PRIZE_WEI // 2
    assert world.balance_wei(2) > before
    lineage.end(world.person(INITIATOR), life.lineage)
    assert lineage.show(stranger, life.lineage).known.view.ended
    with pytest.raises(extend.NothingToOverturn):
        extend.overturn(stranger, of)
