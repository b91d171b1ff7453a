"""What recording every epoch costs: training Table I's CNNs with and without it, in turn, in one run.

`python -m ml.bench_recorder [--json]`. An epoch is one pass over the 500 samples that Table II gives a
contributor, trained as ml.train does but without distortions, which would take time on both sides. What the
recorder writes of an epoch it writes during the next: before the clock starts, one epoch is recorded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from ml.bench import random_samples
from ml.data.shares import SIZES
from ml.history import Recorder, record
from ml.models.classifier import build
from ml.models.table_i import KERNELS, table_i
from ml.threads import torch_threads
from ml.timing import seconds

TARGET_PERCENT: Final = 1.0
SAMPLES: Final = SIZES["mnist"].train
BATCH: Final = 64
VERSION: Final = 1


@dataclass(frozen=True)
class Overhead:
    """Seconds of an epoch of one CNN, best of some blocks of epochs, without and with the recorder."""

    contributor: int
    plain_seconds: float
    recorded_seconds: float
    percent: float
    pack_bytes: int  # of an epoch, on average


class Trainee:
    """A CNN of Table I in training."""

    def __init__(self, contributor: int) -> None:
        samples = random_samples(SAMPLES, seed=1)
        self.x_NCHW = samples.tensor().contiguous(memory_format=torch.channels_last)
        self.target_N = torch.from_numpy(samples.labels_N)
        self.model: nn.Module = build(table_i(contributor), seed=1)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = Adam(self.model.parameters(), 0.002, fused=True)

    def epoch(self) -> float:
        """One pass over the samples; returns the last loss."""
        loss = torch.zeros(())
        for index_B in torch.randperm(SAMPLES).split(BATCH):
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
        loss = self.epoch()
        run.epoch(0.5, loss)


def main() -> int:
    """Print a line for each CNN; 0 if recording all of them together reaches the target, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m ml.bench_recorder", description="Cost of recording")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--repeats", type=int, default=7, help="blocks of epochs on each side (default 7)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs in a block (default 3)")
    arguments = parser.parse_args()
    rows = [overhead(contributor, arguments.repeats, arguments.epochs) for contributor in sorted(KERNELS)]
    percent = percent_of(sum(r.plain_seconds for r in rows), sum(r.recorded_seconds for r in rows))
    if arguments.json:
        report = {"version": VERSION, "percent": percent, "cnns": [asdict(row) for row in rows]}
        print(json.dumps(report, indent=2))
    else:
        for row in rows:
            print(
                f"recording    CNN {row.contributor}: {row.plain_seconds:.3f} s -> "
                f"{row.recorded_seconds:.3f} s an epoch, {row.percent:+.2f} %, {row.pack_bytes / 1e6:.2f} MB"
            )
        print(f"recording    {percent:+.2f} % of training   (target {TARGET_PERCENT:.0f} %)   one thread")
    return 0 if percent <= TARGET_PERCENT else 1


def overhead(contributor: int, repeats: int, epochs: int) -> Overhead:
    """The cost for one CNN: blocks without and with the recorder in turn, the best of each."""
    with (
        torch_threads(1),
        tempfile.TemporaryDirectory() as folder,
        torch.random.fork_rng(devices=[]),
    ):
        torch.manual_seed(1)
        plain, recorded = Trainee(contributor), Trainee(contributor)
        plain_s, recorded_s = [], []
        with record(recorded.model, recorded.optimizer, Path(folder)) as run:
            for _ in range(repeats):
                plain_s.append(block(plain.epoch, epochs))
                recorded_s.append(block(partial(recorded.recorded_epoch, run), epochs))
                run.flush()
            packs = [result.pack_bytes for result in run.results.since(0)]
    best = min(plain_s), min(recorded_s)
    return Overhead(contributor, *best, percent_of(*best), sum(packs) // len(packs))


def block(epoch: Callable[[], object], epochs: int) -> float:
    """Mean seconds of an epoch; one more runs before the clock starts."""
    epoch()
    return sum(seconds(epoch) for _ in range(epochs)) / epochs


def percent_of(plain_s: float, recorded_s: float) -> float:
    """How much longer the second takes."""
    return 100 * (recorded_s / plain_s - 1)


if __name__ == "__main__":
    sys.exit(main())
