"""Everything that decides how training goes on is taken and put back; what does not fit changes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, MultiStepLR, OneCycleLR, ReduceLROnPlateau, SequentialLR

from ml.history.skeleton import InvalidState
from ml.history.state import RestoreRefused, Training, capture, restore
from ml.history.tensors import weights_file, weights_of
from ml.weights import pack


@pytest.fixture(autouse=True)
def own_random() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        yield


class Net(nn.Module):
    """A buffer that state_dict shows, one that it hides, tied weights, and a state of its own."""

    shown: Tensor
    hidden: Tensor

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(3, size)
        self.second = nn.Linear(size, 2)
        self.tied = self.second
        self.register_buffer("shown", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("hidden", torch.zeros(2), persistent=False)
        self.note: dict[str, Any] = {"seen": 0}

    def forward(self, x: Tensor) -> Tensor:
        self.shown += 1
        self.hidden += 0.5
        self.note["seen"] += 1
        out: Tensor = self.second(torch.relu(self.first(x)))
        return out

    def get_extra_state(self) -> dict[str, Any]:
        return dict(self.note)

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.note = dict(state)


def steps(model: nn.Module, optimizer: Optimizer, count: int = 3, after: Callable[[], object] = int) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        torch.autograd.backward(model(torch.randn(5, 3)).square().mean())
        optimizer.step()
        after()


def image(tensors: dict[str, Tensor]) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def made(model: nn.Module | None = None, **parts: Any) -> Training:
    model = model or Net()
    parts.setdefault("optimizer", Adam(model.parameters(), 0.1))
    return Training(model, parts)


def test_restore_putsBackModelAndOptimizer() -> None:
    training = made()
    steps(training.model, training.parts["optimizer"])
    taken = capture(training, {"epoch": 3})
    steps(training.model, training.parts["optimizer"])
    assert image(capture(training, {"epoch": 3})) != image(taken)

    assert restore(taken, training) == {"epoch": 3}
    assert image(capture(training, {"epoch": 3})) == image(taken)


def test_restore_putsBackBuffersFlagsAndFrozenParameters() -> None:
    training = made()
    model = training.model
    assert isinstance(model, Net)
    model.first.eval()
    model.first.weight.requires_grad_(False)
    steps(model, training.parts["optimizer"], 2)
    taken = capture(training)
    model.train()
    model.first.weight.requires_grad_(True)
    steps(model, training.parts["optimizer"], 5)

    restore(taken, training)
    assert model.shown.tolist() == [2, 2]
    assert model.hidden.tolist() == [1, 1]
    assert model.note == {"seen": 2}
    assert (model.training, model.first.training, model.second.training) == (True, False, True)
    assert (model.first.weight.requires_grad, model.first.bias.requires_grad) == (False, True)


def test_restore_putsBackEverySourceOfRandomNumbers() -> None:
    sources: dict[str, Any] = {
        "torch": torch.Generator().manual_seed(1),
        "numpy": np.random.default_rng(1),
        "python": random.Random(1),
    }

    def drawn() -> list[float]:
        return [
            float(torch.randn(())),
            random.gauss(0, 1),
            float(np.random.normal()),
            float(torch.rand((), generator=sources["torch"])),
            float(sources["numpy"].normal()),
            sources["python"].gauss(0, 1),
        ]

    training = Training(nn.Linear(1, 1), {}, sources)
    drawn()  # leaves a half-used pair in Python's and NumPy's normal numbers
    taken = capture(training)
    first = drawn()
    assert drawn() != first
    restore(taken, training)
    assert drawn() == first


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: MultiStepLR(o, [1, 3, 3]),
        lambda o: OneCycleLR(o, 0.5, total_steps=20),
        lambda o: LambdaLR(o, lambda step: 1 / (step + 1)),
        lambda o: SequentialLR(o, [MultiStepLR(o, [1]), LambdaLR(o, lambda step: 0.3**step)], [2]),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 9),
    ],
)
def test_restore_putsBackTheScheduler(schedule: Callable[[Optimizer], Any]) -> None:
    def fresh() -> tuple[Training, SGD, Any]:
        model = Net()
        optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
        scheduler = schedule(optimizer)
        return made(model, optimizer=optimizer, scheduler=scheduler), optimizer, scheduler

    training, optimizer, scheduler = fresh()
    steps(training.model, optimizer, 2, scheduler.step)
    taken = capture(training)
    steps(training.model, optimizer, 4, scheduler.step)
    whole = image(capture(training))
    other, optimizer, scheduler = fresh()
    restore(taken, other)
    steps(other.model, optimizer, 4, scheduler.step)
    assert image(capture(other)) == whole


def test_restore_putsBackReduceOnPlateau() -> None:
    training = made()
    optimizer = training.parts["optimizer"]
    assert isinstance(optimizer, Adam)
    scheduler = ReduceLROnPlateau(optimizer, patience=1)
    training = made(training.model, optimizer=optimizer, scheduler=scheduler)
    scheduler.step(1.0)
    taken = capture(training)
    for loss in (2.0, 2.0, 2.0):
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] < 0.1
    restore(taken, training)
    assert (optimizer.param_groups[0]["lr"], scheduler.best, scheduler.num_bad_epochs) == (0.1, 1.0, 0)


def test_restore_putsBackTheGradientScaler() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    model = Net()
    optimizer = SGD(model.parameters(), 0.1)
    training = made(model, optimizer=optimizer, scaler=scaler)

    def scaled_step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(scaler.scale(model(torch.randn(5, 3)).square().mean()))
        scaler.step(optimizer)
        scaler.update()

    scaled_step()
    taken = capture(training)
    assert scaler.get_scale() == 16.0
    scaled_step()
    assert scaler.get_scale() == 32.0
    restore(taken, training)
    assert scaler.get_scale() == 16.0


def test_restore_keepsTypesOfSettings() -> None:
    training = made()
    optimizer = training.parts["optimizer"]
    assert isinstance(optimizer, Adam)
    group = optimizer.param_groups[0]
    group.update(lr=0.1 + 0.2, betas=(0.9, 1 / 3), foreach=None, maximize=False, note=7)
    before = {name: repr(value) for name, value in group.items() if name != "params"}
    taken = capture(training)
    group.update(lr=1, betas=[0, 0], foreach=True, maximize=True, note=7.0)
    restore(taken, training)
    after = {name: repr(value) for name, value in optimizer.param_groups[0].items() if name != "params"}
    assert after == before


def test_restore_keepsStateOfAnotherTypeThanTheParameter() -> None:
    model = nn.Linear(2, 2).to(torch.bfloat16)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    exact = torch.full((2, 2), 1 / 3)  # float32, as mixed-precision optimizers keep it
    optimizer.state[model.weight]["momentum_buffer"] = exact
    training = made(model, optimizer=optimizer)
    taken = capture(training)
    optimizer.state.clear()
    restore(taken, training)
    assert torch.equal(optimizer.state[model.weight]["momentum_buffer"], exact)


def test_restore_putsTensorsBackInTheirOrderInMemory() -> None:
    model = nn.Conv2d(3, 4, 3)
    other = nn.Conv2d(3, 4, 3)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizers = [Adam(m.parameters(), 0.1, fused=True) for m in (model, other)]
    torch.autograd.backward(model(torch.randn(1, 3, 5, 5)).sum())
    optimizers[0].step()
    restore(capture(made(model, optimizer=optimizers[0])), made(other, optimizer=optimizers[1]))
    assert other.weight.stride() == model.weight.stride() == (27, 1, 9, 3)
    assert optimizers[1].state[other.weight]["exp_avg"].stride() == (27, 1, 9, 3)


def test_gradients_areTakenIfAskedFor_elseDropped() -> None:
    model = Net()
    optimizer = SGD(model.parameters(), 0.1)
    with_gradients = Training(model, {"optimizer": optimizer}, gradients=True)
    without = Training(model, {"optimizer": optimizer})
    torch.autograd.backward(model(torch.randn(5, 3)).sum())
    gradient = model.first.weight.grad
    assert gradient is not None
    taken, dropped = capture(with_gradients), capture(without)
    model.first.weight.grad = None
    restore(taken, with_gradients)
    assert model.first.weight.grad is not None
    assert torch.equal(model.first.weight.grad, gradient)
    restore(dropped, without)
    assert model.first.weight.grad is None


def test_weights_areThoseOfTheModel_underItsNames() -> None:
    model = nn.Linear(3, 2)
    taken = weights_of(capture(made(model)))
    assert weights_file(taken) == pack(dict(model.state_dict()))


class Stubborn:
    """A part that takes no state back."""

    def state_dict(self) -> dict[str, Any]:
        return {"a": 1}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        raise ValueError("no")


def other_optimizer(model: nn.Module) -> dict[str, Any]:
    return {"optimizer": SGD(model.parameters(), 0.1)}


def two_groups(model: nn.Module) -> dict[str, Any]:
    first, *rest = model.parameters()
    return {"optimizer": Adam([{"params": [first]}, {"params": rest}], 0.1)}


def adam(model: nn.Module) -> dict[str, Any]:
    return {"optimizer": Adam(model.parameters(), 0.1)}


def with_scheduler(model: nn.Module) -> dict[str, Any]:
    optimizer = Adam(model.parameters(), 0.1)
    return {"optimizer": optimizer, "scheduler": MultiStepLR(optimizer, [1])}


@pytest.mark.parametrize(
    ("model", "parts", "said"),
    [
        (Net(5), adam, r"first.bias is \(5,\) float32, the checkpoint has \(4,\) float32"),
        (Net().double(), adam, r"first.bias is \(4,\) float64, the checkpoint has \(4,\) float32"),
        (nn.Sequential(Net()), adam, r"the checkpoint lacks the tensor 0.first.bias"),
        (Net(), other_optimizer, "optimizer is SGD, the checkpoint has Adam"),
        (Net(), two_groups, r"optimizer has groups of \[1, 3\] parameters, the checkpoint of \[4\]"),
        (Net(), with_scheduler, "the checkpoint lacks the part scheduler"),
        (Net(), lambda _: {}, "only the checkpoint has the part optimizer"),
    ],
)
def test_restore_ofAnotherTraining_isRefusedAndChangesNothing(
    model: nn.Module, parts: Callable[[nn.Module], dict[str, Any]], said: str
) -> None:
    training = made()
    steps(training.model, training.parts["optimizer"])
    taken = capture(training)
    other = Training(model, parts(model))
    before = image(capture(other))
    with pytest.raises(RestoreRefused, match=said):
        restore(taken, other)
    assert image(capture(other)) == before


def test_restore_withoutANamedGenerator_isRefused() -> None:
    model = nn.Linear(1, 1)
    taken = capture(Training(model, {}, {"data": torch.Generator()}))
    with pytest.raises(RestoreRefused, match="only the checkpoint has the generator data"):
        restore(taken, Training(model, {}))


def test_restore_thatFailsHalfway_changesNothing() -> None:
    training = made(stubborn=Stubborn())
    steps(training.model, training.parts["optimizer"])
    taken = capture(training)
    easy = Training(training.model, {"optimizer": training.parts["optimizer"]})
    steps(training.model, training.parts["optimizer"])
    before = image(capture(easy))
    with pytest.raises(RestoreRefused, match="does not fit: no"):
        restore(taken, training)
    assert image(capture(easy)) == before


def test_restore_ofTensorsWithoutDocument_isRefused() -> None:
    training = made()
    taken = capture(training)
    del taken["state/skeleton"]
    with pytest.raises(InvalidState, match="state/skeleton"):
        restore(taken, training)


@pytest.mark.parametrize("flipped", range(0, 4000, 97))
def test_restore_ofAFlippedByteInTheDocument_changesNothingOrIsAnotherValue(flipped: int) -> None:
    training = made()
    steps(training.model, training.parts["optimizer"])
    taken = capture(training)
    text = taken["state/skeleton"]
    text[flipped % len(text)] ^= 1
    before = image(capture(training))
    try:
        restore(taken, training)
    except (InvalidState, RestoreRefused):
        assert image(capture(training)) == before
