"""What is there where no chain is configured, and the command that serves it."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dapp.config import Settings
from dapp.web import WebSettings, create_app
from dapp.web.sample import sample
from tests.dapp.web.conftest import BASE


def test_sample_isATaskBeingJudged_withABallotSealed_andOthersOpen(tmp_path: Path) -> None:
    with sample(Settings(data_dir=tmp_path), lambda what, done, total: None) as made:
        app = create_app(WebSettings(made.settings, poll_s=0))
        with TestClient(app, base_url=BASE) as client:
            page = client.get(f"/tasks/0x{made.task.hex()}.json").json()["page"]
            board = client.get("/tasks.json").json()["page"]
        assert (made.settings.data_dir / "index").is_dir()
        assert "0x" + made.task.hex() in _said(made.exports, "quorate task list")
    assert page["phase"]["name"] == "vote"
    assert [model["verdict"] for model in page["models"]] == ["pending"] * 3
    assert sorted(seat["state"] for seat in page["seats"]) == ["awaited", "awaited", "sealed"]
    assert {seat["verifier"] for seat in page["seats"] if seat["state"] == "awaited"} == set(made.verifiers)
    assert board["known"] == 3
    assert not made.settings.data_dir.exists()


def _said(exports: str, command: str) -> str:
    """What a shell prints that has just been given the line."""
    line = f"{exports} && exec {command.replace('quorate', f'{shlex.quote(sys.executable)} -m dapp', 1)}"
    return subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True).stdout


@pytest.mark.long
def test_web_withoutAChain_makesItsOwn_servesIt_andEndsWithCtrlC(tmp_path: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("QUORATE_")}
    command = [
        sys.executable,
        "-m",
        "dapp",
        "web",
        "--port",
        str(port),
        "--json",
        "--data-dir",
        str(tmp_path),
    ]
    command += ["--data-dir", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, env=environment, text=True) as server:  # type: ignore[call-overload]
        assert server.stdout is not None and server.stderr is not None
        answer = json.loads(server.stdout.readline())
        assert answer["data"]["url"] == f"http://127.0.0.1:{port}"
        assert _get(port, "/tasks.json")["page"]["known"] == 3
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        assert "Traceback" not in server.stderr.read()


def _get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())
