"""The process that evaluates: reads its orders from stdin, runs the stage verify, and tells how far it is.

One JSON document a line on stdout. It has a connection of its own, and needs no account.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from dapp.artifacts import load_deployment
from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.rpc import connect
from dapp.journal import Journal
from dapp.plain import plain
from dapp.stages.context import Context
from dapp.stages.verify import verify
from dapp.store import open_store
from ml.data.samples import Samples
from ml.errors import QuorateError
from ml.evaluate import Model, confusion

STEPS: Final = 25  # reports while one model is evaluated


@dataclass(frozen=True)
class Order:
    """What is to be evaluated, and what of it an earlier process has found."""

    rpc: str
    chain_id: int
    deployments: str
    store: str
    task: str
    labels: int
    known: dict[str, int] = field(default_factory=dict)  # score by index of the model, as text


def tell(kind: str, **values: Any) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps({"kind": kind, **plain(values)}) + "\n")
    sys.stdout.flush()


class Telling:
    """Follows the stage model by model: which classes each confuses, how many it gets right so far."""

    def __init__(self, labels: int, known: dict[str, int]) -> None:
        self._labels = labels
        self._known = {int(index): score_ppm for index, score_ppm in known.items()}
        self._confusion: dict[int, list[list[int]]] = {}
        self._fused_ppm: dict[int, int] = {}

    def known(self, index: int) -> int | None:
        return self._known.get(index)

    def begins(self, index: int, model: Model, samples: Samples) -> None:
        counts = np.zeros((self._labels, self._labels + 1), dtype=np.int64)
        size = max(1, -(-len(samples) // STEPS))
        for start in range(0, len(samples), size):
            part = samples.take(slice(start, start + size))
            counts += confusion(model, part, self._labels)
            done = start + len(part)
            tell("samples", index=index, done=done, of=len(samples), correct=int(np.trace(counts)))
        self._confusion[index] = counts.tolist()

    def fused(self, index: int, accuracy_ppm: int) -> None:
        self._fused_ppm[index] = accuracy_ppm

    def found(self, index: int, score_ppm: int) -> None:
        counts, fused_ppm = self._confusion[index], self._fused_ppm.get(index)
        tell("scored", index=index, score_ppm=score_ppm, confusion=counts, fused_ppm=fused_ppm)


def run(order: Order) -> None:
    """Evaluate, and tell."""
    rpc = connect(order.rpc, order.chain_id)
    chain = Chain(rpc, load_deployment(rpc.chain_id, Path(order.deployments)))

    def progress(what: str, done: int, total: int) -> None:
        if what == "verify.fetch":
            tell("fetched", done=done, of=total)
        elif done == 0 or done == total:
            tell("models", done=done, of=total)

    ctx = Context(chain, open_store(order.store), Journal.in_memory(), ChainClock(rpc), progress)
    found = verify(ctx, bytes.fromhex(order.task[2:]), Telling(order.labels, order.known))
    tell("done", **asdict(found))


def _end_with_parent() -> None:
    """Nothing more is said on stdin: where it ends, the server has ended."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Whatever goes wrong is told, too."""
    import torch

    torch.set_num_threads(1)
    order = Order(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run(order)
    except QuorateError as error:
        tell("failed", code=error.code, message=error.message, fix=error.fix, retryable=error.retryable)
    except Exception as error:
        tell("failed", code="internal", message=f"{type(error).__name__}: {error}"[:300],
             fix="Try again.", retryable=True)  # fmt: skip


if __name__ == "__main__":
    main()
