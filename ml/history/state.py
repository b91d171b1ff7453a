"""Everything that decides how a training goes on, taken as tensors and put back bit for bit.

Model with its buffers, flags and frozen parameters; optimizer, scheduler, gradient scaler, whatever else has
a state_dict; the random numbers of torch (each GPU too), Python, NumPy and named generators. The model's
tensors bear names that begin with "weights/", all others "state/"; `state/skeleton` is the document of the
rest (ml.history.skeleton).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from ml.errors import QuorateError
from ml.history import skeleton
from ml.history.copies import Copies
from ml.history.tensors import WEIGHTS, weights_of

SKELETON: Final = "state/skeleton"

AnyGenerator: TypeAlias = Generator | np.random.Generator | random.Random


class RestoreRefused(QuorateError):
    """A checkpoint of another model, optimizer or machine. Nothing was changed."""

    code = "restore-refused"
    default_fix = "Build the same model and optimizer as when the checkpoint was taken, then restore again."


class Stateful(Protocol):
    """What has a state: an optimizer, a scheduler, a gradient scaler, an average of the weights."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


@dataclass(frozen=True)
class Training:
    """The objects of one training.

    parts       by a name of the user's: "optimizer", "scheduler", ...
    generators  those that data or model draw from, by name, beside the global ones
    gradients   whether gradients are recorded too; wanted only where a checkpoint falls between `backward`
                and the optimizer's step, as it may where gradients are accumulated. Else they are dropped.
    """

    model: nn.Module
    parts: Mapping[str, Stateful]
    generators: Mapping[str, AnyGenerator] = field(default_factory=dict)
    gradients: bool = False


@dataclass(frozen=True)
class Snapshot:
    """A training at one moment, shared with nobody. Taking it copies tensors; its document comes later."""

    copies: Copies
    weights: Mapping[str, int]  # which copy
    rest: Any

    def tensors(self) -> dict[str, Tensor]:
        """All that must be kept, by name."""
        copies = self.copies.tensors()
        tensors = {WEIGHTS + name: copies[index] for name, index in self.weights.items()}
        text = skeleton.to_bytes(skeleton.encode(self.rest, "state", copies, tensors))
        return {**tensors, SKELETON: torch.frombuffer(bytearray(text), dtype=torch.uint8)}


def snapshot(training: Training, loop: object = None) -> Snapshot:
    """The state of `training` now, and `loop`: any value of the caller's. Raises InvalidState."""
    module = training.model.state_dict()
    weights = {name: tensor for name, tensor in module.items() if isinstance(tensor, Tensor)}
    rest = {
        "model": {
            "strides": {n: s for n, t in weights.items() if (s := skeleton.strides_of(t))},
            "extra": {name: item for name, item in module.items() if name not in weights},
            "buffers": _hidden_buffers(training.model, module),
            "evaluating": [n for n, m in training.model.named_modules() if not m.training],
            "frozen": [n for n, p in training.model.named_parameters() if not p.requires_grad],
            "gradients": _gradients(training.model) if training.gradients else None,
        },
        "classes": {name: type(part).__name__ for name, part in training.parts.items()},
        "parts": {name: part.state_dict() for name, part in training.parts.items()},
        "random": random_state(training.generators),
        "loop": loop,
    }
    copies = Copies()
    indices = {name: copies.add(tensor) for name, tensor in weights.items()}
    value = skeleton.frozen(rest, ("state",), copies)
    copies.take()
    return Snapshot(copies, indices, value)


def capture(training: Training, loop: object = None) -> dict[str, Tensor]:
    """The state of `training` now as tensors; `loop` is any value of the caller's. Raises InvalidState."""
    return snapshot(training, loop).tensors()


def restore(tensors: Mapping[str, Tensor], training: Training) -> Any:
    """Put `training` back to what `capture` took; returns its `loop`.

    Raises InvalidState, or RestoreRefused naming what differs; `training` is then as it was.
    """
    value = read(tensors)
    try:
        differences = list(_differences(tensors, value, training))
    except (KeyError, TypeError, AttributeError) as error:
        raise skeleton.InvalidState(f"the checkpoint's document is malformed: {error!r}") from error
    if differences:
        more = f", and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise RestoreRefused("this checkpoint is of another training: " + "; ".join(differences[:5]) + more)
    before = capture(training)
    try:
        _apply(tensors, value, training)
    except Exception as error:
        with suppress(Exception):  # it stops where it stopped before, after undoing all that was done
            _apply(before, read(before), training)
        raise RestoreRefused(f"the checkpoint does not fit: {error}") from error
    return value["loop"]


def read(tensors: Mapping[str, Tensor]) -> Any:
    """What the document of a checkpoint says. Raises InvalidState."""
    text = tensors.get(SKELETON)
    if text is None or text.dtype != torch.uint8:
        raise skeleton.InvalidState(f"the checkpoint holds no {SKELETON}")
    value = skeleton.from_bytes(text.numpy().tobytes(), tensors)
    wanted = {"model", "classes", "parts", "random", "loop"}
    if not isinstance(value, dict) or value.keys() != wanted:
        raise skeleton.InvalidState("the checkpoint's document lacks or adds parts of a training")
    return value


def random_state(generators: Mapping[str, AnyGenerator]) -> dict[str, Any]:
    """Where every source of random numbers stands: the global ones and `generators`."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "python": _python_state(random.getstate()),
        "numpy": np.random.get_state(legacy=False),
        "generators": {name: generator_state(generator) for name, generator in generators.items()},
    }


def set_random_state(state: Mapping[str, Any], generators: Mapping[str, AnyGenerator]) -> None:
    """Put every source back to where `random_state` found it."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    random.setstate(_python_state_back(state["python"]))
    np.random.set_state(state["numpy"])
    for name, generator in generators.items():
        set_generator_state(generator, state["generators"][name])


def set_generator_state(generator: AnyGenerator, state: Any) -> None:
    """Put one generator back."""
    if isinstance(generator, Generator):
        generator.set_state(state)
    elif isinstance(generator, random.Random):
        generator.setstate(_python_state_back(state))
    else:
        generator.bit_generator.state = state


def generator_state(generator: AnyGenerator) -> Any:
    """Where one generator stands."""
    if isinstance(generator, Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return _python_state(generator.getstate())
    return dict(generator.bit_generator.state)


def _python_state(state: tuple[Any, ...]) -> dict[str, Any]:
    version, words, gauss = state
    packed = np.frombuffer(struct.pack(f"<{len(words)}I", *words), "<u4")
    return {"version": version, "words": packed, "gauss": gauss}


def _python_state_back(state: Mapping[str, Any]) -> tuple[Any, ...]:
    return state["version"], tuple(state["words"].tolist()), state["gauss"]


def _hidden_buffers(model: nn.Module, shown: Container[str]) -> dict[str, Tensor]:
    """Buffers that state_dict leaves out."""
    return {name: buffer for name, buffer in model.named_buffers() if name not in shown}


def _gradients(model: nn.Module) -> dict[str, Tensor | None]:
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def _differences(tensors: Mapping[str, Tensor], value: Any, training: Training) -> Iterator[str]:
    """In what the checkpoint is not of this training, in words."""
    model, recorded = training.model, value["model"]
    here = {n: t for n, t in model.state_dict().items() if isinstance(t, Tensor)}
    yield from _tensor_differences(weights_of(tensors), here)
    yield from _tensor_differences(recorded["buffers"], _hidden_buffers(model, model.state_dict()))
    yield from _name_differences("state", recorded["extra"], model.state_dict().keys() - here.keys())
    names = dict(model.named_parameters()).keys()
    yield from (f"the model has no {name} to freeze" for name in recorded["frozen"] if name not in names)
    yield from _name_differences("part", value["parts"], training.parts)
    for name, part in training.parts.items():
        if name in value["parts"]:
            there, own = value["classes"][name], type(part).__name__
            if there != own:
                yield f"{name} is {own}, the checkpoint has {there}"
            elif isinstance(part, Optimizer):
                yield from _group_differences(name, value["parts"][name], part)
    yield from _name_differences("generator", value["random"]["generators"], training.generators)
    gpus = len(value["random"]["cuda"])
    if gpus and gpus != torch.cuda.device_count():
        yield f"it was taken with {gpus} GPUs, here are {torch.cuda.device_count()}"


def _tensor_differences(there: Mapping[str, Tensor], here: Mapping[str, Tensor]) -> Iterator[str]:
    yield from _name_differences("tensor", there, here)
    for name in sorted(there.keys() & here.keys()):
        ours, theirs = here[name], there[name]
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            shown = [f"{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for t in (ours, theirs)]
            yield f"{name} is {shown[0]}, the checkpoint has {shown[1]}"


def _name_differences(kind: str, there: Iterable[str], here: Iterable[str]) -> Iterator[str]:
    yield from (f"the checkpoint lacks the {kind} {name}" for name in sorted(set(here) - set(there)))
    yield from (f"only the checkpoint has the {kind} {name}" for name in sorted(set(there) - set(here)))


def _group_differences(name: str, there: Mapping[str, Any], here: Optimizer) -> Iterator[str]:
    theirs = [len(group["params"]) for group in there["param_groups"]]
    ours = [len(group["params"]) for group in here.param_groups]
    if theirs != ours:
        yield f"{name} has groups of {ours} parameters, the checkpoint of {theirs}"


def _apply(tensors: Mapping[str, Tensor], value: Any, training: Training) -> None:
    model, recorded = training.model, value["model"]
    model.load_state_dict({**weights_of(tensors), **recorded["extra"]})
    with torch.no_grad():
        for name, tensor in model.state_dict(keep_vars=True).items():
            strides = recorded["strides"].get(name, [])
            if isinstance(tensor, Tensor) and skeleton.strides_of(tensor) != strides:
                tensor.data = skeleton.laid_out(tensor, strides, str(tensor.device))
        for name, buffer in _hidden_buffers(model, model.state_dict()).items():
            buffer.copy_(recorded["buffers"][name])
    for name, module in model.named_modules():
        module.training = name not in recorded["evaluating"]
    gradients = recorded["gradients"] or {}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in recorded["frozen"])
        parameter.grad = gradients.get(name)
    for name, part in training.parts.items():
        state = value["parts"][name]
        part.load_state_dict(state)
        if isinstance(part, Optimizer):
            _apply_exactly(state["state"], part)
    set_random_state(value["random"], training.generators)


def _apply_exactly(state: Mapping[Any, Any], optimizer: Optimizer) -> None:
    """torch's own load_state_dict casts to the parameter's type and order in memory; this does not."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, parameter in enumerate(parameters):
        if index in state:
            optimizer.state[parameter] = state[index]
