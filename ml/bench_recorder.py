"""What recording every epoch costs a training, beside the same one without it. Part of `python -m ml.bench`.

Table I's CNNs are trained as ml.train does, but without distortions: they would take time on both sides. The
recorder writes an epoch while the next one is trained; before the clock starts, one epoch is recorded. Each
batch is timed for itself, and of each the best of several epochs counts: what other programs take differs
from epoch to epoch, what the recorder takes falls on the same batches in each.
"""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
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

    def epoch(self, run: Recorder | None = None) -> list[float]:
        """One pass over the samples, recorded if there is a run; seconds of each batch, and of recording."""
        clock, loss = [time.perf_counter()], torch.zeros(())
        for index_B in torch.randperm(len(self.target_N)).split(BATCH):
            loss = self.step(self.x_NCHW[index_B], self.target_N[index_B])
            clock.append(time.perf_counter())
        if run is not None:
            run.epoch(0.5, loss)
            clock.append(time.perf_counter())
        return [after - before for before, after in pairwise(clock)]

    def step(self, x_BCHW: Tensor, target_B: Tensor) -> Tensor:
        """One batch; returns its loss."""
        loss = functional.cross_entropy(self.model(x_BCHW), target_B)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()


def recording(repeats: int, samples: int = SAMPLES) -> list[Figure]:
    """Per cent of training time that recording adds: for each CNN, and for all of them together."""
    pairs = {number: epoch_seconds(number, samples, repeats) for number in sorted(KERNELS)}
    figures = [_figure(f"recording, CNN {number}", *pair, None) for number, pair in pairs.items()]
    plain_s, recorded_s = (sum(pair[side] for pair in pairs.values()) for side in (0, 1))
    return [*figures, _figure("recording, Table I", plain_s, recorded_s, LIMIT_PERCENT)]


def epoch_seconds(contributor: int, samples: int, repeats: int) -> tuple[float, float]:
    """Seconds of an epoch without and with the recorder, in turn.

    On one thread, which leaves the recorder's a core where there are two.
    """
    with torch_threads(1), tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        plain, recorded = Trainee(contributor, samples), Trainee(contributor, samples)
        plain_s, recorded_s = [], []
        with record(recorded.model, recorded.optimizer, Path(folder)) as run:
            plain.epoch()
            for _ in range(repeats):
                plain_s.append(plain.epoch())
                recorded.epoch(run)
                recorded_s.append(recorded.epoch(run))
                run.flush()
    return best(plain_s), best(recorded_s)


def best(epochs: list[list[float]]) -> float:
    """The sum of each part's best."""
    return float(sum(min(times) for times in zip(*epochs, strict=True)))


def _figure(name: str, plain_s: float, recorded_s: float, limit: float | None) -> Figure:
    percent = 100 * (recorded_s / plain_s - 1)
    return Figure(name, percent, limit, f"% of an epoch: {plain_s:.3f} s -> {recorded_s:.3f} s, one thread")
