"""Speed of evaluation and fusion, as ratios to naive twins in the same run, and what a history costs:
`python -m ml.bench [--json]`.

A naive twin runs with one thread and with as many as ours has; its better time counts. Weights and pixels are
random: neither changes the amount of arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch

from ml import evaluate
from ml.bench_history import Figure, history
from ml.bench_recorder import recording
from ml.data.samples import Samples
from ml.fuse import FeatureCache
from ml.fuse.early import EarlyHead, HeadRecipe, concatenated, fit_head
from ml.fuse.strategy import Members
from ml.models.classifier import Classifier, build
from ml.models.table_i import table_i
from ml.threads import torch_threads
from ml.timing import best_of
from ml.train import output_indices

EVALUATION_TARGET = 10.0
FUSION_TARGET = 9.0
LABELS = tuple(range(10))
BATCH = 64  # samples the naive twin runs at a time
VERSION = 1


@dataclass(frozen=True)
class Ratio:
    """One comparison. Both times are the best of some runs, taken in turn on the same machine."""

    name: str
    naive_seconds: float
    ours_seconds: float
    ratio: float
    target: float
    detail: str


def main() -> int:
    """Print all ratios and figures; 0 if each reaches its target, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m ml.bench", description="Speed, and bytes of a history")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", choices=("speed", "history", "recording"), help="measure a part")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads (default: all)")
    arguments = parser.parse_args()
    ratios: list[Ratio] = []
    figures: list[Figure] = []
    if arguments.only in (None, "speed"):
        ratios = [measure(arguments.threads, arguments.repeats) for measure in (evaluation, fusion)]
    if arguments.only in (None, "history"):
        figures += history(arguments.threads, arguments.repeats)
    if arguments.only in (None, "recording"):
        figures += recording(arguments.repeats)
    if arguments.json:
        report = {
            "version": VERSION,
            "threads": arguments.threads,
            "ratios": [asdict(ratio) for ratio in ratios],
            "history": [asdict(figure) for figure in figures],
        }
        print(json.dumps(report, indent=2))
    else:
        for ratio in ratios:
            print(f"{ratio.name:<32} {ratio.ratio:6.1f} x (target {ratio.target:.0f} x)   {ratio.detail}")
        for figure in figures:
            limit = "" if figure.limit is None else f"(at most {figure.limit})"
            print(f"{figure.name:<32} {figure.value:6.3f}   {limit:<15} {figure.detail}")
    reached = all(ratio.ratio >= ratio.target for ratio in ratios) and all(each.reached for each in figures)
    return 0 if reached else 1


def evaluation(threads: int, repeats: int, samples: int = 2_048, looped: int = 128) -> Ratio:
    """ml.evaluate against a loop that asks the model about one sample at a time, for Table I's first CNN."""
    model = build(table_i(1), seed=1).eval()
    data = random_samples(samples, seed=1)
    few = data.take(slice(0, looped))
    naive_s, ours_s = best_of(
        repeats,
        [lambda: one_at_a_time(model, few, 1), lambda: one_at_a_time(model, few, threads)],
        lambda: evaluate.correct(model, data, threads),
    )
    naive_s *= samples / looped
    detail = (
        f"{samples / naive_s:,.0f} -> {samples / ours_s:,.0f} samples/s, {threads} threads; compiled before"
    )
    return Ratio("evaluation", naive_s, ours_s, naive_s / ours_s, EVALUATION_TARGET, detail)


def one_at_a_time(model: Classifier, samples: Samples, threads: int) -> int:
    """Correct answers, by a loop over single samples."""
    right = 0
    with torch.inference_mode(), torch_threads(threads):
        for index in range(len(samples)):
            one = samples.take(slice(index, index + 1))
            right += int(model(one.tensor()).argmax()) == int(one.labels_N[0])
    return right


def fusion(threads: int, repeats: int, samples: int = 1_000, epochs: int = 10) -> Ratio:
    """Training a fusion head over two CNNs of Table I: features cached, or backbones run in each epoch."""
    members = tuple(build(table_i(number), seed=number).eval() for number in (1, 5))
    data = random_samples(samples, seed=2)
    naive_s, ours_s = best_of(
        repeats,
        [
            lambda: fuse_rerunning(members, data, epochs, 1),
            lambda: fuse_rerunning(members, data, epochs, threads),
        ],
        lambda: fuse_cached(members, data, epochs, threads),
    )
    work = f"{epochs} epochs, {len(members)} models, {samples} samples"
    detail = f"{naive_s:.2f} s -> {ours_s:.2f} s for {work}, {threads} threads"
    return Ratio("fusion", naive_s, ours_s, naive_s / ours_s, FUSION_TARGET, detail)


def fuse_rerunning(members: Members, data: Samples, epochs: int, threads: int) -> None:
    """Train a head, running every backbone again in each epoch as a plain torch program would."""
    head = EarlyHead(members, LABELS)
    target_N = output_indices(data, LABELS)
    for epoch in range(epochs):
        with torch.no_grad(), torch_threads(threads):
            parts = [data.take(slice(start, start + BATCH)).tensor() for start in range(0, len(data), BATCH)]
            fc_NF = torch.cat([torch.cat([member.features(x) for x in parts]) for member in members], dim=1)
        fit_head(head, (1.0,), fc_NF, target_N, HeadRecipe(epochs=1), seed=epoch)


def fuse_cached(members: Members, data: Samples, epochs: int, threads: int) -> None:
    """Train a head for as many epochs on features that an empty cache computes first."""
    head = EarlyHead(members, LABELS)
    fc_NF = concatenated(members, data, FeatureCache(threads=threads))
    fit_head(head, (1.0,), fc_NF, output_indices(data, LABELS), HeadRecipe(epochs=epochs), seed=0)


def random_samples(count: int, seed: int) -> Samples:
    """Random pixels of MNIST's size with random labels."""
    random = np.random.default_rng(seed)
    return Samples(random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count))


if __name__ == "__main__":
    sys.exit(main())
