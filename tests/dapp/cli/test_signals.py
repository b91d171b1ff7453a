"""Ctrl-C and SIGTERM on real processes: what they had started is gone, the exit code says what happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dapp.artifacts import PROJECT
from dapp.chain.devnet import Anvil
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate

pytestmark = pytest.mark.heavy

PATIENCE_S = 300.0  # a busy machine with two cores needs more than one minute for five to import torch
MARK = "QUORATE_TEST_MARK"
CTRL_C, TERM, CLOSED = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

if not Path("/proc/self/environ").exists():
    pytest.skip("processes are looked for in /proc", allow_module_level=True)


@dataclass
class Running:
    """`quorate ARGUMENTS` as a process of its own; all that descends from it bears its mark."""

    process: subprocess.Popen[str]
    mark: str
    folder: Path
    out: Path = field(init=False)
    err: Path = field(init=False)

    def __post_init__(self) -> None:
        self.out, self.err = self.folder / "out", self.folder / "err"

    def says(self, text: str) -> None:
        """Wait until `text` stands on either stream."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if text in self.out.read_text() + self.err.read_text():
                return
            time.sleep(0.05)
        raise AssertionError(f"never said {text!r}: {self.err.read_text()}")

    def end(self, number: signal.Signals) -> int:
        """Its exit code after the signal, which Ctrl-C sends to the whole group, as a terminal does."""
        if number == CTRL_C:
            os.killpg(self.process.pid, number)
        else:
            os.kill(self.process.pid, number)
        return self.process.wait(PATIENCE_S)

    def left(self, wait_s: float = 5.0) -> list[str]:
        """Command lines of processes that bear the mark still."""
        deadline = time.monotonic() + wait_s
        while True:
            found = [line for _, line in self.marked()]
            if not found or time.monotonic() >= deadline:
                return found
            time.sleep(0.1)

    def marked(self) -> Iterator[tuple[int, str]]:
        """Process ids and command lines of all that bear the mark."""
        sought = f"{MARK}={self.mark}".encode()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and sought in (entry / "environ").read_bytes().split(b"\0"):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if line:  # none: it has ended and waits for its parent
                        yield int(entry.name), line
            except OSError:
                continue


Start = Callable[[Sequence[str]], Running]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts `quorate ARGUMENTS` where temporary files go into a folder of its own."""
    started: list[Running] = []

    def begin(arguments: Sequence[str]) -> Running:
        folder = Path(tempfile.mkdtemp(prefix="q-"))  # short: a socket's path has to fit into it
        (folder / "tmp").mkdir()
        running = Running(None, uuid.uuid4().hex, folder)  # type: ignore[arg-type]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUORATE_")}
        environment |= {MARK: running.mark, "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(PROJECT)}
        environment["QUORATE_DATA_DIR"] = str(folder / "data")
        if "--config" not in arguments:  # the environment would override what the file says
            environment["QUORATE_DEPLOYMENTS"] = str(folder / "deployments")
        with running.out.open("w") as out, running.err.open("w") as err:
            running.process = subprocess.Popen(
                [sys.executable, "-m", "dapp", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        started.append(running)
        return running

    yield begin
    for running in started:
        for pid, _ in running.marked():
            os.kill(pid, signal.SIGKILL)
        running.process.wait()
        shutil.rmtree(running.folder)


@pytest.fixture
def port() -> int:
    if not (PROJECT / ".tools/bin/anvil").exists() and shutil.which("anvil") is None:
        pytest.skip("anvil is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def nothing_left(running: Running) -> bool:
    assert running.left() == []
    assert list((running.folder / "tmp").glob("quorate-*")) == []
    return "Traceback" not in running.err.read_text()


@pytest.mark.parametrize(("number", "code"), [(CTRL_C, Exit.OK), (TERM, 143), (CLOSED, 143)])
def test_devnet_ended_takesAnvilAlong(start: Start, port: int, number: signal.Signals, code: int) -> None:
    running = start(["devnet", "--port", str(port), "--json"])
    running.says('"rpc"')
    assert any("anvil" in line for _, line in running.marked())
    assert running.end(number) == code
    assert nothing_left(running)
    document = json.loads(running.out.read_text())  # one, although SIGTERM came after it
    assert (document["ok"], document["data"]["rpc"]) == (True, f"http://127.0.0.1:{port}")
    assert (running.folder / "deployments/31337.json").is_file()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_devnet_killed_takesAnvilAlong(start: Start, port: int) -> None:
    running = start(["devnet", "--port", str(port)])
    running.says(f"http://127.0.0.1:{port}")
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    assert running.left() == []


def test_devnet_secondCtrlCWhileItStops_isNotHeard(start: Start, port: int) -> None:
    running = start(["devnet", "--port", str(port)])
    running.says(f"http://127.0.0.1:{port}")
    for _ in range(5):
        os.killpg(running.process.pid, CTRL_C)
        time.sleep(0.01)
    assert running.process.wait(PATIENCE_S) == Exit.OK
    assert nothing_left(running)


def test_devnet_anvilKilledByOthers_isToldAndEnds(start: Start, port: int) -> None:
    running = start(["devnet", "--port", str(port)])
    running.says(f"http://127.0.0.1:{port}")
    for pid in [pid for pid, line in running.marked() if "--mnemonic" in line]:
        os.kill(pid, signal.SIGKILL)
    assert running.process.wait(PATIENCE_S) == Exit.FAILED
    assert "Error (devnet-failed): anvil ended by itself" in running.err.read_text()
    assert nothing_left(running)


@pytest.mark.parametrize(
    ("number", "code", "error"),
    [(CTRL_C, 130, "interrupted"), pytest.param(TERM, 143, "terminated", marks=pytest.mark.long)],
)
def test_demo_ended_takesAnvilAndWorkersAlong(
    start: Start, port: int, number: signal.Signals, code: int, error: str
) -> None:
    running = start(["demo", "--dataset", "digits", "--out", "report", "--json"])
    running.says("contributor 2: ")  # a worker trains
    lines = [line for _, line in running.marked()]
    assert any("anvil" in line for line in lines)
    assert sum("multiprocessing" in line and "spawn_main" in line for line in lines) >= 1
    assert running.end(number) == code
    assert nothing_left(running)
    said = json.loads(running.out.read_text())["error"]
    assert (said["code"], "a demo begins anew" in said["fix"]) == (error, True)


@pytest.mark.parametrize(
    ("number", "code", "error"),
    [(CTRL_C, 130, "interrupted"), pytest.param(TERM, 143, "terminated", marks=pytest.mark.long)],
)
def test_agent_endedWhileItWaits_saysSoAndGoesOnLater(
    start: Start,
    devnet: tuple[Anvil, str],
    quorate: Quorate,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
    error: str,
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    monkeypatch.setattr("dapp.chain.rpc.FIRST_PAUSE_S", 0.0)
    signed = ["--account", str(number), "--yes", "--rpc", devnet[0].http_url]
    terms = ["--dataset", "digits", "--seed", str(number), "--notice", "86400"]
    task = quorate(["task", "open", *terms, *signed]).out.strip()
    config = Path("quorate.toml").resolve()
    config.write_text(f'deployments = "{devnet[1]}"\n')
    agent = ["agent", task, "--role", "verifier", "--json", *signed, "--config", str(config)]
    running = start(agent)
    running.says("nothing due for 2")  # for a day, less what passed
    assert running.end(number) == code
    assert nothing_left(running)
    assert json.loads(running.out.read_text())["error"]["code"] == error
    data_dir = ["--data-dir", str(running.folder / "data")]
    again = quorate([*agent, "--once", *data_dir]).document
    assert (again["ok"], again["data"]["phase"]) == (True, "notice")
