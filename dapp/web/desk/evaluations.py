"""Evaluations on the user's machine: a process each, what it found on the disk, resumed after a restart.

What is found belongs to a task and its draw, not to an account: every verifier finds the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from dapp.evaluator import Order
from ml import whole
from ml.errors import QuorateError
from ml.evaluate import ppm

RUNNING: Final = 2  # at once
STOP_S: Final = 5.0


class TooManyEvaluations(QuorateError):
    """More evaluations at once than this machine should do."""

    code = "too-many-evaluations"
    default_fix = "Wait until one of them is done."


@dataclass(frozen=True)
class ModelFound:
    """What one model does on the drawn shards.

    confusion  a row a label, a column a predicted label, and one for answers that are none
    fused_ppm  accuracy of it and those before it that reached MAFR, as one; None where they were not fused
    """

    index: int
    score_ppm: int
    confusion: tuple[tuple[int, ...], ...]
    fused_ppm: int | None = None

    @property
    def per_label_ppm(self) -> tuple[int | None, ...]:
        """For each label the share of its samples that got it; None where there is no sample."""
        return tuple(
            ppm(row[label], sum(row)) if sum(row) else None for label, row in enumerate(self.confusion)
        )


@dataclass(frozen=True)
class Progress:
    """How far one model is."""

    index: int
    done: int
    of: int
    correct: int


@dataclass(frozen=True)
class Evaluation:
    """How far an evaluation is.

    state    running, done or failed
    seed     of the draw that it is for
    result   of the stage verify, as JSON has it, once done
    failure  code, message, fix and retryable
    """

    task: str
    seed: int
    state: str = "running"
    fetched: int = 0
    models: int = 0
    progress: Progress | None = None
    found: tuple[ModelFound, ...] = ()
    result: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None
    restarts: int = 0
    version: int = field(default=0, compare=False)

    @property
    def samples_done(self) -> int:
        return sum(sum(map(sum, each.confusion)) for each in self.found) + (
            self.progress.done if self.progress else 0
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {**asdict(self), "seed": str(self.seed)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of to_json. Raises ValueError, KeyError, TypeError."""
        found = tuple(
            ModelFound(
                each["index"],
                each["score_ppm"],
                tuple(map(tuple, each["confusion"])),
                each.get("fused_ppm"),
            )
            for each in value["found"]
        )
        given = {name: value[name] for name in ("task", "state", "result", "failure", "restarts", "models")}
        return cls(**given, seed=int(value["seed"]), found=found)


class Evaluations:
    """All evaluations of one server, in one folder. Any thread may ask."""

    def __init__(self, folder: Path, rpc_url: str, chain_id: int, deployments: Path, store_url: str) -> None:
        self._folder = folder
        self._given = (rpc_url, chain_id, str(deployments.absolute()), store_url)
        self._known: dict[str, Evaluation] = {}
        self._labels: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._guard = threading.RLock()
        self._closing = False

    def of(self, task: bytes, seed: int | None) -> Evaluation | None:
        """How far this task's evaluation is; None when there is none for this draw."""
        name = task.hex()
        with self._guard:
            if name not in self._known:
                kept = self._read(name)
                if kept is not None:
                    self._known[name] = kept
            found = self._known.get(name)
        return found if found is not None and found.seed == seed else None

    def start(self, task: bytes, seed: int, labels: int) -> Evaluation:
        """Begin, go on after a restart, or find that it is under way or done. Raises TooManyEvaluations."""
        name = task.hex()
        with self._guard:
            found = self.of(task, seed)
            if found is not None and (found.state == "done" or name in self._processes):
                return found
            if name in self._processes:  # for a draw that a reorganisation took back
                self._processes.pop(name).terminate()
            if len(self._processes) >= RUNNING:
                raise TooManyEvaluations(f"{RUNNING} evaluations are under way already", retryable=True)
            restarts = 0 if found is None else found.restarts + 1
            kept = () if found is None else found.found
            self._known[name] = Evaluation("0x" + name, seed, found=kept, restarts=restarts)
            self._keep(self._known[name])
            known = {str(each.index): each.score_ppm for each in kept}
            order = Order(*self._given, "0x" + name, labels, known)
            self._processes[name] = process = _spawned(order)
            threading.Thread(target=self._follow, args=(name, process), daemon=True).start()
            return self._known[name]

    def unfinished(self) -> list[bytes]:
        """Tasks whose evaluation the end of an earlier server cut short."""
        found = []
        for file in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            kept = self._read(file.stem)
            if kept is not None and kept.state == "running" and file.stem not in self._processes:
                found.append(bytes.fromhex(file.stem))
        return found

    def known(self, task: bytes) -> Evaluation | None:
        """What this server knows of an evaluation; waits for nobody."""
        return self._known.get(task.hex())

    def close(self) -> None:
        """End all processes; what they found so far is kept."""
        with self._guard:
            self._closing = True
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _follow(self, name: str, process: subprocess.Popen[str]) -> None:
        """Take in what the process says until it ends."""
        assert process.stdout is not None
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:  # a library that prints
                continue
            with self._guard:
                if self._processes.get(name) is not process:
                    return
                now = _after(self._known[name], said)
                self._known[name] = replace(now, version=now.version + 1)
                if said["kind"] in ("scored", "done", "failed"):
                    self._keep(self._known[name])
        process.wait()
        with self._guard:
            if self._processes.get(name) is not process:
                return
            self._processes.pop(name)
            now = self._known[name]
            if now.state == "running" and not self._closing:
                failure = {
                    "code": "internal",
                    "message": f"the evaluating process ended by itself with {process.returncode}",
                    "fix": "Start the evaluation again: it goes on where it was.",
                    "retryable": True,
                }
                self._known[name] = replace(now, state="failed", failure=failure, version=now.version + 1)
                self._keep(self._known[name])

    def _keep(self, evaluation: Evaluation) -> None:
        """Whole on the disk, or as before."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = json.dumps(evaluation.to_json()).encode()
        whole.write(self._folder / f"{evaluation.task[2:]}.json", kept, private=True)

    def _read(self, name: str) -> Evaluation | None:
        """What is kept; a file that makes no sense is as none: everything in it can be worked out again."""
        try:
            return Evaluation.from_json(
                json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _after(now: Evaluation, said: Mapping[str, Any]) -> Evaluation:
    """The evaluation after one line of its process."""
    kind = said["kind"]
    if kind == "fetched":
        return replace(now, fetched=said["done"], models=said["of"])
    if kind == "samples":
        return replace(now, progress=Progress(said["index"], said["done"], said["of"], said["correct"]))
    if kind == "scored":
        confusion = tuple(map(tuple, said["confusion"]))
        found = ModelFound(said["index"], said["score_ppm"], confusion, said["fused_ppm"])
        return replace(now, found=(*now.found, found), progress=None)
    if kind == "done":
        result = {name: value for name, value in said.items() if name != "kind"}
        return replace(now, state="done", result=result, progress=None)
    if kind == "failed":
        failure = {name: value for name, value in said.items() if name != "kind"}
        return replace(now, state="failed", failure=failure, progress=None)
    return now


def _spawned(order: Order) -> subprocess.Popen[str]:
    """The process. Its orders go in by a pipe, since endpoints may hold secrets; where that ends, it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dapp.evaluator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)) + "\n")
    process.stdin.flush()
    return process
