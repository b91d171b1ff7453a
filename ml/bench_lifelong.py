"""Class-incremental learning on split MNIST, no example of an old class kept: `python -m ml.bench_lifelong`.

Our growth rules beside the same models trained jointly, and beside what Avalanche implements where its
environment is set up (.tools/avalanche). Every finished piece is kept under out/lifelong: a run that was cut
short goes on where it stopped. The folder with MNIST comes from MNIST_DIR, else it is downloaded once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ml import whole
from ml.canonical import sha256
from ml.data import Dataset, load
from ml.lifelong import few, ours, selection
from ml.lifelong.picture import draw
from ml.lifelong.protocol import SPLITS, measures, tasks, train_and_held_out
from ml.lifelong.report import table, targets
from ml.lifelong.seen import Seen, see

VERSION: Final = 1
KEEP: Final = Path("out/lifelong")
RIVALS: Final = Path(".tools/avalanche/bin/python")
METHODS: Final = ("naive", "head_only", "ewc", "lwf", "replay", "icarl", "joint")
RIVAL_SHARE: Final = 12  # rivals train on every twelfth of the training images, three times over
QUICK_SHARE: Final = 20
SELECTION_SEEDS: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is not there yet, then print the report; 0 if every target is reached, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m ml.bench_lifelong", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N - 1, an order of classes each")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default 2)")
    parser.add_argument("--quick", action="store_true", help="two seeds, a twentieth of the images")
    parser.add_argument("--ours", action="store_true", help="start no rivals; report those that are there")
    parser.add_argument("--only-kept", action="store_true", help="report what is there and run nothing")
    arguments = parser.parse_args(argv)
    seeds, share = (2, QUICK_SHARE) if arguments.quick else (arguments.seeds, 1)
    units = [(kind, seed, share) for kind in ("ours", "few") for seed in range(seeds)]
    units += [("selection", seed, share) for seed in range(min(seeds, SELECTION_SEEDS))]
    missing = [] if arguments.only_kept else [unit for unit in units if not _path(*unit).is_file()]
    if missing:
        _data(arguments.jobs)
    rivals = None if arguments.only_kept or arguments.ours else _start_rivals(seeds, share)
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        for job in as_completed([pool.submit(_unit, *unit) for unit in missing]):
            print(job.result(), file=sys.stderr, flush=True)
    if rivals is not None and rivals.wait():
        print("the rivals' environment failed; their rows are left out", file=sys.stderr)
    report = gather(units, seeds, share)
    whole.write(KEEP / "bench.json", json.dumps(report, indent=1).encode())
    draw(report, KEEP / "bench.png")
    print(table(report))
    return 0 if all(target["reached"] for target in report["targets"]) else 1


def gather(units: Sequence[tuple[str, int, int]], seeds: int, share: int) -> dict[str, Any]:
    """All finished pieces as one report: mean and standard deviation over seeds, and every run."""
    kept = {unit: json.loads(_path(*unit).read_bytes()) for unit in units if _path(*unit).is_file()}
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {split: {} for split in SPLITS}
    for (kind, _, _), found in kept.items():
        if kind == "ours":
            for split, rules in found.items():
                for rule, result in rules.items():
                    runs[split].setdefault(rule, []).append(result)
    for split in SPLITS:
        for method in METHODS:
            if results := [r for seed in range(seeds) if (r := _rival(method, split, seed, share))]:
                runs[split][f"avalanche {method}"] = results
    report = {
        "version": VERSION,
        "seeds": list(range(seeds)),
        "orders": {split: [tasks(split, seed) for seed in range(seeds)] for split in SPLITS},
        "summary": {s: {name: _summary(rows) for name, rows in by.items()} for s, by in runs.items()},
        "few_labels": _few([found for (kind, _, _), found in kept.items() if kind == "few"]),
        "selection": _selection([found for (kind, _, _), found in kept.items() if kind == "selection"]),
        "runs": runs,
    }
    return report | {"targets": targets(report)}


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and sd of every number in `rows` (joint: of its measures too)."""
    flat = [_numbers(row) for row in rows]
    return {
        key: {
            "mean": statistics.mean(row[key] for row in flat),
            "sd": statistics.stdev(row[key] for row in flat) if len(flat) > 1 else 0.0,
        }
        for key in flat[0]
    } | {"seeds": len(rows)}


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    found = {key: float(value) for key, value in row.items() if isinstance(value, (int, float))}
    for prefix, name in (("", "measures"), ("joint_", "joint")):
        found |= {prefix + key: value for key, value in row.get(name, {}).items()}
    if "joint" in row:
        found["below_joint"] = row["joint"]["accuracy"] - row["measures"]["accuracy"]
    return found


def _few(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rules = sorted({rule for result in found for rule in result})
    return {rule: _summary([result[rule] for result in found]) for rule in rules}


def _selection(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: _summary([result[name] for result in found]) for name in (found[0] if found else ())}


def _rival(method: str, split: str, seed: int, share: int) -> dict[str, Any] | None:
    path = _rival_folder() / f"rival-{method}-{split}-{seed}-{RIVAL_SHARE * share}.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_bytes())
    if not result["matrix"]:
        return result | {"accuracy": 100 * result["accuracy"]}
    return result | {"measures": asdict(measures(np.array(result["matrix"]), result["accuracy"]))}


def _start_rivals(seeds: int, share: int) -> subprocess.Popen[bytes] | None:
    """All of Avalanche's methods in a process of its environment, beside ours."""
    if not RIVALS.is_file():
        print(f"{RIVALS} is not there: no rivals (make bench-lifelong sets it up)", file=sys.stderr)
        return None
    words = [str(_rival_folder()), str(seeds), str(RIVAL_SHARE * share), ",".join(METHODS)]
    return subprocess.Popen([str(RIVALS), "-W", "ignore", "-m", "ml.lifelong.rivals", *words])


def _rival_folder() -> Path:
    return KEEP / "rivals"


def _path(kind: str, seed: int, share: int) -> Path:
    digest = sha256(repr((ours.SETTINGS, selection.RULES, VERSION)).encode()).hex()[:12]
    return KEEP / digest / f"{kind}-{seed}-{share}.json"


def _data(jobs: int) -> tuple[Dataset, Seen, Seen]:
    folder = os.environ.get("MNIST_DIR")
    dataset = load("mnist", Path(folder) if folder else None, Path("out/data/mnist"))
    train, test = (see(part, ours.SCATTERING, KEEP, jobs) for part in (dataset.train, dataset.test))
    return dataset, train, test


def _unit(kind: str, seed: int, share: int) -> str:
    """One piece in a process of its own."""
    torch.set_num_threads(1)
    dataset, train, test = _data(jobs=1)
    if kind == "ours":
        found = {split: _rules(train, test, split, seed, share) for split in SPLITS}
    elif kind == "few":
        labelled = few.labelled(dataset, train, seed)
        settings = [s for s in ours.SETTINGS if s.rule in ("subspace", "analytic", "dual_memory")]
        found = {s.rule: ours.run(s, labelled, test, tasks("5x2", seed), seed) for s in settings}
    else:
        index_N, held_out_N = train_and_held_out(len(train), seed, 2)
        parts = train.take(index_N), train.take(held_out_N)
        found = {rule.name: asdict(selection.run(rule, *parts, seed)) for rule in selection.RULES}
    whole.write(_path(kind, seed, share), json.dumps(found, indent=1).encode())
    return f"{kind}, seed {seed}: done"


def _rules(train: Seen, test: Seen, split: str, seed: int, share: int) -> dict[str, Any]:
    found = {}
    for setting in ours.SETTINGS:
        index_N, _ = train_and_held_out(len(train), seed, max(setting.share, share))
        found[setting.rule] = ours.run(setting, train.take(index_N), test, tasks(split, seed), seed)
    return found


if __name__ == "__main__":
    sys.exit(main())
