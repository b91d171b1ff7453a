"""What a contributor does not seal: models that nobody could score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dapp.chain.words import Phase
from dapp.stages import commit, task
from dapp.stages.context import TermsRefused
from dapp.store import open_store
from ml.canonical import sha256
from ml.spec import DataRef, Development
from tests.flow.world import INITIATOR, World


def test_seal_modelOfAnotherTask_isRefused(world: World) -> None:
    of = world.open()
    model = world.train(1, of)
    other = task.open_task(
        world.person(INITIATOR), world.spec(rule="fused"), world.terms(), world.shards()
    ).task
    world.pass_phase(other, Phase.NOTICE)
    with pytest.raises(TermsRefused, match="made for another task"):
        commit.seal(world.person(1), other, model.manifest, model.weights)


def test_seal_byTheInitiator_isRefused(world: World) -> None:
    of = world.open()
    model = world.train(1, of)
    world.pass_phase(of, Phase.NOTICE)
    with pytest.raises(TermsRefused, match="opened the task"):
        commit.seal(world.person(INITIATOR), of, model.manifest, model.weights)
    assert world.view(of).sealed == ()


def test_seal_forATaskWhoseDataAreGarbage_isRefused(world: World) -> None:
    data = b"no samples at all"
    nonsense = DataRef(world.store.put(data), sha256(data).hex(), len(data), 5)
    spec = world.spec()
    spec = replace(spec, development=Development(spec.development.train, nonsense))
    of = task.open_task(world.person(INITIATOR), spec, world.terms(), world.shards()).task
    model = world.train(1, of)
    world.pass_phase(of, Phase.NOTICE)
    with pytest.raises(TermsRefused, match="development data cannot be used"):
        commit.seal(world.person(1), of, model.manifest, model.weights)
    assert world.view(of).sealed == ()


def test_seal_whereTheStoreLacksTheData_isRefused(world: World, tmp_path: object) -> None:
    of = world.open()
    model = world.train(1, of)
    world.pass_phase(of, Phase.NOTICE)
    empty = open_store(f"embedded:{tmp_path}/empty")
    spec = task.spec_of(world.person(1), of)
    empty.put(spec.to_bytes())
    with pytest.raises(TermsRefused, match="development data cannot be used"):
        commit.seal(replace(world.person(1), store=empty), of, model.manifest, model.weights)
