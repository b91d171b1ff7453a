"""What a history costs: bytes an epoch, and the time to restore. Part of `python -m ml.bench`.

Real runs of Table I's first CNN on digits, or on MNIST where MNIST_DIR names it. The thousand epochs are a
random walk of its weights with steps as large as those of Adam's last epoch.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional
from torch.optim import SGD, Adam, Optimizer

from ml.data import load
from ml.data.samples import Samples
from ml.history.archive import Archive, Stored
from ml.history.tensors import WEIGHTS, raw_bytes, rounded
from ml.models.classifier import Classifier, build
from ml.models.table_i import table_i
from ml.threads import torch_threads
from ml.timing import best_of, seconds
from ml.train import output_indices

ALL_LAYERS: Final = 0.6  # of a full copy of the weights
HEAD_ONLY: Final = 0.04
BFLOAT16: Final = 0.2
FULL_COPY: Final = 1.0  # of the time torch.load takes
RESTORE_MS: Final = 10.0
OPTIMIZERS: Final = ("SGD", "Adam")
BATCH: Final = 64
ENDS: Final = 64  # epochs timed at the beginning of a long history, and at its end: two cycles of differences

Checkpoint = dict[str, Tensor]


@dataclass(frozen=True)
class Figure:
    """A measured value that is to stay within `limit`; one without a limit is for information."""

    name: str
    value: float
    limit: float | None
    detail: str

    @property
    def reached(self) -> bool:
        """Whether the value is within its limit."""
        return self.limit is None or self.value <= self.limit


def history(
    threads: int, repeats: int, epochs: int = 32, walk: int = 1_000, samples: int = 1_500
) -> list[Figure]:
    """`epochs` of training with each optimizer, then as many of the head alone; `walk` epochs to restore."""
    folder = os.environ.get("MNIST_DIR")
    data = load("mnist", Path(folder)) if folder else load("digits")
    figures, latest = [], []
    with tempfile.TemporaryDirectory() as name, torch_threads(threads):
        for optimizer in OPTIMIZERS:
            latest = list(training(optimizer, data.train.take(slice(0, samples)), epochs))
            figures += sizes(Archive.open(Path(name) / optimizer), optimizer, latest, epochs)
        before, last = (weights(latest[at]) for at in (epochs - 2, epochs - 1))
        figures += restores(Path(name), before, last, walk, repeats)
    return figures


def training(optimizer: str, samples: Samples, epochs: int) -> Iterator[Checkpoint]:
    """Weights and optimizer state after each epoch of all layers, then after each of the head alone."""
    model = build(table_i(1), seed=1).train()
    generator = Generator().manual_seed(1)
    stepper = _stepper(optimizer, model)
    for epoch in range(2 * epochs):
        if epoch == epochs:
            model.layers.requires_grad_(False)
            stepper = _stepper(optimizer, model)
        _train_one_epoch(model, stepper, samples, generator)
        yield {WEIGHTS + name: tensor.clone() for name, tensor in model.state_dict().items()} | {
            f"state/{number}/{key}": value.clone()
            for number, state in stepper.state_dict()["state"].items()
            for key, value in state.items()
            if isinstance(value, Tensor)
        }


def weights(checkpoint: Checkpoint) -> Checkpoint:
    """The weights alone, under their names in the checkpoint."""
    return {name: tensor for name, tensor in checkpoint.items() if name.startswith(WEIGHTS)}


def sizes(archive: Archive, optimizer: str, run: list[Checkpoint], epochs: int) -> list[Figure]:
    """Mean bytes an epoch as a share of one full float32 copy of the weights."""
    copy_bytes = sum(len(raw_bytes(tensor)) for tensor in weights(run[0]).values())
    plain = put_all(archive, map(weights, run))
    bfloat = put_all(archive, map(rounded, run))
    state = put_all(archive, run)

    def figure(what: str, stored: list[Stored], limit: float | None) -> Figure:
        share = mean(each.size_bytes for each in stored) / copy_bytes
        full = mean(each.full_bytes for each in stored) / copy_bytes
        detail = f"of a full copy, {copy_bytes:,} bytes; {len(stored)} epochs, {full:.2f} uncompressed"
        return Figure(f"{optimizer}, {what}", share, limit, detail)

    return [
        figure("all layers", plain[:epochs], ALL_LAYERS),
        figure("head only", plain[epochs:], HEAD_ONLY),
        figure("all layers in bfloat16", bfloat[:epochs], BFLOAT16),
        figure("all layers and optimizer", state[:epochs], None),
        figure("head only and optimizer", state[epochs:], None),
    ]


def restores(folder: Path, before: Checkpoint, last: Checkpoint, walk: int, repeats: int) -> list[Figure]:
    """A whole copy against torch.load of the same tensors, and any epoch of a long history."""
    archive = Archive.open(folder / "walk")
    packs = [stored.pack for stored in put_all(archive, random_walk(before, last, walk))]
    whole = folder / "whole.pt"
    torch.save(last, whole)
    theirs_s, ours_s = best_of(
        10 * repeats,
        [lambda: torch.load(whole, weights_only=True)],  # a file that this very function wrote
        lambda: archive.get(packs[0]),
    )
    first, final = (fastest(archive, ends, 2 * repeats) for ends in (packs[:ENDS], packs[-ENDS:]))
    return [
        Figure(
            "restore a whole copy",
            ours_s / theirs_s,
            FULL_COPY,
            f"of torch.load: {1e3 * ours_s:.2f} ms, {1e3 * theirs_s:.2f} ms; with SHA-256",
        ),
        Figure(
            f"restore any of {walk:,} epochs",
            1e3 * max(first + final),
            RESTORE_MS,
            f"ms, the slowest of {len(first + final)}; mean {1e3 * mean(first + final):.2f}",
        ),
        Figure(
            "restore late against early",
            mean(final) / mean(first),
            None,
            f"epochs {walk - len(final) + 1:,} to {walk:,} against 1 to {len(first)}; flat is 1",
        ),
    ]


def fastest(archive: Archive, packs: Sequence[bytes], repeats: int) -> list[float]:
    """The shortest seconds to restore each pack, in rounds over all of them."""
    rounds = [[seconds(partial(archive.get, pack)) for pack in packs] for _ in range(repeats)]
    return [min(times) for times in zip(*rounds, strict=True)]


def random_walk(before: Checkpoint, last: Checkpoint, epochs: int) -> Iterator[Checkpoint]:
    """From `last` on, each tensor moving about as far each epoch as from `before` to `last`."""
    generator = Generator().manual_seed(1)
    strides = {name: (last[name] - before[name]).std(correction=0) for name in last}
    for _ in range(epochs):
        yield last
        last = {
            name: tensor + strides[name] * torch.randn(tensor.shape, generator=generator)
            for name, tensor in last.items()
        }


def put_all(archive: Archive, checkpoints: Iterable[Checkpoint]) -> list[Stored]:
    """Each as the next one's parent."""
    stored: list[Stored] = []
    for tensors in checkpoints:
        stored.append(archive.put(tensors, stored[-1].pack if stored else None))
    return stored


def _stepper(optimizer: str, model: Classifier) -> Optimizer:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if optimizer == "SGD":
        return SGD(parameters, lr=0.05, momentum=0.9)
    return Adam(parameters, lr=0.001)


def _train_one_epoch(model: Classifier, stepper: Optimizer, samples: Samples, generator: Generator) -> None:
    x_NCHW, target_N = samples.tensor(), output_indices(samples, model.labels)
    for index_B in torch.randperm(len(samples), generator=generator).split(BATCH):
        loss = functional.cross_entropy(model(x_NCHW[index_B]), target_N[index_B])
        stepper.zero_grad()
        torch.autograd.backward(loss)
        stepper.step()
