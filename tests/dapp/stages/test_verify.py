"""What verifiers do with hostile models: each scores 0 for a stated reason, and the honest one is scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dapp.chain.words import Phase
from dapp.stages import verify
from dapp.stages.context import NothingDue
from dapp.store import Store, Unreachable, cid_of, open_store
from ml import weights
from ml.canonical import canonical_json, sha256
from ml.manifest import Manifest, WeightsRef
from ml.models import build, mlp
from ml.spec import TaskSpec
from tests.flow.world import STRANGER, World, new_world

LABELS = (0, 1, 2)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, bytes, verify.Verified]]:
    """One task with a hostile model of every kind, seen by a verifier."""
    with new_world(tmp_path_factory.mktemp("hostile")) as world:
        of = world.open(cap=20, verifiers=(11,), committee=1)
        spec = world.spec()
        world.pass_phase(of, Phase.NOTICE)
        plants = [Plant(world, of, index) for index in range(1, 1 + len(KINDS))]
        for plant, make in zip(plants, KINDS.values(), strict=True):
            make(plant, spec)
            plant.seal()
        world.pass_phase(of, Phase.SUBMIT)
        for plant in plants:
            plant.open()
        world.pass_phase(of, Phase.OPEN)
        world.draw(of)
        yield world, of, verify.verify(world.person(STRANGER), of)


class Plant:
    """A contributor that commits to whatever it likes."""

    def __init__(self, world: World, of: bytes, index: int) -> None:
        self.world, self.of, self.ctx = world, of, world.person(index if index < 11 else index + 10)
        self.manifest, self.weights, self.size = bytes(32), bytes(32), 1

    def honest(self, spec: TaskSpec, seed: int = 1) -> tuple[dict[str, object], bytes]:
        """An untrained model and its manifest, to be spoilt."""
        architecture = mlp(LABELS, hidden=(8,))
        data = weights.to_bytes(build(architecture, seed=seed))
        ref = WeightsRef(cid_of(data), sha256(data).hex(), len(data))
        return Manifest(spec.digest().hex(), architecture, ref, 1).to_json(), data

    def commit(self, manifest: bytes, data: bytes, size: int | None = None, publish: bool = True) -> None:
        if publish:
            self.world.store.put(manifest)
            self.world.store.put(data)
        self.manifest, self.weights = sha256(manifest), sha256(data)
        self.size = len(data) if size is None else size

    def commit_json(self, manifest: dict[str, object], data: bytes, **changes: object) -> None:
        ref = {"cid": cid_of(data), "sha256": sha256(data).hex(), "bytes": len(data)}
        ref |= changes.pop("weights", {})  # type: ignore[operator]
        size = changes.pop("size", None)
        self.commit(canonical_json(manifest | changes | {"weights": ref}), data, size)  # type: ignore[arg-type]

    def seal(self) -> None:
        args = (self.weights, self.manifest, self.size, 1, bytes(32))
        seal = self.ctx.chain.board.model_seal(self.of, self.ctx.chain.address, *args)
        self.ctx.chain.send("seal", self.ctx.chain.quorate.call("commitSeal", self.of, seal))

    def open(self) -> None:
        args = (self.weights, self.manifest, self.size, 1, bytes(32))
        self.ctx.chain.send("open", self.ctx.chain.quorate.call("commitOpen", self.of, *args))


def _good(plant: Plant, spec: TaskSpec) -> None:
    plant.commit_json(*plant.honest(spec))


def _unpublished(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 2)
    plant.commit(canonical_json(manifest), data, publish=False)


def _larger(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 3)
    plant.commit_json(manifest, data, weights={"bytes": len(data) - 1}, size=len(data) - 1)


def _other_bytes(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 4)
    other = plant.honest(spec, 5)[1]
    plant.world.store.put(other)
    plant.commit_json(manifest, data, weights={"cid": cid_of(other)})


def _nan(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 6)
    plant.commit_json(manifest, data[:-4] + np.float32("nan").tobytes())


def _pickle(plant: Plant, spec: TaskSpec) -> None:
    manifest, _ = plant.honest(spec)
    plant.commit_json(manifest, b"\x80\x04\x95" + b"cos\nsystem\n" * 20)


def _other_task(plant: Plant, spec: TaskSpec) -> None:
    plant.commit_json(*plant.honest(spec, 7), spec="00" * 32)


def _giant(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 8)
    layers = [{"kind": "flatten"}, {"kind": "linear", "out": 65_536}, {"kind": "linear", "out": 65_536}]
    plant.commit_json(manifest, data, architecture=dict(mlp(LABELS)) | {"layers": layers})


def _not_json(plant: Plant, spec: TaskSpec) -> None:
    plant.commit(b'{"version": 1.5', plant.honest(spec, 9)[1])


def _other_shape(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 10)
    plant.commit_json(manifest, data, architecture=mlp(LABELS, hidden=(9,)))


def _extra_tensor(plant: Plant, spec: TaskSpec) -> None:
    manifest, _ = plant.honest(spec)
    state = build(mlp(LABELS, hidden=(8,)), seed=11).state_dict() | {"layers.9.weight": torch.zeros(2)}
    plant.commit_json(manifest, weights.pack(state))


def _terabyte(plant: Plant, spec: TaskSpec) -> None:
    manifest, data = plant.honest(spec, 12)
    plant.commit_json(manifest, data, size=2**40 - 1)


def _other_labels(plant: Plant, spec: TaskSpec) -> None:
    architecture = mlp((0, 99), hidden=(8,))
    plant.commit_json(
        plant.honest(spec)[0], weights.to_bytes(build(architecture, seed=13)), architecture=architecture
    )


def _thief(plant: Plant, spec: TaskSpec) -> None:
    plant.commit_json(*plant.honest(spec))


KINDS = {
    "honest": _good,
    "unpublished": _unpublished,
    "larger": _larger,
    "other_bytes": _other_bytes,
    "nan": _nan,
    "pickle": _pickle,
    "other_task": _other_task,
    "giant": _giant,
    "not_json": _not_json,
    "other_shape": _other_shape,
    "extra_tensor": _extra_tensor,
    "terabyte": _terabyte,
    "other_labels": _other_labels,
    "thief": _thief,
}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unpublished", "store-not-found"),
        ("larger", "store-too-large"),
        ("other_bytes", "sealed were"),
        ("nan", "NaN or infinity"),
        ("pickle", "a Python pickle, not safetensors; it was not opened"),
        ("other_task", "answers another task"),
        ("giant", "invalid-architecture"),
        ("not_json", "invalid-json"),
        ("other_shape", "the architecture asks for"),
        ("extra_tensor", "tensors the architecture lacks"),
        ("terabyte", "the task allows"),
        ("other_labels", "labels beyond the task's 10"),
        ("thief", "copy of model 0"),
    ],
)
def test_verify_hostileModel_scoresZeroForAStatedReason(
    judged: tuple[World, bytes, verify.Verified], kind: str, reason: str
) -> None:
    score = judged[2].scores[list(KINDS).index(kind)]
    assert score.score_ppm == 0
    assert score.reason is not None
    assert reason in score.reason


def test_verify_honestModelAmongThem_isScored(judged: tuple[World, bytes, verify.Verified]) -> None:
    assert judged[2].scores[0].reason is None
    assert judged[2].scores[0].score_ppm > 0
    assert judged[2].samples == 60


def test_verify_again_givesTheSame(judged: tuple[World, bytes, verify.Verified]) -> None:
    world, of, first = judged
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert verify.verify(world.person(11), of) == first
    finally:
        torch.set_num_threads(before)


def test_verify_storeDoesNotAnswer_isNoReasonToScoreZero(
    judged: tuple[World, bytes, verify.Verified],
) -> None:
    world, of, _ = judged
    cut_off = replace(world.person(STRANGER), store=open_store("ipfs:http://127.0.0.1:9"))
    with pytest.raises(Unreachable):
        verify.verify(cut_off, of)


def test_verify_modelThatNeverArrivesFromAStoreThatAnswers_scoresZero(
    judged: tuple[World, bytes, verify.Verified],
) -> None:
    world, of, first = judged
    slow = replace(world.person(STRANGER), store=Trickling(world.store, first.scores[0].manifest_cid))
    score = verify.verify(slow, of).scores[0]
    assert score.score_ppm == 0
    assert score.reason == "store-unreachable: took more than 300 s"


@dataclass(frozen=True)
class Trickling:
    """A store that is well, but for one CID, whose publisher sends a byte now and then."""

    store: Store
    cid: str

    def put(self, data: bytes) -> str:
        return self.store.put(data)

    def get(self, cid: str, max_bytes: int) -> bytes:
        if cid == self.cid:
            raise Unreachable("took more than 300 s")
        return self.store.get(cid, max_bytes)

    def has(self, cid: str) -> bool:
        return self.store.has(cid)


def test_verify_beforeTheShardsAreShown_saysWhenToCome(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        of = world.open(verifiers=())
        with pytest.raises(NothingDue, match="not shown yet"):
            verify.verify(world.person(STRANGER), of)
