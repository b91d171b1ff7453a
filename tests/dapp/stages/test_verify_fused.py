"""The evaluation rule `fused`: who is carried by others, and who carries their own weight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dapp.chain.words import Phase
from dapp.stages import commit, task, train, verify
from dapp.stages.context import Context
from ml.data.samples import Samples
from ml.evaluate import Model
from ml.models import mlp
from ml.train import Recipe
from tests.flow.world import TINY, new_world, shares

MAFR_PPM = 350_000
ALL_SHARDS = 10
"""With every shard drawn, the scores do not depend on the draw, which follows from model bytes that
differ in their last bits from one processor to another."""

GOOD, JUNK, ONE_LABEL, GOOD_TOO = 1, 2, 3, 4


class Seen:
    """Follows an evaluation, and takes up one that was cut short."""

    def __init__(self, known: dict[int, int]) -> None:
        self._known = known
        self.scores: dict[int, int] = {}
        self.fused_ppm: dict[int, int] = {}

    def known(self, index: int) -> int | None:
        return self._known.get(index)

    def begins(self, index: int, model: Model, samples: Samples) -> None:
        assert len(samples) and index not in self._known

    def fused(self, index: int, accuracy_ppm: int) -> None:
        self.fused_ppm[index] = accuracy_ppm

    def found(self, index: int, score_ppm: int) -> None:
        self.scores[index] = score_ppm


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

        seen = Seen({})
        scores_ppm = verify.verify(world.person(11), of, seen).scores_ppm
        again = Seen({index: seen.scores[index] for index in (0, 1)})
        assert verify.verify(world.person(11), of, again).scores_ppm == scores_ppm
    assert tuple(seen.scores.values()) == scores_ppm
    assert sorted(again.scores) == [2, 3]
    good, junk, one_label, good_too = scores_ppm

    assert good >= MAFR_PPM
    assert good_too >= MAFR_PPM
    assert 0 < junk < MAFR_PPM
    assert one_label == 0
    assert sorted(seen.fused_ppm) == [0, 3]  # the others did not reach MAFR by themselves
    assert seen.fused_ppm[0] >= good and seen.fused_ppm[3] >= good_too
    assert again.fused_ppm == {3: seen.fused_ppm[3]}


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
