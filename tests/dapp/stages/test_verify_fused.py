"""The evaluation rule `fused`: who is carried by others, and who carries their own weight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dapp.chain.words import Phase
from dapp.stages import commit, task, train, verify
from dapp.stages.context import Context
from ml.models import mlp
from ml.train import Recipe
from tests.flow.world import TINY, new_world, shares

MAFR_PPM = 350_000
ALL_SHARDS = 10
"""With every shard drawn, the scores do not depend on the draw, which follows from model bytes that
differ in their last bits from one processor to another."""

GOOD, JUNK, ONE_LABEL, GOOD_TOO = 1, 2, 3, 4


def test_verify_fused_uselessModelBetweenGoodOnes_isNotCarried(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        of = world.open(
            rule="fused",
            verifiers=(11,),
            committee=1,
            mafr_ppm=MAFR_PPM,
            shards_drawn=ALL_SHARDS,
        )
        world.pass_phase(of, Phase.NOTICE)
        people = [world.person(index) for index in (GOOD, JUNK, ONE_LABEL, GOOD_TOO)]
        _seal(people[0], of, 1, shares().contributors[0].labels, replace(TINY, steps=200))
        _seal(people[1], of, 2, shares().contributors[1].labels, replace(TINY, steps=1, learning_rate=1e-9))
        _seal(people[2], of, 3, shares().contributors[2].labels[:1], TINY)
        _seal(people[3], of, 4, shares().contributors[3].labels, replace(TINY, steps=200))
        world.pass_phase(of, Phase.SUBMIT)
        for ctx in people:
            commit.open_model(ctx, of)
        world.pass_phase(of, Phase.OPEN)
        world.draw(of)

        good, junk, one_label, good_too = verify.verify(world.person(11), of).scores_ppm

    assert good >= MAFR_PPM
    assert good_too >= MAFR_PPM
    assert 0 < junk < MAFR_PPM
    assert one_label == 0


def _seal(ctx: Context, of: bytes, number: int, labels: tuple[int, ...], recipe: Recipe) -> None:
    mine = shares().contributors[number - 1]
    samples = mine.train.with_labels(labels)
    made = train.train(
        ctx,
        task.spec_of(ctx, of),
        samples,
        mine.verification.with_labels(labels),
        mlp(labels, hidden=(32,)),
        recipe,
        number,
    )
    commit.seal(ctx, of, made.manifest, made.weights)
