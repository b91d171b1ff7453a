"""What others do, by Avalanche's implementations (Lomonaco et al., 2021): runs in an environment of its own.

    .tools/avalanche/bin/python -m ml.lifelong.rivals FOLDER SEEDS SHARE METHOD,METHOD,...

A perceptron of two hidden layers of 400 on pixels, as van de Ven et al. (2022). For each method: R, the
accuracy on all ten classes at the end, and the seconds it took. Replay, iCaRL: 2,000 stored examples. Joint
training sees everything at once and has no R.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from ml.data import mnist
from ml.data.samples import Samples
from ml.durable import write_durably
from ml.lifelong.protocol import CLASSES, SPLITS, accuracies, tasks, train_and_held_out
from ml.threads import torch_threads

HIDDEN: Final = 400
BATCH: Final = 128
EPOCHS: Final = 3
RATE: Final = 0.001
STORED: Final = 2_000
METHODS: Final = ("naive", "head_only", "ewc", "lwf", "replay", "icarl", "joint")


class Perceptron(nn.Module):
    """Two hidden layers, then the head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        )
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.trunk(x))
        return logits


def run(
    method: str, train: Samples, test: Samples, split: Sequence[Sequence[int]], seed: int
) -> dict[str, Any]:
    """One method on one order of classes."""
    _without_image_operators()
    from avalanche.benchmarks.scenarios.deprecated.generators import nc_benchmark  # iCaRL asks for this kind

    torch.manual_seed(seed)
    began = time.process_time()
    stream = nc_benchmark(
        _dataset(train),
        _dataset(test),
        n_experiences=len(split),
        task_labels=False,
        fixed_class_order=[label for task in split for label in task],
    ).train_stream
    model = Perceptron()
    strategy = _strategy(method, model)
    rows = []
    for experience in stream:
        if method == "joint":
            strategy.train(stream)
        else:
            strategy.train(experience)
        if method == "head_only":
            model.trunk.requires_grad_(False)
        predicted_N = _predict(strategy.model, test)
        if method == "joint":
            break
        rows.append(accuracies(predicted_N, test.labels_N, split))
    return {
        "accuracy": float((predicted_N == test.labels_N).mean()),
        "matrix": rows,
        "seconds": time.process_time() - began,
    }


def _dataset(samples: Samples) -> Any:
    data = torch.utils.data.TensorDataset(samples.tensor(), torch.from_numpy(samples.labels_N))
    data.targets = samples.labels_N.tolist()  # type: ignore[attr-defined]
    return data


def _strategy(method: str, model: Perceptron) -> Any:
    from avalanche.training import supervised

    made: dict[str, Callable[..., Any]] = {
        "naive": supervised.Naive,
        "head_only": supervised.Naive,
        "ewc": lambda **a: supervised.EWC(ewc_lambda=100.0, mode="separate", **a),
        "lwf": lambda **a: supervised.LwF(alpha=1.0, temperature=2.0, **a),
        "replay": lambda **a: supervised.Replay(mem_size=STORED, **a),
        "joint": supervised.JointTraining,
    }
    common = {"train_mb_size": BATCH, "train_epochs": EPOCHS, "evaluator": None}
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    if method == "icarl":
        return supervised.ICaRL(
            feature_extractor=copy.deepcopy(model.trunk),
            classifier=nn.Linear(HIDDEN, CLASSES),
            optimizer=optimizer,
            memory_size=STORED,
            buffer_transform=lambda x: x,
            fixed_memory=True,
            **common,
        )
    return made[method](model=model, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), **common)


@torch.no_grad()
def _predict(model: nn.Module, test: Samples) -> np.ndarray[Any, np.dtype[np.int64]]:
    model.eval()
    return model(test.tensor()).argmax(dim=1).numpy()  # type: ignore[no-any-return]


def _without_image_operators() -> None:
    """Torchvision's compiled operators are absent beside a CPU torch; Avalanche imports it, and uses none."""
    if hasattr(_without_image_operators, "library"):
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _without_image_operators.library = library  # type: ignore[attr-defined]
        for module in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[module]


def main(argv: Sequence[str]) -> int:
    """Run every method for every split and seed that is not there yet; a file each."""
    out, seeds, share, methods = Path(argv[0]), int(argv[1]), int(argv[2]), argv[3].split(",")
    folder = os.environ.get("MNIST_DIR")
    dataset = mnist.load(Path(folder) if folder else None, Path("out/data/mnist"))
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(seeds):
        train = dataset.train.take(train_and_held_out(len(dataset.train), seed, share)[0])
        for split in SPLITS:
            for method in methods:
                path = out / f"rival-{method}-{split}-{seed}-{share}.json"
                if path.is_file():
                    continue
                with torch_threads(1):
                    found = run(method, train, dataset.test, tasks(split, seed), seed)
                write_durably(path, json.dumps(found | {"images": len(train)}).encode())
                print(f"{method} {split} seed {seed}: {100 * found['accuracy']:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
