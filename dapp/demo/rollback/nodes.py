"""The nodes of the rollback demo: `quorate node`, each a process of its own with its own folder and data."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dapp.chain.devnet import end_with_parent
from ml.data.samples import Samples
from ml.data.shards import pack
from ml.errors import QuorateError

TOLERANCE_PPM = 150_000  # of 40 images a node has, one is 2.5 points: six are within chance
STOP_S = 10.0


class NodeEnded(QuorateError):
    """A node's process that ended before the demo did."""

    code = "node-ended"
    default_fix = "Read its log, which the message names."


@dataclass(frozen=True)
class Place:
    """What every node is told: the run, where the chain is, who records, whose store has the content."""

    run: str
    rpc: str
    recorder: str
    store: str
    deployments: Path
    architecture: object


@contextlib.contextmanager
def serving(
    place: Place, samples: Sequence[Samples], first_account: int, folder: Path
) -> Iterator[Processes]:
    """One process for each set of samples, with accounts from `first_account` on; all ended at the end."""
    processes = Processes()
    try:
        for number, own in enumerate(samples, 1):
            processes.start(place, number, own, first_account + number - 1, folder)
        yield processes
    finally:
        processes.stop()


class Processes:
    """Running nodes by number, and their logs."""

    def __init__(self) -> None:
        self._running: list[tuple[subprocess.Popen[bytes], IO[bytes], Path]] = []

    def start(self, place: Place, number: int, samples: Samples, account: int, folder: Path) -> None:
        """Start one node."""
        own = folder / f"node-{number}"
        own.mkdir(parents=True, exist_ok=True)
        (own / "check.samples").write_bytes(pack(samples))
        (own / "architecture.json").write_text(json.dumps(place.architecture))
        log_path = folder / f"node-{number}.log"
        log = log_path.open("wb")
        command = [sys.executable, "-m", "dapp", "node", place.run, "--account", str(account)]
        command += ["--rpc", place.rpc, "--recorder", place.recorder, "--peer", place.store, "--poll", "0.2"]
        command += ["--data-dir", str(own), "--tolerance-ppm", str(TOLERANCE_PPM)]
        command += ["--check-data", str(own / "check.samples")]
        command += ["--architecture", str(own / "architecture.json")]
        environment = os.environ | {
            "QUORATE_DEPLOYMENTS": str(place.deployments),
            "OMP_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )
        self._running.append((process, log, log_path))

    def check(self) -> None:
        """Raise NodeEnded when one is gone."""
        for process, _, log_path in self._running:
            if process.poll() is not None:
                said = log_path.read_text(errors="replace").strip()[-300:]
                raise NodeEnded(f"a node ended with {process.returncode}, see {log_path}: {said}")

    def stop(self) -> None:
        """End them all, and wait for each."""
        for process, _, _ in self._running:
            if process.poll() is None:
                process.terminate()
        for process, log, _ in self._running:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
        self._running = []
