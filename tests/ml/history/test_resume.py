"""The promise: training goes on from a checkpoint bit for bit, as if it had never been interrupted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ml.threads import torch_threads
from tests.ml.history import training
from tests.ml.history.training import OPTIMIZERS, Setup, recorder, setup, train, train_unrecorded

pytestmark = pytest.mark.heavy


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        yield


def straight(kind: str, folder: Path, epochs: int = 10, **how: bool) -> Setup:
    """A training that nothing interrupts."""
    made = setup(kind, **how)
    with recorder(made, folder) as run:
        train(made, run, epochs)
    return made


def differing(one: Setup, other: Setup) -> list[str]:
    """Names of the tensors whose bytes differ: weights, buffers, optimizer, random numbers, all of it."""
    ours, theirs = one.bytes(), other.bytes()
    assert ours.keys() == theirs.keys()
    return [name for name in ours if ours[name] != theirs[name]]


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rollback_from10To4_thenOnTo10_endsWithTheSameBytes(
    tmp_path: Path, kind: str, own_generator: bool
) -> None:
    whole = straight(kind, tmp_path / "whole", own_generator=own_generator)

    made = setup(kind, own_generator=own_generator)
    with recorder(made, tmp_path / "rolled") as run:
        train(made, run, 10)
        assert differing(whole, made) == []
        run.restore(4)
        assert differing(whole, made) != []
        train(made, run, 10)
        rows = run.flush()
        assert [result.step for result in run.results.since(0)] == [*range(1, 11), *range(5, 11)]
        again = run.results.since(10)
        assert [result.weights_sha256 for result in again] == [
            result.weights_sha256 for result in run.results.since(4)[:6]
        ]
        assert (rows, again[0].base_row, again[1].base_row) == (16, 3, 10)

    assert differing(whole, made) == []


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("adam", "default"),
        pytest.param("sgd-momentum", "own", marks=pytest.mark.long),
        pytest.param("sgd-momentum", "default", marks=pytest.mark.long),
        pytest.param("adam", "own", marks=pytest.mark.long),
    ],
)
def test_rollback_inAFreshProcess_endsWithTheSameBytes(tmp_path: Path, kind: str, own: str) -> None:
    straight(kind, tmp_path / "whole", own_generator=own == "own")
    straight(kind, tmp_path / "rolled", 6, own_generator=own == "own")

    for target in ("4", "last"):  # the second process goes on from what the first left
        until = "8" if target == "4" else "10"
        arguments = [tmp_path / "rolled", kind, until, target, own, "99"]  # its start matters nothing
        subprocess.run([sys.executable, "-m", training.__name__, *map(str, arguments)], check=True)

    whole, rolled = setup(kind), setup(kind)
    with recorder(whole, tmp_path / "whole") as one, recorder(rolled, tmp_path / "rolled") as other:
        assert (one.epochs_done, other.epochs_done) == (10, 10)
        assert [result.step for result in other.results.since(6)] == [5, 6, 7, 8, 9, 10]
        last = [run.results.since(0)[-1] for run in (one, other)]
        assert last[0].weights_sha256 == last[1].weights_sha256
        assert differing(whole, rolled) == []


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("step", [4, 8, 12, 16])
def test_restore_withinAnEpoch_goesOnWithTheNextBatch(tmp_path: Path, step: int, own_generator: bool) -> None:
    whole = straight("adam", tmp_path / "whole", 3, own_generator=own_generator)

    made = setup("adam", own_generator=own_generator)
    with recorder(made, tmp_path / "parts", every_steps=4) as run:
        train(made, run, 3)  # 6 batches an epoch
        run.flush()
        assert [result.step for result in run.results.since(0)] == [4, 6, 8, 12, 12, 16, 18]
    fresh = setup("adam", own_generator=own_generator, seed=77)
    with recorder(fresh, tmp_path / "parts", every_steps=4) as run:
        run.restore(next(result for result in run.results.since(0) if result.step == step))
        assert run.steps_done == step
        train(fresh, run, 3)

    assert differing(whole, fresh) == []


def test_restore_withinAnEpoch_loadsNoBatchTwice(tmp_path: Path) -> None:
    made = setup("adam")
    with recorder(made, tmp_path, every_steps=4) as run:
        train(made, run, 1)
        run.restore(4)
        assert len(list(run.batches(made.loader))) == 2


@pytest.mark.parametrize("own_generator", [False, True])
def test_restore_withinAnEpoch_withWorkers_goesOnWithTheNextBatch(
    tmp_path: Path, own_generator: bool
) -> None:
    made = setup("adam", own_generator=own_generator, workers=2)
    with recorder(made, tmp_path, every_steps=4) as run:
        train(made, run, 1)
        whole = made.bytes()
        run.restore(4)
        train(made, run, 1)

    assert [name for name, data in made.bytes().items() if data != whole[name]] == []


@pytest.mark.parametrize("kind", ["sgd-momentum", "adam"])
def test_training_withAndWithoutRecorder_isTheSame(tmp_path: Path, kind: str) -> None:
    plain, plain_curve = setup(kind), list[float]()
    train_unrecorded(plain, 4, plain_curve)
    recorded, recorded_curve = setup(kind), list[float]()
    with recorder(recorded, tmp_path, every_steps=2) as run:
        train(recorded, run, 4, recorded_curve)

    assert plain_curve == recorded_curve
    assert differing(plain, recorded) == []
