"""What recording every epoch costs a training, beside the same one without it. Part of `python -m ml.bench`.

Table I's CNNs are trained as ml.train does, but without distortions: they would take time on both sides. The
recorder writes an epoch while the next one is trained; before the clock starts, one epoch is recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from ml.bench_history import Figure
from ml.history import Recorder, record
from ml.models.classifier import build
from ml.models.table_i import KERNELS, table_i
from ml.threads import torch_threads
from ml.timing import seconds

LIMIT_PERCENT: Final = 1.0
SAMPLES: Final = 1_500  # as in ml.bench_history
BATCH: Final = 64


class Trainee:
    """A CNN of Table I in training, on random pixels: they change nothing in the amount of arithmetic."""

    def __init__(self, contributor: int, samples: int) -> None:
        self.x_NCHW = torch.rand(samples, 1, 28, 28).contiguous(memory_format=torch.channels_last)
        self.target_N = torch.randint(10, (samples,))
        self.model: nn.Module = build(table_i(contributor), seed=1)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = Adam(self.model.parameters(), 0.002, fused=True)

    def epoch(self) -> float:
        """One pass over the samples; returns the last loss."""
        loss = torch.zeros(())
        for index_B in torch.randperm(len(self.target_N)).split(BATCH):
            loss = self.step(self.x_NCHW[index_B], self.target_N[index_B])
        return float(loss)

    def step(self, x_BCHW: Tensor, target_B: Tensor) -> Tensor:
        """One batch; returns its loss."""
        loss = functional.cross_entropy(self.model(x_BCHW), target_B)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()

    def recorded_epoch(self, run: Recorder) -> None:
        """The same, and then the one line of the recorder."""
        run.epoch(0.5, self.epoch())


def recording(repeats: int, samples: int = SAMPLES, epochs: int = 3) -> list[Figure]:
    """Per cent of training time that recording adds: for each CNN, and for all of them together."""
    pairs = {number: epoch_seconds(number, samples, repeats, epochs) for number in sorted(KERNELS)}
    figures = [_figure(f"recording, CNN {number}", *pair, None) for number, pair in pairs.items()]
    plain_s, recorded_s = (sum(pair[side] for pair in pairs.values()) for side in (0, 1))
    return [*figures, _figure("recording, Table I", plain_s, recorded_s, LIMIT_PERCENT)]


def epoch_seconds(contributor: int, samples: int, repeats: int, epochs: int) -> tuple[float, float]:
    """Seconds of an epoch without and with the recorder: blocks of epochs in turn, the best of each.

    On one thread, which leaves the recorder's a core where there are two.
    """
    with torch_threads(1), tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        plain, recorded = Trainee(contributor, samples), Trainee(contributor, samples)
        plain_s, recorded_s = [], []
        with record(recorded.model, recorded.optimizer, Path(folder)) as run:
            for _ in range(repeats):
                plain_s.append(block(plain.epoch, epochs))
                recorded_s.append(block(partial(recorded.recorded_epoch, run), epochs))
                run.flush()
    return min(plain_s), min(recorded_s)


def block(epoch: Callable[[], object], epochs: int) -> float:
    """Mean seconds of an epoch; one more runs before the clock starts."""
    epoch()
    return sum(seconds(epoch) for _ in range(epochs)) / epochs


def _figure(name: str, plain_s: float, recorded_s: float, limit: float | None) -> Figure:
    percent = 100 * (recorded_s / plain_s - 1)
    return Figure(name, percent, limit, f"% of an epoch: {plain_s:.3f} s -> {recorded_s:.3f} s, one thread")
