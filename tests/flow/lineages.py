"""Lineages on digits in the small world: a first head, rounds, and whoever plays in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from dapp.chain.lineage import Kind
from dapp.chain.words import Phase
from dapp.stages import commit, lineage, pool, task, train
from dapp.stages import round as rounds
from dapp.stages.train import Trained
from ml.data import load
from ml.data.samples import Samples
from ml.data.shards import pack, split
from ml.evaluate import likelihood_ppm
from ml.growth import Grown, found
from ml.lineage_spec import LineageSpec
from ml.round_rules import RoundRules
from tests.flow.world import ETHER, INITIATOR, VERIFIERS, World

OLD = (0, 1, 2)
SCATTERING = {"scales": 2, "orientations": 2}
OPTIONS = {"directions": 12}
RULES = RoundRules(step_ppm=0, claim_tolerance_ppm=0, old_drop_ppm=60_000, new_bar_ppm=700_000)
PRIZE_WEI = ETHER


@cache
def parts() -> tuple[Samples, ...]:
    """Training images in six equal parts: of the initiator, four contributors, and for shards."""
    samples = load("digits").train
    return tuple(samples.take(np.arange(at, len(samples), 6)) for at in range(6))


@cache
def first_model(samples_used: int = 60) -> Grown:
    """A model of OLD from few samples: worse than one from all."""
    own = parts()[0].with_labels(OLD)
    return found(own.take(slice(0, samples_used)), scattering=SCATTERING, options=OPTIONS)


def spec() -> LineageSpec:
    return LineageSpec("digits for life", "digits", (1, 28, 28), tuple("0123456789"), rules=RULES)


def modest(model: Trained) -> Trained:
    """The same model, which claims less than its training samples promise."""
    return replace(model, manifest=replace(model.manifest, claimed_ppm=model.manifest.claimed_ppm * 7 // 10))


@dataclass
class Life:
    """A lineage and its world."""

    world: World
    lineage: bytes
    number: int = 0  # of rounds, so that no two have the same task

    def open(self, kind: Kind, labels: Sequence[int], committee: int = 3, reward_wei: int = 0) -> bytes:
        """The next round; its shards show `labels`. Ends in phase Notice."""
        initiator = self.world.person(INITIATOR)
        self.number += 1
        development = self.world.spec().development
        round_spec = rounds.spec_for(initiator, self.lineage, kind, development)
        shown = parts()[5].with_labels(tuple(labels))
        shards = [pack(part) for part in split(shown, 4)]
        terms = self.world.terms(
            reward_wei=reward_wei,
            mafr_ppm=500_000,
            shards_drawn=4,
            number=self.number,
            committee=committee,
        )
        rounds.require_open(
            initiator, self.lineage, kind, task.prepare(initiator, round_spec, terms, shards)[0]
        )
        opened = task.open_task(initiator, round_spec, terms, shards).task
        rounds.open_round(initiator, self.lineage, opened)
        return opened

    def submit(self, of: bytes, models: dict[int, Trained]) -> None:
        """Seal, open and declare; ends in phase Draw."""
        self.world.pass_phase(of, Phase.NOTICE)
        for index, model in models.items():
            commit.seal(self.world.person(index), of, model.manifest, model.weights)
        self.world.pass_phase(of, Phase.SUBMIT)
        for index in models:
            commit.open_model(self.world.person(index), of)
            rounds.declare(self.world.person(index), of)
        self.world.pass_phase(of, Phase.OPEN)

    def improve(self, index: int, of: bytes) -> Trained:
        samples = parts()[index].with_labels(OLD)
        return modest(train.improve(self.world.person(index), of, samples, samples, seed=index))

    def grow(self, index: int, of: bytes, labels: Sequence[int]) -> Trained:
        """Contributor `index` teaches `labels`."""
        own = parts()[index].with_labels(tuple(labels))
        return modest(train.extend(self.world.person(index), of, own, own, labels, "subspace", 0, OPTIONS))

    def pass_challenge(self) -> None:
        seen = lineage.show(self.world.person(INITIATOR), self.lineage)
        self.world.clock.wait_until(seen.known.view.head.challenge_ends_at_s)


def begin(
    world: World,
    threshold_ppm: int = 0,
    claimed_ppm: int | None = None,
    samples_used: int = 60,
    model: Grown | None = None,
    committee: int = 3,
) -> Life:
    """A lineage whose verifiers have joined the pool."""
    for index in VERIFIERS:
        pool.join(world.person(index), world.pool_key)
    model = first_model(samples_used) if model is None else model
    terms = lineage.Terms(
        pool=world.pool_key.pool,
        committee=committee,
        prize_wei=PRIZE_WEI,
        rounds_max=4,
        threshold_ppm=threshold_ppm,
        challenge_s=600,
    )
    modest = likelihood_ppm(model, parts()[0].with_labels(OLD)) // 2
    claim = modest if claimed_ppm is None else claimed_ppm
    started = lineage.start(world.person(INITIATOR), spec(), model, claim, terms)
    return Life(world, started.lineage)
