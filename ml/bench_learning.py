"""Accuracy over seeds on the published test images: `python -m ml.bench_learning [--seeds N] [--jobs N]`.

Trains for long. Every network and every finished seed is kept under out/bench-learning: a run that was cut
short goes on where it stopped. The folder with MNIST comes from MNIST_DIR, else it is downloaded once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from scipy import stats

from ml import whole
from ml.data import load
from ml.learning import ALONE, FUSED, RULES, SeedResult, Shelf, recipes_digest, run

VERSION: Final = 1
KEEP: Final = Path("out/bench-learning")
TARGETS: Final = {"strategy_1": 98.4, "strategy_2": 98.6, FUSED: 98.9}  # per cent, mean over the seeds
SIGNIFICANT: Final = 0.01


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is not there yet, then print the report; 0 if every target is reached, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m ml.bench_learning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="seeds 0 to N - 1 (default 10)")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default 2)")
    parser.add_argument("--json", type=Path, help="write the report here too, as JSON")
    parser.add_argument(
        "--only-kept", action="store_true", help="report the finished seeds and train nothing"
    )
    arguments = parser.parse_args(argv)
    seeds = range(arguments.seeds)
    missing = [] if arguments.only_kept else [seed for seed in seeds if kept(seed) is None]
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        for job in as_completed([pool.submit(_seed, seed) for seed in missing]):
            job.result()
    results = [result for seed in seeds if (result := kept(seed)) is not None]
    if len(results) < 2:
        print(f"{len(results)} finished seeds; statistics need two", file=sys.stderr)
        return 1
    report = summary(results)
    if arguments.json is not None:
        whole.write(arguments.json, json.dumps(report, indent=1).encode())
    print(table(results, report))
    return 0 if report["targets_reached"] and len(results) == arguments.seeds else 1


def kept(seed: int) -> SeedResult | None:
    """The result of an earlier run with the same recipes."""
    path = _path(seed)
    return SeedResult(**json.loads(path.read_bytes())) if path.is_file() else None


def summary(results: Sequence[SeedResult]) -> dict[str, Any]:
    """Mean and spread by rule in per cent, and what fusing adds to the verifiers alone, tested in pairs.

    Student's paired t over the seeds, whose shares and starts differ; and McNemar's exact test of all
    disagreements pooled. The latter counts an image once a seed: its p is too small where seeds err alike.
    """
    percent = {rule: [_percent(result, rule) for result in results] for rule in RULES}
    gains = [fused - alone for fused, alone in zip(percent[FUSED], percent[ALONE], strict=True)]
    only_fused, only_alone = sum(r.only_fused for r in results), sum(r.only_alone for r in results)
    means = {rule: statistics.mean(values) for rule, values in percent.items()}
    p_seeds = float(stats.ttest_rel(percent[FUSED], percent[ALONE], alternative="greater").pvalue)
    p_pooled = float(
        stats.binomtest(only_fused, max(1, only_fused + only_alone), alternative="greater").pvalue
    )
    reached = {rule: round(means[rule], 4) >= target for rule, target in TARGETS.items()}
    reached["fused above alone"] = statistics.mean(gains) > 0 and p_seeds < SIGNIFICANT
    return {
        "version": VERSION,
        "seeds": [result.seed for result in results],
        "mean_percent": means,
        "sd_percent": {rule: statistics.stdev(values) for rule, values in percent.items()},
        "gain_points": {"mean": statistics.mean(gains), "sd": statistics.stdev(gains)},
        "p_paired_t": p_seeds,
        "mcnemar": {"only_fused": only_fused, "only_alone": only_alone, "p": p_pooled},
        "reached": reached,
        "targets_reached": all(reached.values()),
        "results": [asdict(result) for result in results],
    }


def table(results: Sequence[SeedResult], report: dict[str, Any]) -> str:
    """The report for people."""
    lines = ["seed  " + "".join(f"{rule:>12}" for rule in RULES) + f"{'gain':>8}{'own labels':>13}"]
    for result in results:
        gain = _percent(result, FUSED) - _percent(result, ALONE)
        own = f"{min(result.own_label_ppm) / 10_000:.1f}-{max(result.own_label_ppm) / 10_000:.1f}"
        cells = "".join(f"{_percent(result, rule):12.2f}" for rule in RULES)
        lines.append(f"{result.seed:4}  {cells}{gain:+8.2f}{own:>13}")
    for name, key in (("mean", "mean_percent"), ("sd", "sd_percent")):
        lines.append(f"{name:>4}  " + "".join(f"{report[key][rule]:12.3f}" for rule in RULES))
    gains, mcnemar = report["gain_points"], report["mcnemar"]
    lines += [
        f"fused minus alone: {gains['mean']:+.3f} points (sd {gains['sd']:.3f}), "
        f"paired t over {len(results)} seeds p = {report['p_paired_t']:.2g}",
        f"disagreements pooled: {mcnemar['only_fused']} only fused right, {mcnemar['only_alone']} only alone "
        f"right, McNemar p = {mcnemar['p']:.2g}",
        *(f"{'reached' if yes else 'MISSED '}  {what}" for what, yes in report["reached"].items()),
    ]
    return "\n".join(lines)


def _percent(result: SeedResult, rule: str) -> float:
    return 100 * result.test_correct[rule] / result.test_images


def _path(seed: int) -> Path:
    return KEEP / recipes_digest() / f"seed-{seed}.json"


def _seed(seed: int) -> None:
    """One seed in a process of its own."""
    torch.set_num_threads(1)
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"seed {seed}: {time.monotonic() - began:5.0f} s  {what}", file=sys.stderr, flush=True)

    folder = os.environ.get("MNIST_DIR")
    dataset = load("mnist", Path(folder) if folder else None, Path("out/data/mnist"))
    result = run(dataset, seed, Shelf(KEEP / "networks"), say)
    whole.write(_path(seed), json.dumps(asdict(result), indent=1).encode())
    say("done")


if __name__ == "__main__":
    sys.exit(main())
